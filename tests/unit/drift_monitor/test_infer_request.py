"""A recorded request asked again: every value by its bytes."""

import json
from typing import Any

import numpy as np
import pytest

from penstock_contracts.records import (
    RecordBatch,
    RecordBlock,
    RecordedRequest,
    RecordedRun,
    RecordedTensor,
    RequestForm,
)
from penstock_drift_monitor.replay_store import ChosenRequest
from penstock_drift_monitor.replays.infer_request import InferRequestBody, infer_request


def batch(blocks: tuple[RecordBlock, ...], inputs: tuple[bytes | list[str], ...], rows: int) -> RecordBatch:
    run = RecordedRun(1.0, (RecordedRequest("a", rows, False),), inputs, ())
    return RecordBatch("shop", "fraud", "d", "1", "r", "s", 1, blocks, (), (run,))


def asked(rows: int, start: int = 0) -> ChosenRequest:
    return ChosenRequest(request="a", batch=1, run=0, start=start, rows=rows)


def read(found: InferRequestBody) -> tuple[dict[str, Any], bytes]:
    return json.loads(found.content[: found.json_length]), found.content[found.json_length :]


def test_the_rows_of_a_request_are_cut_out_of_its_run() -> None:
    values = np.array([[1, 2], [3, np.nan], [5, 6], [7, 8]], dtype="<f4")
    form = RequestForm((RecordedTensor("x", "FP32", (2,)),), ("label", "probabilities"))
    recorded = batch((RecordBlock(("age", "pay"), "FP32"),), (values.tobytes(),), 4)
    head, tail = read(infer_request(recorded, form, asked(2, start=1)))
    assert head == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}],
        "outputs": [
            {"name": "label", "parameters": {"binary_data": True}},
            {"name": "probabilities", "parameters": {"binary_data": True}},
        ],
    }
    assert tail == values[1:3].tobytes()


def test_each_tensor_has_its_own_form_and_texts_are_framed() -> None:
    blocks = (RecordBlock(("country",), "BYTES"), RecordBlock(("count",), "INT64"), RecordBlock(("flag",), "BOOL"))
    inputs: tuple[bytes | list[str], ...] = (["", "née"], np.array([-1, 2**40], "<i8").tobytes(), b"\x01\x00")
    form = RequestForm(
        (
            RecordedTensor("country", "BYTES", (1,)),
            RecordedTensor("count", "INT64", ()),
            RecordedTensor("flag", "BOOL", (1,)),
        ),
        ("y",),
    )
    head, tail = read(infer_request(batch(blocks, inputs, 2), form, asked(1, start=1)))
    assert [(each["name"], each["shape"]) for each in head["inputs"]] == [
        ("country", [1, 1]),
        ("count", [1]),
        ("flag", [1, 1]),
    ]
    assert tail == b"\x04\x00\x00\x00" + "née".encode() + np.array([2**40], "<i8").tobytes() + b"\x00"


@pytest.mark.parametrize("value", [1.5, 65504.0, float("inf"), float("nan"), 6e-8])
def test_short_floats_are_what_they_were(value: float) -> None:
    short = np.array([[value, -value]], dtype="<f2")
    recorded = batch((RecordBlock(("x[0]", "x[1]"), "FP32"),), (short.astype("<f4").tobytes(),), 1)
    form = RequestForm((RecordedTensor("x", "FP16", (2,)),), ("y",))
    _, tail = read(infer_request(recorded, form, asked(1)))
    assert np.frombuffer(tail, "<f2").tobytes() == short.tobytes() or np.isnan(value)
