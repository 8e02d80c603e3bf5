"""What a pass knows of notifications: whom the administrator names, and what became of those that are under way."""

from dataclasses import dataclass
from enum import StrEnum

from penstock_contracts.api.notify import NotificationReceiver


class NotificationDelivery(StrEnum):
    """How far a notification is with one receiver; metrics have the same words."""

    DELIVERED = "delivered"
    AWAY = "away"
    """It is tried again: the receiver does not take it now, or its Secret cannot be read."""
    FAILED = "failed"
    """It is not tried again: the receiver refuses it."""


@dataclass(frozen=True, kw_only=True)
class NotificationAnswer:
    """What became of one notification at one receiver."""

    id: str
    to: str
    """Name of the receiver."""
    delivery: NotificationDelivery
    message: str = ""
    """Why it does not have it; the same words as long as the reason is the same."""


@dataclass(frozen=True, kw_only=True)
class NotificationView:
    """What is known now."""

    defaults: tuple[NotificationReceiver, ...] = ()
    """The administrator's receivers: those of a resource whose spec names none."""
    answers: tuple[NotificationAnswer, ...] = ()
