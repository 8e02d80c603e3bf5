"""A message for Slack's incoming webhooks, and for all that take their form (Mattermost, Rocket.Chat, Discord).

It has one attachment with fields, as Flagger's has: blocks are understood by Slack alone.
"""

from datetime import datetime

from penstock_contracts.api.notify import NotificationReceiver, PendingNotification
from penstock_controller.messages.subject import NotificationSubject, facts, headline, one_line

_COLOURS = {"error": "danger", "warn": "warning"}
_WIDE = frozenset({"Resource", "Model", "Time"})
"""Facts that do not share a line."""


def slack_message(
    subject: NotificationSubject, item: PendingNotification, receiver: NotificationReceiver
) -> dict[str, object]:
    """The message. Nothing in it is read as markup: formatting is off, and what is left of it is escaped."""
    title, said = _escaped(headline(subject, item)), _escaped(one_line(item.message))
    attachment: dict[str, object] = {
        "fallback": f"{title}: {said}",
        "color": _COLOURS.get(item.severity, "good"),
        "text": said,
        "fields": [
            {"title": name, "value": _escaped(value), "short": name not in _WIDE}
            for name, value in facts(subject, item)
        ],
        "mrkdwn_in": [],
        "footer": "Penstock",
        "ts": int(datetime.fromisoformat(item.at).timestamp()),
    }
    if subject.page:
        attachment |= {"title": "Live data", "title_link": subject.page}
    whose = {"channel": receiver.channel, "username": receiver.username}
    named = {key: value for key, value in whose.items() if value}
    return {**named, "text": title, "mrkdwn": False, "attachments": [attachment]}


def _escaped(text: str) -> str:
    """As Slack asks for it: no <!channel>, no link. An @ is kept from others that read @all in plain text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("@", "@\u200b")
