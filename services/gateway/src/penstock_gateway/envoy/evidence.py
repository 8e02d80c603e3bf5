"""Envoy's counters of tries, as evidence. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_contracts.evidence import MOST_PODS, PodTries, RevisionTries, TryReason
from penstock_gateway.envoy.bootstrap import POD_TAGS, TRIES_PREFIX, TRY_TAGS
from penstock_gateway.envoy.routes import BY_MATCH
from penstock_gateway.splits.configuration import Role

_TAGS = {"tries": TRY_TAGS, "pods": POD_TAGS}
_REASONS = {Role.USERS: TryReason.USERS, Role.RESCUE: TryReason.RESCUE, Role.SHADOW: TryReason.SHADOW}
_NO_ANSWER = 0
_FIRST_SERVER_ERROR = 500
_REFUSED_FOR_LOAD = (408, 429)
_TIMED_OUT, _UNREACHABLE, _RESET, _TOO_MANY = {"UT"}, {"UF"}, {"UC", "UR", "UPE", "LR"}, {"UO"}


@dataclass(frozen=True, kw_only=True)
class _Tries:
    """Tries that ended alike."""

    revision: str
    role: Role
    attempt: str
    by: str
    code: int
    flags: frozenset[str]
    took: int | None
    """The bucket of latency; None: nobody asked."""
    pod: str | None
    """The address of the pod; empty: nobody asked; None: these are counted whatever the pod was."""

    @property
    def has_latency(self) -> bool:
        """Whether its time says how fast the server is: it answered, or it was still silent when it was given up.

        Who refuses at once, or breaks off, is not fast. That is the error rate's to judge.
        """
        if self.took is None:
            return False
        if self.code != _NO_ANSWER:
            return not self.failure
        return self._silence() in (None, "timeout") and not self.flags & _TOO_MANY

    @property
    def failure(self) -> str | None:
        """Why the server failed; empty: it did not; None: nothing is known, as nobody waited for the end.

        A slow answer is an answer: how long it took is not judged here.
        """
        if self.code >= _FIRST_SERVER_ERROR or self.code in _REFUSED_FOR_LOAD:
            return str(self.code)
        if self.code != _NO_ANSWER:
            return ""
        return self._silence()

    def _silence(self) -> str | None:
        if self.flags & _TOO_MANY:
            return None  # our own bound: no server was tried
        if self.flags & _TIMED_OUT:
            return "timeout"
        if self.flags & _UNREACHABLE:
            return "unreachable"
        if self.flags & _RESET:
            return "reset"
        # Of users' requests: the client left, or another try's answer came first. A copy has no client, and is not
        # tried twice: only the time limit ends it without a word.
        return "timeout" if self.role is Role.SHADOW else None


def evidence_of_attempt(counters: Mapping[str, int], attempt: int) -> tuple[RevisionTries, ...]:
    """Return an attempt's tries by revision and reason, sorted.

    Requests that a header steered are left out: whoever sends them chose the revision.
    """
    grouped: dict[tuple[str, TryReason], _Counted] = {}
    for name, count in counters.items():
        one = _parse(name)
        if one.attempt == str(attempt) and one.by != BY_MATCH and (one.failure is not None or one.has_latency):
            grouped.setdefault((one.revision, _REASONS[one.role]), _Counted()).add(one, count)
    return tuple(counted.tries(revision, reason) for (revision, reason), counted in sorted(grouped.items()))


@dataclass(frozen=True)
class _Counted:
    """Tries at one revision for one reason."""

    ends: Counter[str] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)
    pods: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, one: _Tries, count: int) -> None:
        if one.pod is not None:
            self._add_at_pod(one, count)
            return
        if one.failure is not None:
            self.ends[one.failure] += count
        if one.took is not None and one.has_latency:
            self.latencies[one.took] += count

    def _add_at_pod(self, one: _Tries, count: int) -> None:
        # Later tries are no evidence, so nobody asks at which pod they were.
        if one.pod and one.failure is not None and one.role is not Role.RESCUE:
            self.pods.setdefault(one.pod, Counter())[one.failure] += count

    def tries(self, revision: str, reason: TryReason) -> RevisionTries:
        kinds = _kinds(self.ends)
        return RevisionTries(
            revision=revision,
            reason=reason,
            tries=self.ends.total(),
            failures=sum(kinds.values()),
            kinds=kinds,
            latencies=dict(sorted(self.latencies.items())),
            pods=tuple(_at_pod(*one) for one in sorted(self.pods.items())[:MOST_PODS]),
        )


def _at_pod(address: str, ends: Counter[str]) -> PodTries:
    kinds = _kinds(ends)
    return PodTries(address=address, tries=ends.total(), failures=sum(kinds.values()), kinds=kinds)


def _kinds(ends: Counter[str]) -> dict[str, int]:
    return {kind: count for kind, count in sorted(ends.items()) if kind}


def _parse(name: str) -> _Tries:
    kind, _, tagged = name.removeprefix(f"{TRIES_PREFIX}.").partition(".")
    expected = _TAGS[kind]
    # The last value may have dots in it.
    words = tagged.split(".", 2 * len(expected) - 1)
    tags = dict(zip(words[::2], words[1::2], strict=True))
    if tags.keys() != expected.keys():
        raise ValueError(f"Envoy counted tries as {name!r}, which has not the tags {sorted(expected)}")
    took = tags.get("took")
    return _Tries(
        revision=tags["revision"],
        role=Role(tags["role"]),
        attempt=tags["attempt"],
        by=tags["by"],
        code=int(tags["code"]),
        flags=frozenset(tags["flags"].split(",")),
        took=int(took) if took else None,
        pod=_without_port(tags["pod"]) if "pod" in tags else None,
    )


def _without_port(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")
