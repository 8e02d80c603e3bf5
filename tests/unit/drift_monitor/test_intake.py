"""Batches that can be read, and those that cannot."""

import msgspec
import numpy as np
import pytest

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun
from penstock_drift_monitor.errors import TooLarge, Unreadable
from penstock_drift_monitor.intake import ReadableBatch, read_batch
from penstock_drift_monitor.prediction import PredictionKind


def run(
    *inputs: bytes | list[str], outputs: tuple[bytes | list[str], ...] = (), rows: int = 2, **request: object
) -> RecordedRun:
    fields = {"id": "a", "shadow": False} | request
    return RecordedRun(
        at=5.0,
        requests=(RecordedRequest(id=str(fields["id"]), rows=rows, shadow=bool(fields["shadow"])),),
        inputs=inputs,
        outputs=outputs,
    )


def batch(
    *runs: RecordedRun, inputs: tuple[RecordBlock, ...] = (), outputs: tuple[RecordBlock, ...] = (), **fields: object
) -> RecordBatch:
    whole = RecordBatch(
        namespace="shop",
        name="fraud",
        digest="sha256:0",
        version="1",
        revision="r",
        sender="s",
        number=1,
        inputs=inputs,
        outputs=outputs,
        runs=runs,
    )
    return msgspec.structs.replace(whole, **fields)


def read(given: RecordBatch) -> ReadableBatch:
    return read_batch(msgspec.msgpack.encode(given), now=100.0, max_rows=1000)


def floats(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_columns_come_out_of_blocks_over_all_runs() -> None:
    found = read(
        batch(
            run(floats(1, 2, 3, 4), ["a", ""]),
            run(floats(5, 6), ["b"], rows=1, shadow=True),
            inputs=(RecordBlock(("x", "y"), "FP32"), RecordBlock(("kind",), "BYTES")),
        )
    )
    assert np.array_equal(np.asarray(found.inputs["x"]), [1, 3, 5])
    assert found.inputs["kind"] == ["a", None, "b"]
    seen = found.seen_by_users()
    assert np.array_equal(np.asarray(seen["y"]), [2, 4])
    assert seen["kind"] == ["a", None]


@pytest.mark.parametrize(
    ("blocks", "values", "kind", "column", "labels"),
    [
        ([("p[0]", "p[1]")], [floats(0.25, 0.75, 0.5, 0.5)], PredictionKind.PROBABILITY, [0.75, 0.5], None),
        ([("value",)], [floats(3, 4)], PredictionKind.VALUE, [3, 4], None),
        ([("p[0]", "p[1]", "p[2]")], [floats(0, 0, 1, 1, 0, 0)], PredictionKind.LABEL, [2, 0], ["2", "0"]),
    ],
)
def test_the_prediction_is_one_column(
    blocks: list[tuple[str, ...]], values: list[bytes], kind: PredictionKind, column: list[float], labels: list[str]
) -> None:
    found = read(batch(run(outputs=tuple(values)), outputs=tuple(RecordBlock(names, "FP32") for names in blocks)))
    assert found.prediction is not None
    assert (found.prediction.kind, found.prediction.labels) == (kind, labels)
    assert np.array_equal(found.prediction.column, column)


def test_a_label_of_text_stands_beside_its_probability() -> None:
    outputs = (RecordBlock(("label",), "BYTES"), RecordBlock(("p[0]", "p[1]"), "FP32"))
    found = read(batch(run(outputs=(["fraud", "ok"], floats(0.25, 0.75, 0.5, 0.5))), outputs=outputs))
    assert [(row.row, row.score, row.answer) for row in found.answered] == [(0, 0.75, "fraud"), (1, 0.5, "ok")]


def test_an_image_is_a_record_without_columns() -> None:
    found = read(batch(run(outputs=(floats(1, 2),)), outputs=(RecordBlock(("value",), "FP32"),)))
    assert (dict(found.inputs), found.rows, len(found.answered)) == ({}, 2, 2)


def test_rows_without_an_id_or_with_a_hostile_one_are_kept_but_cannot_be_labelled() -> None:
    outputs = (RecordBlock(("value",), "FP32"),)
    found = read(
        batch(run(outputs=(floats(1, 2),), id=""), run(outputs=(floats(1, 2),), id="x" * 10_000), outputs=outputs)
    )
    assert (found.rows, found.answered, found.unnamed) == (4, (), 4)


def test_a_clock_that_is_ahead_counts_as_now() -> None:
    ahead = msgspec.structs.replace(run(), at=9e9)
    assert read(batch(ahead)).last == 100.0


X = (RecordBlock(("x",), "FP32"),)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (batch(run(floats(1)), inputs=X), "not as many bytes"),
        (batch(run(["a", "b"]), inputs=X), "not as many bytes"),
        (batch(run(floats(1, 2)), inputs=(RecordBlock(("x",), "BYTES"),)), "not as many texts"),
        (batch(run(), inputs=X), "names 1 blocks"),
        (batch(run(floats(1, 2), floats(1, 2)), inputs=X * 2), "occurs twice"),
        (batch(run(floats(1, 2)), inputs=(RecordBlock(("x",), "COMPLEX64"),)), "COMPLEX64"),
        (batch(run(), number=0), "begin at 1"),
        (batch(run(), name=""), "name"),
        (batch(run(rows=-1)), "negative"),
        (batch(msgspec.structs.replace(run(), at=float("nan"))), "Unix time"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_where(given: RecordBatch, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(given)


def test_rows_that_claim_more_than_a_batch_may_have_are_refused() -> None:
    with pytest.raises(TooLarge, match="smaller batches"):
        read(batch(run(rows=2**30)))


@pytest.mark.parametrize("body", [b"", b"{}", b"\xc1", b"\x81\xa1a\x01", b"\x91" * 5000])
def test_bytes_that_are_no_batch_are_refused(body: bytes) -> None:
    with pytest.raises(Unreadable, match="RecordBatch"):
        read_batch(body, now=0.0, max_rows=10)
