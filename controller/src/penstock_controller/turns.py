"""Who may begin an attempt with other predictor pods now: one place for all resources of this controller."""

from collections.abc import Callable, Iterable

from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.slots import SlotState

_UNSEEN = "waits until the controller, which has just started, has looked at every ModelDeployment"


class Turns:
    """Counts attempts under way by what each resource's last pass left. Bounded by the number of resources.

    A turn is given where it is asked for, before anything else can happen, so two passes at the same time cannot both
    take the last one. After a restart nobody gets one before all resources have been seen.
    """

    def __init__(self, limit: int, wake: Callable[[ResourceKey], None]) -> None:
        """`limit`: attempts under way at the same time. `wake`: called for a key whose turn may have come."""
        self._limit = limit
        self._wake = wake
        self._standings: dict[ResourceKey, SlotState] = {}
        self._waiting: dict[ResourceKey, None] = {}
        """In the order in which they asked."""
        self._given: set[ResourceKey] = set()
        self._unseen: set[ResourceKey] | None = None
        """Resources that were there at the start and have not been looked at; None: it is not known which."""

    def expect(self, keys: Iterable[ResourceKey]) -> None:
        """All resources that there are when the controller starts."""
        self._unseen = set(keys) - self._standings.keys()
        for key in self._unseen:
            self._wake(key)  # one that is deleted before the watch begins has no event: a pass finds that it is gone
        self._wake_first()

    def ask(self, key: ResourceKey, *, wants: bool) -> str:
        """Why a resource's attempt must wait; empty: it may begin, or wants no turn."""
        if not wants:
            self._waiting.pop(key, None)
            self._given.discard(key)
            return ""
        if key in self._given:
            return ""
        self._waiting.setdefault(key)
        why = self._why(key)
        if not why:
            del self._waiting[key]
            self._given.add(key)
        return why

    def is_on_trial(self, key: ResourceKey) -> bool:
        """Whether its last pass left an attempt under way."""
        standing = self._standings.get(key)
        return standing is not None and standing.on_trial

    def note(self, key: ResourceKey, standing: SlotState) -> None:
        """A pass over a resource has ended."""
        before, halt = self._standings.get(key), self._halt()
        unused = key in self._given and not standing.on_trial
        self._standings[key] = standing
        self._given.discard(key)
        self._looked_at(key)
        if halt != self._halt():
            self._wake_all()
        elif unused or before != standing:
            self._wake_first()

    def skip(self, key: ResourceKey) -> None:
        """A resource that cannot be read begins nothing: it stands in nobody's way."""
        self._waiting.pop(key, None)
        self._given.discard(key)
        self._looked_at(key)
        self._wake_first()

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone."""
        self._waiting.pop(key, None)
        self._given.discard(key)
        halt = self._halt()
        self._standings.pop(key, None)
        self._looked_at(key)
        if halt != self._halt():
            self._wake_all()
        else:
            self._wake_first()

    def _looked_at(self, key: ResourceKey) -> None:
        if self._unseen and key in self._unseen:
            self._unseen.discard(key)
            if not self._unseen:
                self._wake_all()

    def _why(self, key: ResourceKey) -> str:
        if self._unseen is None or self._unseen - {key}:
            return _UNSEEN
        halt = self._halt()
        if halt:
            return halt
        if list(self._waiting).index(key) < self._free():
            return ""
        return f"waits for its turn: {self._limit} at a time (controller.maxConcurrentRollouts)"

    def _halt(self) -> str:
        """Why nobody gets a turn; empty: no such pods failed, or they have served since where they had failed."""
        passed = max((standing.passed_at for standing in self._standings.values()), default="")
        failures = [
            (not standing.on_trial, key, standing.failure)
            for key, standing in self._standings.items()
            if standing.failure and standing.failed_at >= passed
        ]
        if not failures:
            return ""
        rests, key, failure = min(failures)
        ends = "; another predictor image, or a retry there that succeeds, ends that"
        return f"waits: such pods failed on {key} ({failure})" + (ends if rests else ", and are tried there again")

    def _free(self) -> int:
        under_way = {key for key, standing in self._standings.items() if standing.on_trial} | self._given
        return max(0, self._limit - len(under_way))

    def _wake_first(self) -> None:
        for key in list(self._waiting)[: self._free()]:
            self._wake(key)

    def _wake_all(self) -> None:
        for key in list(self._waiting):
            self._wake(key)
