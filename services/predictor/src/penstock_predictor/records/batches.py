"""Runs gathered into batches, numbered in the order in which they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from penstock_contracts.records import RecordBatch, RecordedRun
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.records.encoding import Encoding, RecordLayout
from penstock_predictor.records.ran_calls import RanCalls


@dataclass(frozen=True, kw_only=True)
class RecordSource:
    """Who records: what every batch says of it."""

    namespace: str
    name: str
    revision: str
    identity: ModelIdentity
    sender: str


@dataclass(frozen=True)
class Batch:
    """To be sent, as often as it takes."""

    number: int
    body: bytes
    rows: int


@dataclass
class _Gathered:
    runs: list[msgspec.Raw] = field(default_factory=list)
    """Each encoded when it came: all at once would keep the interpreter from the event loop for milliseconds."""
    rows: int = 0


class Gathering:
    """What is not sent yet, by its layout. Used in the thread that records."""

    def __init__(self, source: RecordSource, encoding: Encoding) -> None:
        self._source = source
        self._encoding = encoding
        self._gathered: dict[RecordLayout, _Gathered] = {}
        self._number = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self.size = 0
        """Bytes of the runs that were gathered, encoded."""
        self.rows = 0
        """Rows that were gathered."""

    def add(self, several: Sequence[RanCalls]) -> None:
        """Gather runs, oldest first. Where it raises, none of them was."""
        for layout, run, rows in self._encoding.runs(several):
            there = self._gathered.setdefault(layout, _Gathered())
            encoded = self._encode(run)
            there.runs.append(msgspec.Raw(encoded))
            self.size += len(encoded)
            there.rows += rows
            self.rows += rows

    def pop(self, dropped: int) -> Batch | None:
        """The next batch: all runs of one layout; None: nothing is left. `dropped`: as in the contract."""
        if not self._gathered:
            self.size = 0
            return None
        layout, gathered = self._gathered.popitem()
        self._number += 1
        self.rows -= gathered.rows
        inputs, outputs = layout.blocks
        batch = RecordBatch(
            namespace=self._source.namespace,
            name=self._source.name,
            digest=self._source.identity.digest,
            version=self._source.identity.version,
            revision=self._source.revision,
            sender=self._source.sender,
            number=self._number,
            inputs=inputs,
            outputs=outputs,
            runs=cast("tuple[RecordedRun, ...]", tuple(gathered.runs)),  # what is encoded goes as it is
            dropped=dropped,
        )
        return Batch(self._number, self._encode(batch), gathered.rows)
