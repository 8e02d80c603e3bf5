"""Times as they stand in status."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(then: str, now: datetime) -> float:
    """Seconds from a stamp to now."""
    return (now - datetime.fromisoformat(then)).total_seconds()
