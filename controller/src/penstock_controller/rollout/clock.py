"""What becomes of running times when the clock is not the one that stamped them. Pure: `now` comes in.

Within a process the clock is steady. Between two processes nobody knows how long nobody looked, or whose clock was
right: what had passed when status was written last has passed, and the time between does not count. So a clock that
jumps promotes nothing, ends no bake and no pause, and runs out no deadline; nor does it leave any of them deaf.
"""

from datetime import datetime, timedelta

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_controller.rollout.timestamps import exact_stamp, moment


def rebase(status: ModelDeploymentStatus, now: datetime, *, resumed: bool) -> ModelDeploymentStatus:
    """The status with running times by this clock. `resumed`: this process has not looked at the resource before."""
    gap = now - _last_look(status, now) if resumed else timedelta()
    evidence, candidate, previous = status.evidence, status.candidate, status.previous
    return evolve(
        status,
        candidate=candidate
        and evolve(
            candidate,
            step_since=_at(candidate.step_since, now, gap),
            waiting_since=_at(candidate.waiting_since, now, gap),
            unavailable_since=_at(candidate.unavailable_since, now, gap),
        ),
        previous=previous
        and evolve(
            previous,
            baking_since=_move(previous.baking_since, now, gap),
            unavailable_since=_at(previous.unavailable_since, now, gap),
        ),
        retiring=tuple(evolve(item, unrouted_at=_at(item.unrouted_at, now, gap)) for item in status.retiring),
        evidence=evidence
        and evolve(
            evidence,
            taken_at=_move(evidence.taken_at, now, gap),
            shares_since=_at(evidence.shares_since, now, gap),
            since=_at(evidence.since, now, gap),
            asked_since=_at(evidence.asked_since, now, gap),
        ),
    )


def _last_look(status: ModelDeploymentStatus, now: datetime) -> datetime:
    """When status was last known to be written: counters are read in each interval, other stamps are made once."""
    evidence, candidate, previous = status.evidence, status.candidate, status.previous
    stamps = [evidence.taken_at if evidence else None, *(item.unrouted_at for item in status.retiring)]
    if candidate:
        stamps += [candidate.step_since, candidate.waiting_since, candidate.unavailable_since]
    if previous:
        stamps += [previous.baking_since, previous.unavailable_since]
    return max((moment(stamp) for stamp in stamps if stamp), default=now)


def _at(stamp: str | None, now: datetime, gap: timedelta) -> str | None:
    return None if stamp is None else _move(stamp, now, gap)


def _move(stamp: str, now: datetime, gap: timedelta) -> str:
    """The stamp by this clock; one from the future means now. Untouched where it need not move."""
    by_now = min(now, moment(stamp) + gap)
    return stamp if by_now == moment(stamp) else exact_stamp(by_now)
