"""What happened in truth: labels on their way to the drift monitor, and what became of them."""

from typing import Final

from pydantic import Field

from penstock_contracts.base import Contract

LABELS_PATH: Final = "/v1/labels"
"""Where labels are POSTed to."""


class Label(Contract):
    """The truth about one row of one request."""

    id: str | int
    """Of the header x-request-id; the number 7 is the text "7"."""
    row: int = Field(default=0, ge=0)
    """Which of the request's rows, from 0."""
    label: bool | int | float | str
    """7, 7.0 and "7" are one label; true is 1. The text "007" is another."""
    at: str | float | None = None
    """When the request was served (RFC 3339, or Unix seconds), if the sender knows: a label that comes too late is then
    told apart from one of an unknown request."""


class LabelBatch(Contract):
    """Body of `POST /v1/labels`."""

    namespace: str | None = None
    """Of the ModelDeployment; it may stand in the query instead."""
    name: str | None = None
    labels: tuple[Label, ...]


class LabelOutcome(Contract):
    """Answer of `POST /v1/labels`: each label is counted once."""

    joined: int = 0
    """The record is there."""
    waiting: int = 0
    """No record of that id and row yet: kept until it comes, at most for the labels' retention."""
    repeated: int = 0
    """Known already with the same value: nothing changed."""
    conflicting: int = 0
    """Known already with another value: the first one stands."""
    too_late: int = 0
    """The request is older than the labels' retention: its record is gone."""
    no_room: int = 0
    """No record of that id and row, and too many labels wait already: send them again later."""
    invalid: int = 0
    """Not a label: nothing, NaN, or an id that is empty or too long."""
    examples: tuple[str, ...] = ()
    """Some that are conflicting or invalid, and why."""
