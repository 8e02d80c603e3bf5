"""Prediction records on their way from a predictor to the drift monitor: MessagePack, by column.

Structs of msgspec, not pydantic models: a predictor makes one for each run of its model.
"""

from typing import Final

import msgspec

RECORDS_PATH: Final = "/v1/records"
"""Where a batch is POSTed to."""
RECORDS_MEDIA_TYPE: Final = "application/msgpack"


class RecordBlock(msgspec.Struct, frozen=True):
    """Columns that lie side by side in one tensor: what each run has data for."""

    names: tuple[str, ...]
    """One for each column, in the tensor's order. A tensor without columns (an image) has no block."""
    datatype: str
    """As in the Open Inference Protocol V2: FP32, INT64, BOOL, ..., BYTES."""


class RecordedTensor(msgspec.Struct, frozen=True):
    """An input of the model, all columns of which are one block."""

    name: str
    datatype: str
    """Of the tensor: a block of FP16 has FP32."""
    shape: tuple[int, ...]
    """Of one row."""


class RequestForm(msgspec.Struct, frozen=True):
    """What it takes, beside the records, to ask for the same again."""

    inputs: tuple[RecordedTensor, ...]
    """For each input block its tensor. There were no other inputs."""
    outputs: tuple[str, ...]
    """Names of what was computed."""


class RecordedRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request whose rows are in a run, one after another."""

    id: str
    """Of the header x-request-id; empty: it had none, so no label can name it."""
    rows: int
    shadow: bool
    """A copy: users did not see this answer."""


class RecordedRun(msgspec.Struct, frozen=True, array_like=True):
    """What the model computed for the requests that are recorded: in one run, or in several at about one time."""

    at: float
    """Unix time in seconds, when the last of them ended."""
    requests: tuple[RecordedRequest, ...]
    inputs: tuple[bytes | list[str], ...]
    """For each of the input blocks the rows of all requests: numbers row by row, little-endian; BYTES as text."""
    outputs: tuple[bytes | list[str], ...]
    """For each of the batch's output blocks, likewise."""
    lookups: tuple[str, ...] = ()
    """For each row a RowLookup as JSON; empty: nothing was looked up for that row. No item: for none of them."""


class RowLookup(msgspec.Struct, frozen=True):
    """What was looked up in a feature store for one row, and by which keys."""

    entities: dict[str, str | int]
    """Values by join key, without those that are not to leave the predictor."""
    columns: dict[str, tuple[str, float | None]]
    """By looked-up column: where its value came from (given, found, stale, missing, unavailable), and the Unix time at
    which what the store has was true."""


class RecordBatch(msgspec.Struct, frozen=True):
    """Body of `POST /v1/records`: what one predictor process recorded since the batch before.

    `sender` and `number` make sending it again harmless: the monitor keeps a batch once.
    """

    namespace: str
    name: str
    """Of the ModelDeployment."""
    digest: str
    version: str
    """The registry's version that the pod was started for."""
    revision: str
    sender: str
    """A process that records: its numbers begin at 1."""
    number: int
    inputs: tuple[RecordBlock, ...]
    outputs: tuple[RecordBlock, ...]
    runs: tuple[RecordedRun, ...]
    dropped: int = 0
    """Rows that this process sampled and could not send since it began: its queue was full, or the monitor away."""
    form: RequestForm | None = None
    """None: not all inputs are recorded as they were, or a predictor of an older release does not say."""
