"""Times as they stand in status."""

from datetime import UTC, datetime, timedelta


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: for intervals that may be shorter than seconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def later(moment: datetime, seconds: float) -> str:
    """The stamp of a time still to come, rounded to whole seconds: the same in each pass that looks at it."""
    return stamp(moment + timedelta(seconds=seconds + 0.5))


def moment(stamped: str) -> datetime:
    """The time that a stamp names; aware, also where somebody wrote one by hand without a zone."""
    then = datetime.fromisoformat(stamped)
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def seconds_since(then: str, now: datetime) -> float:
    """Seconds from a stamp to now. A stamp from the future means now."""
    return max(0.0, (now - moment(then)).total_seconds())
