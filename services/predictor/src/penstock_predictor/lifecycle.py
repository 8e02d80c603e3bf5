"""What this pod may be asked for, and why: loading -> ready -> draining, or failed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """The word that /health shows."""

    LOADING = "Loading"
    READY = "Ready"
    DRAINING = "Draining"
    """Not ready, so that no sender picks this pod any more, and still answering those that have not noticed."""
    FAILED = "Failed"


@dataclass(frozen=True)
class State:
    """A phase and the reason why it is not Ready; empty when it is."""

    phase: Phase
    reason: str = ""


class Lifecycle:
    """The pod's state.

    Draining is kept apart from the rest: it is set by a signal handler, which may interrupt any other line here, and
    nothing that happens later ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = State(Phase.LOADING, "starting")
        self._drained_at: float | None = None

    @property
    def state(self) -> State:
        """What holds now."""
        if self._drained_at is not None:
            return State(Phase.DRAINING, "the pod is being stopped: send requests elsewhere")
        return self._state

    @property
    def ready(self) -> bool:
        """Whether new senders may choose this pod."""
        return self.state.phase is Phase.READY

    @property
    def draining(self) -> bool:
        """Whether senders shall be moved elsewhere."""
        return self._drained_at is not None

    @property
    def drained(self) -> bool:
        """Whether every sender has had its time to notice."""
        return self._drained_at is not None and self._clock() >= self._drained_at

    def loading(self, step: str) -> None:
        """Say what readiness waits for."""
        self._state = State(Phase.LOADING, step)

    def loaded(self) -> None:
        """The golden request was answered right."""
        self._state = State(Phase.READY)

    def failed(self, reason: str) -> None:
        """The model cannot be served."""
        self._state = State(Phase.FAILED, reason)

    def drain(self, seconds: float) -> None:
        """Start to drain. A second call changes nothing; before the model serves, there is nobody to wait for."""
        if self._drained_at is None:
            self._drained_at = self._clock() + (seconds if self.ready else 0)
