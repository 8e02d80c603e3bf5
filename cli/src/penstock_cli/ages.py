"""How long ago something was, as kubectl writes it."""

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def age(since: str, now: datetime) -> str:
    """From an RFC 3339 time until now: `45s`, `12m`, `3h`, `2d`. Empty where there is no such time."""
    try:
        then = datetime.fromisoformat(since)
    except ValueError:
        return ""
    seconds = max(0, int((now - then.replace(tzinfo=then.tzinfo or UTC)).total_seconds()))
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
