"""A difference between what two versions take and answer, and what it does to callers."""

from dataclasses import dataclass
from enum import StrEnum


class ChangeEffect(StrEnum):
    """What a change does to callers."""

    HARMLESS = "harmless"
    BREAKS = "breaks"
    """A request that is answered today would be refused, or answered with another meaning."""
    UNKNOWN = "unknown"
    """The cards do not say."""


@dataclass(frozen=True, kw_only=True)
class InterfaceChange:
    """A difference between what two versions take and answer."""

    effect: ChangeEffect
    message: str
    """Which tensor or column, what it is now, and what stable's is."""


def breaks(message: str) -> InterfaceChange:
    """A change that breaks callers."""
    return InterfaceChange(effect=ChangeEffect.BREAKS, message=message)


def unknown(message: str) -> InterfaceChange:
    """A change of which the cards do not say what it does."""
    return InterfaceChange(effect=ChangeEffect.UNKNOWN, message=message)


def harmless(message: str) -> InterfaceChange:
    """A change that no caller needs to know of."""
    return InterfaceChange(effect=ChangeEffect.HARMLESS, message=message)
