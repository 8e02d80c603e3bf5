"""One notification for one receiver, as it is sent."""

import json
from dataclasses import dataclass, field
from typing import assert_never

from penstock_contracts.api.notify import NotificationReceiver, PendingNotification, ReceiverType
from penstock_controller.messages.adaptive_card import teams_message
from penstock_controller.messages.document import document
from penstock_controller.messages.slack import slack_message
from penstock_controller.messages.subject import NotificationSubject


@dataclass(frozen=True, kw_only=True)
class NotificationPost:
    """What is sent. Where to stands in a Secret."""

    name: str
    """The Idempotency-Key: the same with each try."""
    body: bytes = field(repr=False)
    """JSON."""
    says_ok: bool = False
    """Its receiver may say in an answer of success that it took nothing, as Slack does."""


def notification_post(
    subject: NotificationSubject, item: PendingNotification, receiver: NotificationReceiver
) -> NotificationPost:
    """The same notification makes the same post, whenever it is built."""
    body = json.dumps(_sent(subject, item, receiver), ensure_ascii=False, allow_nan=False).encode()
    is_slack = receiver.type is ReceiverType.SLACK
    return NotificationPost(name=f"{subject.uid}/{item.id}/{receiver.name}", body=body, says_ok=is_slack)


def _sent(subject: NotificationSubject, item: PendingNotification, receiver: NotificationReceiver) -> dict[str, object]:
    match receiver.type:
        case ReceiverType.SLACK:
            return slack_message(subject, item, receiver)
        case ReceiverType.MSTEAMS:
            return teams_message(subject, item)
        case ReceiverType.WEBHOOK:
            return document(subject, item)
        case never:
            assert_never(never)
