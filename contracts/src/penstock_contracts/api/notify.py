"""Who is told of an attempt's course: `spec.notify`, and in status what is still to be sent."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from penstock_contracts.api.schema import ApiModel, LongName, Name, StatusModel, cel

MOST_RECEIVERS = 8
MOST_PENDING = 16
"""Notifications that wait at the same time: of more than that the oldest are given up."""
LONGEST_MESSAGE = 1024
"""Characters."""


class ReceiverType(StrEnum):
    """The form in which a receiver wants it."""

    SLACK = "slack"
    MSTEAMS = "msteams"
    WEBHOOK = "webhook"


class Severity(StrEnum):
    """How much a notification matters, in ascending order."""

    INFO = "info"
    """Begun, promoted, superseded, or aborted by a person."""
    WARN = "warn"
    """The candidate waits for a person."""
    ERROR = "error"
    """Rolled back, or refused before it was tried."""

    @property
    def rank(self) -> int:
        """Its place in that order."""
        return list(Severity).index(self)


class SecretReference(ApiModel):
    """A Secret by its name."""

    name: LongName
    """In the resource's namespace; of the chart's receivers, in the release's. The controller must be let get it."""


class NotificationReceiver(ApiModel):
    """Who is told, in the words of Flagger's AlertProvider."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.type == 'slack' || !(has(self.channel) || has(self.username))",
                "channel and username are for type slack",
            )
        )
    )

    name: Name
    """By which status and Events speak of it."""
    type: ReceiverType
    """slack: an incoming webhook, or what takes its form. msteams: a webhook of Teams' Workflows.
    webhook: a JSON document with all fields."""
    secret_ref: SecretReference
    """Its key `address` is where to; each other key is the name of a header."""
    severity: Severity = Severity.INFO
    """The least that it is told of: info: everything; warn: what waits for a person, and what failed; error: what
    failed."""
    channel: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x20\x7f]+$")] | None = None
    """Of Slack, where the address leaves it open."""
    username: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    """Shown by Slack as who writes, where the address leaves it open."""


_EACH_ONCE = ("self.all(one, self.exists_one(other, other.name == one.name))", "each name must be there once only")
Receivers = Annotated[
    tuple[NotificationReceiver, ...],
    Field(
        max_length=MOST_RECEIVERS,
        # Atomic: of an empty list by keys, server-side apply owns nothing, and it would vanish.
        json_schema_extra={"x-kubernetes-list-type": "atomic", **cel(_EACH_ONCE)},
    ),
]


class PendingNotification(StatusModel):
    """A notification that not every receiver has."""

    id: Annotated[str, Field(max_length=128)]
    """Sent with each try, so that whoever has it already can tell."""
    event: Annotated[str, Field(max_length=32)]
    """Started, Waiting, Ended or Refused."""
    severity: Annotated[str, Field(max_length=16)]
    """info, warn or error."""
    attempt: int
    """Number of the attempt; of a version that was refused before it was tried, of the one before."""
    version: Annotated[str, Field(max_length=64)]
    """The registry's version number."""
    reason: Annotated[str, Field(max_length=128)]
    """Why, in one word; Event, log line and metric carry the same word."""
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)]
    """Why, in a sentence with the numbers."""
    completion: Annotated[str, Field(max_length=32)] = ""
    """How the attempt ended, where it did."""
    at: Annotated[str, Field(max_length=32)]
    """When it came to that (RFC 3339)."""
    to: Annotated[tuple[Annotated[str, Field(max_length=63)], ...], Field(max_length=MOST_RECEIVERS)]
    """Names of the receivers that do not have it yet."""


class NotificationState(StatusModel):
    """What is to be told, and what was told of already."""

    pending: Annotated[tuple[PendingNotification, ...], Field(max_length=MOST_PENDING)] = ()
    """The oldest first."""
    waiting: Annotated[str, Field(max_length=64)] = ""
    """What was told last that waits for a person: it is not told again when pods come and go meanwhile."""
