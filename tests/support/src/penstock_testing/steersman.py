"""Who says the words of docs/user/steering.md to a ModelDeployment, and holds the controller to that page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from penstock_contracts.verbs import Verb
from penstock_testing import steering_page
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed, word_at
from penstock_testing.platform import wait_for

_POINTERS = ("stable", "previous", "refused", "hold")
_CLOCKS = {"waitingSince", "waitedSeconds", "unavailableSince"}
"""Of a candidate: they go on by themselves."""
_EVENT_SECONDS = 10


@dataclass(frozen=True)
class Steersman:
    """Steers one resource."""

    deployed: Deployed
    page: Mapping[tuple[Verb, str], steering_page.Cell] = field(default_factory=steering_page.read)
    met: set[tuple[Verb, str]] = field(default_factory=set)
    """Cells of the page that were seen to hold."""

    def does(self, verb: Verb, phase: str, version: str = "") -> None:
        """Say a word that acts in the phase where the resource is now."""
        assert self.page[verb, phase].does, f"{verb} in {phase}: the page says that it is refused"
        status = self._silent_in(phase)
        self.deployed.say(verb, status, version)
        # The Event is there before the status that it tells of.
        self.deployed.wait_handled(verb)
        self._told("CommandAccepted", {f"{verb} {word_at(status, version)} accepted in phase {phase}"})
        self.met.add((verb, phase))

    def is_refused(self, phase: str, besides: Mapping[Verb, str] | None = None) -> None:
        """Say all that is refused in that phase, at once: it is told why, and nothing changes.

        `besides`: verbs that act in that phase, but for what they meet here, and what is told of it.
        """
        why = {verb: cell.why_not for (verb, at), cell in self.page.items() if at == phase and cell.why_not}
        said = why | dict(besides or {})
        before = self._silent_in(phase)
        text = word_at(before)
        self.deployed.say_at_once(said, text)
        # All of one change are heard in one pass.
        after = self.deployed.wait_handled(next(iter(said)))
        self._told("CommandDenied", (f"{verb} {text} denied in phase {phase}: {said[verb]}" for verb in said))
        assert _standing(after) == _standing(before), f"before: {_standing(before)}; after: {_standing(after)}"
        self.met.update((verb, phase) for verb in why)

    def lacks(self, *phases: str) -> set[tuple[Verb, str]]:
        """What the page says of these phases and was not seen to hold."""
        return {cell for cell in self.page if cell[1] in phases} - self.met

    def _silent_in(self, phase: str) -> Object:
        """The status in that phase with nothing said."""
        status = self.deployed.take_back(*Verb)
        return status if status.get("phase") == phase else self.deployed.wait_for_phase(phase)

    def _told(self, reason: str, messages: Iterable[str]) -> None:
        expected = set(messages)
        wait_for(
            f"Events {reason}: {sorted(expected)}",
            lambda: expected <= set(self.deployed.events(reason)) or None,
            _EVENT_SECONDS,
        )


def _standing(status: Object) -> Object:
    """What no refused word may change."""
    candidate = {name: value for name, value in (status.get("candidate") or {}).items() if name not in _CLOCKS}
    conditions = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
    kept = {name: status.get(name) for name in (*_POINTERS, "phase", "attempt", "history")}
    weights = {each["revision"]: each["weight"] for each in _desired(status) if each["weight"]}
    return kept | {"candidate": candidate, "conditions": conditions, "weights": weights}


def _desired(status: Object) -> list[Object]:
    return list(((status.get("traffic") or {}).get("desired") or {}).get("backends", ()))
