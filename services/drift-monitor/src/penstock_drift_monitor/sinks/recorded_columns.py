"""The columns of a batch as they were recorded: numbers in their own type, texts and hashes as texts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest
from penstock_drift_monitor.intake import NUMBERS

Recorded = npt.NDArray[Any] | Sequence[str]
decode = msgspec.msgpack.Decoder(RecordBatch).decode
"""Of a body that intake has checked."""


@dataclass(frozen=True, kw_only=True)
class RecordedColumn:
    """One column over all rows of a batch."""

    datatype: str
    """As in the Open Inference Protocol V2."""
    values: Recorded


@dataclass(frozen=True, kw_only=True)
class RequestPlace:
    """Where a request stands in a batch."""

    request: RecordedRequest
    at: float
    """Unix seconds when it was answered."""
    start: int
    """Its first row in the batch."""
    record: str
    """Names it for ever: its sender's name, the batch, the run, and the place in the run."""


def recorded_columns(batch: RecordBatch) -> tuple[Mapping[str, RecordedColumn], Mapping[str, RecordedColumn]]:
    """Inputs and outputs by name."""
    return (
        _columns(batch.inputs, [run.inputs for run in batch.runs]),
        _columns(batch.outputs, [run.outputs for run in batch.runs]),
    )


def places(batch: RecordBatch, came: float) -> list[RequestPlace]:
    """Every request, in the order of its rows. `came`: Unix seconds; a predictor's clock ahead of it counts as that."""
    found: list[RequestPlace] = []
    start = 0
    for number, run in enumerate(batch.runs):
        for index, request in enumerate(run.requests):
            record = f"{batch.sender}-{batch.number}-{number}-{index}"
            found.append(RequestPlace(request=request, at=min(run.at, came), start=start, record=record))
            start += request.rows
    return found


def _columns(
    blocks: Sequence[RecordBlock], runs: Sequence[Sequence[bytes | list[str]]]
) -> Mapping[str, RecordedColumn]:
    found: dict[str, RecordedColumn] = {}
    for place, block in enumerate(blocks):
        width = len(block.names)
        parts = [run[place] for run in runs]
        if block.datatype not in NUMBERS:
            texts = list(chain.from_iterable(part for part in parts if isinstance(part, list)))
            columns: Sequence[Recorded] = [texts[index::width] for index in range(width)]
        else:
            raw = b"".join(part for part in parts if isinstance(part, bytes))
            table = np.frombuffer(raw, dtype=NUMBERS[block.datatype]).reshape(-1, max(width, 1))
            if block.datatype == "BOOL":
                table = table.astype(np.bool_)
            columns = [table[:, index] for index in range(width)]
        for name, values in zip(block.names, columns, strict=True):
            found[name] = RecordedColumn(datatype=block.datatype, values=values)
    return found
