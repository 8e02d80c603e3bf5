"""What a notification says of a resource, and how its texts are made fit to be shown."""

import unicodedata
from dataclasses import dataclass

from penstock_contracts.api.notify import PendingNotification

_SHOWN = {
    "Started": "is on trial",
    "Waiting": "waits for a person",
    "Refused": "is refused",
    "Promoted": "is promoted",
    "RolledBack": "is rolled back",
    "Superseded": "is superseded",
    "Aborted": "is aborted",
}


@dataclass(frozen=True, kw_only=True)
class NotificationSubject:
    """The resource that is spoken of."""

    namespace: str
    name: str
    uid: str
    model: str
    """Name of the registered model."""
    cluster: str = ""
    """As the administrator names it; empty: it has no name."""
    page: str = ""
    """Where people see the model's live data; empty: nowhere that is known."""


def one_line(text: str) -> str:
    """The text without what could pass for another line or field, or turn the direction of reading."""
    shown = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)
    return " ".join(shown.split())


def headline(subject: NotificationSubject, item: PendingNotification) -> str:
    """What happened, in some words."""
    what = _SHOWN.get(item.completion or item.event) or f"{item.event} {item.completion}".rstrip()
    where = f" on {subject.cluster}" if subject.cluster else ""
    return one_line(f"{subject.namespace}/{subject.name}{where}: version {item.version} {what}")


def facts(subject: NotificationSubject, item: PendingNotification) -> tuple[tuple[str, str], ...]:
    """Names and values, in the order in which they are shown. Those that are empty are left out."""
    found = (
        ("Cluster", subject.cluster),
        ("Resource", f"{subject.namespace}/{subject.name}"),
        ("Model", subject.model),
        ("Version", item.version),
        ("Attempt", str(item.attempt)),
        ("Completion", item.completion),
        ("Reason", item.reason),
        ("Time", item.at),
    )
    return tuple((name, one_line(value)) for name, value in found if value)
