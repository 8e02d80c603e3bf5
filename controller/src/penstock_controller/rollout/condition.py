"""What a condition is to say."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ConditionState:
    """A condition without its times."""

    type: str
    status: bool | None
    """None: it is not known."""
    reason: str
    message: str
