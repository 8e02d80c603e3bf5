"""A monitor's ledger over a file, and predictors that send to it."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import msgspec
import numpy as np

from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.drift import ServedVersion
from penstock_contracts.records import (
    RecordBatch,
    RecordBlock,
    RecordedRequest,
    RecordedRun,
    RecordedTensor,
    RequestForm,
)
from penstock_drift_monitor.database import open_database
from penstock_drift_monitor.intake import read_batch
from penstock_drift_monitor.label_store import LabelStore
from penstock_drift_monitor.ledger import Ledger, LedgerBounds

STABLE = ServedVersion(version="1", digest="sha256:1", revision="rev1")
CANDIDATE = ServedVersion(version="2", digest="sha256:2", revision="rev2")
THIRD = ServedVersion(version="3", digest="sha256:3", revision="rev3")
WISH = DivergenceWish(attempt=4, candidate=CANDIDATE, stable=STABLE)
CLASS, SCORE = RecordBlock(("label",), "INT64"), RecordBlock(("probability",), "FP64")
NOTHING = RecordBlock((), "FP64")
BOTH = RecordBlock(("probabilities[0]", "probabilities[1]"), "FP64")
NOW = 1_000_000.0
FORM = RequestForm((RecordedTensor("amount", "FP64", (1,)),), ("label",))
"""What it takes to ask for the inputs again."""
Answer = tuple[str, float]
"""A request's id, and what was predicted."""


class Kept:
    """A monitor's ledger, and predictors that send to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count(1)
        self.begin()

    def begin(self) -> None:
        """Another process: only what is on the disk is left."""
        self.database = open_database(self.folder, 2**24)
        bounds = LedgerBounds(window_rows=10_000, resources=10, versions=3)
        labels = LabelStore(self.database, retention_seconds=1000, max_waiting=10)
        self.ledger = Ledger(self.database, bounds, labels)

    def restart(self) -> None:
        self.database.close()
        self.begin()

    def send(
        self,
        served: ServedVersion,
        answers: Sequence[Answer],
        *,
        shadow: bool = False,
        block: RecordBlock = CLASS,
        inputs: Sequence[float] | None = None,
        number: int | None = None,
        now: float = NOW,
        form: RequestForm | None = FORM,
    ) -> None:
        """One batch, each request with one row; every input is another one unless `inputs` says otherwise."""
        number = number or next(self.numbers)
        given = np.arange(len(answers)) + 1000.0 * number if inputs is None else np.array(inputs)
        values = np.array([value for _, value in answers])
        if block is BOTH:
            values = np.stack([1 - values, values], axis=1)
        if block is NOTHING:
            values = np.zeros(0)
        dtype = "<i8" if block.datatype == "INT64" else "<f8"
        run = RecordedRun(
            at=now,
            requests=tuple(RecordedRequest(request, 1, shadow) for request, _ in answers),
            inputs=(given.astype("<f8").tobytes(),),
            outputs=(values.astype(dtype).tobytes(),),
        )
        batch = RecordBatch(
            namespace="shop",
            name="fraud",
            digest=served.digest,
            version=served.version,
            revision=served.revision,
            sender=f"pod-{served.version}",
            number=number,
            inputs=(RecordBlock(("amount",), "FP64"),),
            outputs=(block,),
            runs=(run,),
            form=form,
        )
        self.ledger.take(read_batch(msgspec.msgpack.encode(batch), now=now, max_rows=1000), now)

    def compare(self, wish: DivergenceWish = WISH, now: float = NOW) -> DivergenceReport:
        return self.ledger.compare("shop", "fraud", wish, now)

    def found(self, attempt: int | None = 4) -> DivergenceReport:
        return self.ledger.divergence("shop", "fraud", attempt)


def answers(*classes: int, first: int = 0) -> list[Answer]:
    """Of requests that are numbered from `first` on."""
    return [(f"request-{first + index}", value) for index, value in enumerate(classes)]
