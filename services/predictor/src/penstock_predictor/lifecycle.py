"""What this pod may be asked for, and why: loading -> ready -> draining, or failed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class LifecycleStage(StrEnum):
    """The word that /health shows."""

    LOADING = "Loading"
    READY = "Ready"
    DRAINING = "Draining"
    """Not ready, so that no sender picks this pod any more, and still answering those that have not noticed."""
    FAILED = "Failed"


@dataclass(frozen=True)
class LifecycleState:
    """A stage and the reason why it is not Ready; empty when it is."""

    stage: LifecycleStage
    reason: str = ""


class Lifecycle:
    """The pod's state.

    Draining is kept apart from the rest: it is set by a signal handler, which may interrupt any other line here, and
    nothing that happens later ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = LifecycleState(LifecycleStage.LOADING, "starting")
        self._drained_at: float | None = None

    @property
    def state(self) -> LifecycleState:
        """What holds now."""
        if self._drained_at is not None:
            return LifecycleState(LifecycleStage.DRAINING, "the pod is being stopped: send requests elsewhere")
        return self._state

    @property
    def ready(self) -> bool:
        """Whether new senders may choose this pod."""
        return self.state.stage is LifecycleStage.READY

    @property
    def draining(self) -> bool:
        """Whether senders shall be moved elsewhere."""
        return self._drained_at is not None

    @property
    def drained(self) -> bool:
        """Whether every sender has had its time to notice."""
        return self._drained_at is not None and self._clock() >= self._drained_at

    def report_step(self, step: str) -> None:
        """Say what readiness waits for."""
        self._state = LifecycleState(LifecycleStage.LOADING, step)

    def become_ready(self) -> None:
        """The golden request was answered right."""
        self._state = LifecycleState(LifecycleStage.READY)

    def fail(self, reason: str) -> None:
        """The model cannot be served."""
        self._state = LifecycleState(LifecycleStage.FAILED, reason)

    def drain(self, seconds: float) -> None:
        """Start to drain. A second call changes nothing; before the model serves, there is nobody to wait for."""
        if self._drained_at is None:
            self._drained_at = self._clock() + (seconds if self.ready else 0)
