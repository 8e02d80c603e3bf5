"""A message for webhooks of Teams' Workflows: an Adaptive Card. Connectors and their MessageCards are retired."""

from penstock_contracts.api.notify import PendingNotification
from penstock_controller.messages.subject import NotificationSubject, facts, headline, one_line

_COLOURS = {"error": "Attention", "warn": "Warning"}


def teams_message(subject: NotificationSubject, item: PendingNotification) -> dict[str, object]:
    """The message. Its texts are text runs, in which no Markdown is read: neither links nor mentions."""
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": "Penstock: this client shows no Adaptive Cards",
        "msteams": {"width": "Full"},
        "body": [
            _line(
                _run(
                    headline(subject, item),
                    size="Medium",
                    weight="Bolder",
                    color=_COLOURS.get(item.severity, "Good"),
                )
            ),
            _line(_run(one_line(item.message) or "-")),
            *(
                _line(_run(f"{name}: ", weight="Bolder"), _run(value), spacing="None" if number else "Medium")
                for number, (name, value) in enumerate(facts(subject, item))
            ),
        ],
    }
    if subject.page:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Live data", "url": subject.page}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _line(*runs: dict[str, object], spacing: str = "Default") -> dict[str, object]:
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": list(runs)}


def _run(text: str, **style: str) -> dict[str, object]:
    return {"type": "TextRun", "text": text, **style}
