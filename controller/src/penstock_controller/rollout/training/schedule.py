"""When a model is to be trained anew by its schedule. Pure."""

from datetime import datetime

from cronsim import CronSim, CronSimError

from penstock_contracts.api.retrain import RetrainingStatus
from penstock_contracts.base import evolve
from penstock_controller.rollout.timestamps import moment, stamp

FIELDS = 5


class BadSchedule(Exception):
    """It is no schedule. The message says what is wrong with it, and what one looks like."""


def next_time(schedule: str, after: datetime) -> datetime | None:
    """The first time of a schedule after a moment, in UTC; None: there is none. Raises BadSchedule.

    Of times that were missed (the controller was away) the first one counts, once.
    """
    fields = len(schedule.split())
    if fields != FIELDS:  # cronsim knows seconds, too
        raise BadSchedule(_wrong(schedule, f"{fields} fields, not {FIELDS}"))
    try:
        return next(CronSim(schedule, after), None)
    except CronSimError as error:
        raise BadSchedule(_wrong(schedule, str(error))) from error


def _wrong(schedule: str, why: str) -> str:
    return (
        f"spec.retrain.schedule {schedule!r}: {why}: write minute, hour, day, month and day of the week as cron does, "
        "in UTC, such as '0 3 * * MON'"
    )


def scheduled(known: RetrainingStatus, schedule: str, now: datetime) -> RetrainingStatus:
    """What is known, with the moment from which on times of the schedule count: when it was first read."""
    if known.schedule == schedule and not _is_ahead(known, now):
        return known
    since = stamp(now) if schedule else None
    return evolve(known, schedule=schedule, scheduled_since=since)


def due_at(known: RetrainingStatus) -> datetime | None:
    """When the next Job is due, which may be over; None: by no schedule. Raises BadSchedule."""
    if not known.schedule or not known.scheduled_since:
        return None
    return next_time(known.schedule, moment(known.scheduled_since))


def _is_ahead(known: RetrainingStatus, now: datetime) -> bool:
    """Whether its clock was set back since."""
    return known.scheduled_since is not None and moment(known.scheduled_since) > now
