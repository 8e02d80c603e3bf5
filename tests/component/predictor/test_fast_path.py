"""The fast path, the application on our connection, and the application on uvicorn's answer alike, byte for byte."""

import asyncio
import json
import re
from pathlib import Path

import numpy as np
import pytest

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_predictor.lazy_app import LazyApp
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

from .conftest import StartApp, tensor
from .requests_table import REQUESTS
from .wire import (
    INFER,
    PATIENCE,
    ROW,
    CallerConnection,
    Way,
    answer,
    binary,
    every_way,
    nothing_held,
    post,
    raw,
    rounds,
    runtime_of,
    status,
    text,
)


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_way_answers_alike(name: str, scaled: Path, start_app: StartApp) -> None:
    request, code = REQUESTS[name]
    async with start_app(scaled, max_body_bytes=100_000) as app:
        reply = await every_way(app, request)
    assert status(reply) == code


MIXED, MIXED_HEADER = binary(
    {
        "inputs": [
            raw("amount", "FP32", [2, 1], 8),
            tensor("country", "BYTES", [2, 1], ["CH", "né"]),
        ],
        "outputs": [{"name": "word", "parameters": {"binary_data": True}}, {"name": "twice"}],
    },
    np.array([1.5, 2], dtype="<f4").tobytes(),
)


async def test_tensors_as_bytes_and_as_json_in_one_request_and_in_one_answer(
    tmp_path: Path, start_app: StartApp
) -> None:
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    async with start_app(tmp_path) as app:
        reply = await every_way(app, post(INFER, MIXED, MIXED_HEADER))
    head, _, body = reply.partition(b"\r\n\r\n")
    length = int(re.search(rb"inference-header-content-length: (\d+)", head)[1])  # type: ignore[index]  # it must be there
    outputs = json.loads(body[:length])["outputs"]
    assert outputs == [
        {"name": "word", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": 13}},
        tensor("twice", "FP32", [2, 1], [3.0, 4.0]),
    ]
    assert body[length:] == b"\x02\0\0\0CH\x03\0\0\0n\xc3\xa9"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("HEAD", INFER, 405),
        ("HEAD", "/v2/health/live", 200),
        ("HEAD", "/nothing", 404),
        ("OPTIONS", INFER, 204),
        ("OPTIONS", "/predict", 204),
        ("OPTIONS", "/v2/health/live", 204),
        ("OPTIONS", "/nothing", 404),
    ],
)
async def test_head_and_options_are_the_same_every_way(
    method: str, path: str, code: int, *, scaled: Path, start_app: StartApp
) -> None:
    request = f"{method} {path} HTTP/1.1\r\nhost: predictor\r\n\r\n".encode()
    async with start_app(scaled) as app:
        ours, by_asgi, uvicorns = [await _received(app.app, request, way) for way in Way]
    assert ours == by_asgi == uvicorns
    assert status(ours) == code
    if method == "HEAD":
        assert ours.endswith(b"\r\n\r\n")
    if code == 204:
        assert (b"allow: GET, HEAD, OPTIONS" if "live" in path else b"allow: POST, OPTIONS") in ours


async def _received(app: LazyApp, request: bytes, way: Way) -> bytes:
    connection = CallerConnection(app, way)
    await connection.send([request])
    async with asyncio.timeout(PATIENCE):
        while b"\r\n\r\n" not in connection.received:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0)
    return re.sub(rb"date: [^\r]*\r\n", b"", connection.received)


async def test_what_is_too_much_at_once_is_refused_alike(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled, max_in_flight=1) as app:
        admission = runtime_of(app).admission
        admission.enter()
        ours, by_asgi, uvicorns = [(await answer(app.app, post(INFER, text(ROW)), way))[0] for way in Way]
        admission.leave(0)
        await nothing_held(app)
    assert ours == by_asgi == uvicorns
    assert status(ours) == 429
    assert b"\r\nretry-after: 1\r\n" in ours


async def test_a_failing_model_answers_alike(tmp_path: Path, start_app: StartApp) -> None:
    write_picky(tmp_path)
    async with start_app(tmp_path) as app:
        reply = await every_way(app, post(INFER, text({"inputs": [tensor("x", "FP32", [1], [1])]})))
    assert status(reply) == 500


def write_picky(folder: Path) -> None:
    tiny_models.picky(folder / "model.onnx")
    request = InferRequest(inputs=(RequestInput(name="x", shape=(3,), datatype="FP32", data=[1, 2, 3]),))
    output = ResponseOutput(name="y", shape=(1, 3), datatype="FP32", data=[1, 2, 3])
    card = card_of(folder, request=request, response=InferResponse(model_name="m", outputs=(output,)))
    (folder / "card.json").write_text(card.model_dump_json())


LATE = 400
"""Rounds: many times the shortest time limit that a caller can name."""


async def test_an_answer_past_its_deadline_is_refused_alike(slow: Path, start_app: StartApp) -> None:
    async with start_app(slow) as app:
        reply = await every_way(app, rounds(LATE, "x-request-timeout-ms: 1"))
    assert status(reply) == 504


async def test_a_body_that_does_not_arrive_in_time_is_refused_alike(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled, request_timeout_seconds=0.05) as app:
        reply = await every_way(app, post(INFER, text(ROW))[:-1])
    assert status(reply) == 408
    assert reply.count(b"connection: close") == 1


async def test_while_it_drains_callers_are_sent_elsewhere(scaled: Path, start_app: StartApp) -> None:
    request = post(INFER, text(ROW))
    async with start_app(scaled) as app:
        app.lifecycle.drain(60)
        (fast,), (by_asgi,) = [await answer(app.app, request, way) for way in (Way.OURS, Way.OURS_BY_ASGI)]
        await nothing_held(app)
    assert fast == by_asgi
    assert fast.count(b"\r\nconnection: close\r\n") == 1
