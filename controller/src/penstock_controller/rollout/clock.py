"""What becomes of running times when the clock is not the one that stamped them. Pure: `now` comes in.

Within a process the clock is steady. Between two processes nobody knows how long nobody looked, or whose clock was
right: what had passed when status was written last has passed, and the time between does not count. So a clock that
jumps promotes nothing, ends no bake and no pause, and runs out no deadline; nor does it leave any of them deaf.
"""

from datetime import datetime, timedelta
from typing import TypeVar

from penstock_contracts.api.status import Candidate, ModelDeploymentStatus, Previous
from penstock_controller.rollout.timestamps import exact_stamp, moment

_Pointer = TypeVar("_Pointer", Candidate, Previous)
_CANDIDATE = ("step_since", "waiting_since", "unavailable_since")
_PREVIOUS = ("baking_since", "unavailable_since")


def followed(status: ModelDeploymentStatus, now: datetime, *, resumed: bool) -> ModelDeploymentStatus:
    """The status with running times by this clock. `resumed`: this process has not looked at the resource before."""
    gap = now - _last_look(status, now) if resumed else timedelta()
    evidence = status.evidence
    update = {
        "candidate": _moved(status.candidate, _CANDIDATE, now, gap),
        "previous": _moved(status.previous, _PREVIOUS, now, gap),
        "retiring": tuple(
            item.model_copy(update={"unrouted_at": _at(item.unrouted_at, now, gap)}) for item in status.retiring
        ),
        "evidence": evidence and evidence.model_copy(update={"taken_at": _at(evidence.taken_at, now, gap)}),
    }
    return status.model_copy(update=update)


def _last_look(status: ModelDeploymentStatus, now: datetime) -> datetime:
    """When status was last known to be written: counters are read in each interval, other stamps are made once."""
    evidence, candidate, previous = status.evidence, status.candidate, status.previous
    stamps = [evidence.taken_at if evidence else None, *(item.unrouted_at for item in status.retiring)]
    stamps += [getattr(candidate, name) for name in _CANDIDATE] if candidate else []
    stamps += [getattr(previous, name) for name in _PREVIOUS] if previous else []
    return max((moment(stamp) for stamp in stamps if stamp), default=now)


def _moved(pointer: _Pointer | None, names: tuple[str, ...], now: datetime, gap: timedelta) -> _Pointer | None:
    if pointer is None:
        return None
    return pointer.model_copy(update={name: _at(getattr(pointer, name), now, gap) for name in names})


def _at(stamp: str | None, now: datetime, gap: timedelta) -> str | None:
    """The stamp by this clock; one from the future means now. Untouched where it need not move."""
    if stamp is None:
        return None
    by_now = min(now, moment(stamp) + gap)
    return stamp if by_now == moment(stamp) else exact_stamp(by_now)
