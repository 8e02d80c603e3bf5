"""Callers that are slow to read, or gone; and connections that nobody uses."""

import asyncio
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock_testing import tiny_models

from .conftest import StartApp, tensor
from .wire import (
    INFER,
    ROW,
    CallerConnection,
    binary,
    chunked,
    every_way,
    nothing_held,
    post,
    raw,
    rounds,
    runtime_of,
    status,
    text,
)


async def test_from_a_caller_that_does_not_read_its_answers_no_more_is_read(scaled: Path, start_app: StartApp) -> None:
    request = post(INFER, text(ROW))
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([request])
        await connection.replies(1)
        connection.protocol.pause_writing()
        assert not connection.wire.reading
        sending = asyncio.create_task(connection.send([request] * 20))
        await asyncio.sleep(0.01)
        assert len(await connection.replies(1)) == 1
        connection.protocol.resume_writing()
        await sending
        assert len(await connection.replies(21)) == 21
        await nothing_held(app)


async def test_a_caller_that_stops_reading_while_its_answer_is_computed(slow: Path, start_app: StartApp) -> None:
    async with start_app(slow, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([rounds(20)])
        connection.protocol.pause_writing()
        await connection.replies(1)
        assert not connection.wire.reading
        connection.protocol.resume_writing()
        assert connection.wire.reading
        await nothing_held(app)


BIG = text({"inputs": [tensor("x", "FP32", [40_000, 2], [0.25] * 80_000)]})
HANG_UPS: dict[str, Sequence[bytes]] = {
    "in a head": [post(INFER, text(ROW))[:30]],
    "behind a head": [post(INFER, text(ROW))[: -len(text(ROW))]],
    "in a body": [post(INFER, text(ROW))[:-3]],
    "in a second body": [post(INFER, text(ROW)) + post(INFER, text(ROW))[:-3]],
    "in a chunk": [chunked(INFER, text(ROW))[:-20]],
    "behind many requests": [post(INFER, text(ROW)) * 30],
    "behind requests of both kinds": [post(INFER, text(ROW)) + chunked(INFER, text(ROW)) * 3],
    "while a large body is read": [post(INFER, BIG)],
    "in a packed body": [post(INFER, text(ROW), "content-encoding: gzip")[:-3]],
}


@pytest.mark.parametrize("turns", [0, 3])
@pytest.mark.parametrize("name", HANG_UPS)
async def test_a_caller_that_hangs_up_gives_its_places_back(
    name: str, turns: int, scaled: Path, start_app: StartApp
) -> None:
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        for piece in HANG_UPS[name]:
            connection.protocol.data_received(piece)
        for _ in range(turns):
            await asyncio.sleep(0)
        connection.hang_up()
        await nothing_held(app)
        assert status(await every_way(app, post(INFER, text(ROW)))) == 200


@pytest.mark.parametrize("request_of", [rounds, lambda number: chunked(INFER, rounds(number).split(b"\r\n\r\n", 1)[1])])
async def test_a_caller_that_hangs_up_during_a_run_or_before_it_gives_its_places_back(
    request_of: Any, slow: Path, start_app: StartApp
) -> None:
    async with start_app(slow, threads=1, request_timeout_seconds=60) as app:
        connections = [CallerConnection(app.app) for _ in range(3)]
        for connection in connections:
            await connection.send([request_of(20) * 2])
        await asyncio.sleep(0.005)
        for connection in connections:
            connection.hang_up()
        await nothing_held(app)
        assert status(await every_way(app, rounds(1))) == 200


async def test_a_large_body_is_read_and_answered_aside(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        live = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
        await connection.send([post(INFER, BIG) + live + post(INFER, b" " * 300_000)])
        replies = await connection.replies(3)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 200, 400]
    assert json.loads(replies[0].partition(b"\r\n\r\n")[2])["outputs"][0]["data"] == [0.75] * 80_000


MUCH_JSON, MUCH_JSON_HEADER = binary({"inputs": [" " * 300_000]}, b"")
MUCH_TEXT, MUCH_TEXT_HEADER = binary({"inputs": [raw("x", "BYTES", [1], 400_000)]}, b"\0" * 400_000)
MANY_NUMBERS, MANY_NUMBERS_HEADER = binary({"inputs": [raw("x", "FP32", [1, 2], 400_000)]}, b"\0" * 400_000)


@pytest.mark.parametrize(
    ("datatype", "body", "header", "aside"),
    [
        ("FP32", MUCH_JSON, "a: b", True),
        ("FP32", MUCH_JSON, MUCH_JSON_HEADER, True),
        ("BYTES", MUCH_TEXT, MUCH_TEXT_HEADER, True),
        ("FP32", MUCH_TEXT, MUCH_TEXT_HEADER, False),  # of another type than the model's nothing is read
        ("FP32", MANY_NUMBERS, MANY_NUMBERS_HEADER, False),
    ],
)
async def test_much_text_is_read_beside_the_event_loop(
    datatype: str, body: bytes, header: str, *, aside: bool, tmp_path: Path, start_app: StartApp
) -> None:
    """What is refused was answered at once where it was read at once."""
    tiny_models.echo(tmp_path / "model.onnx", datatype)
    async with start_app(tmp_path) as app:
        connection = CallerConnection(app.app)
        connection.protocol.data_received(post(INFER, body, header))
        assert (connection.received == b"") is aside
        assert [status(reply) // 100 for reply in await connection.replies(1)] == [4]
        await nothing_held(app)


async def test_a_connection_in_use_is_not_idle_whatever_its_requests_are(scaled: Path, start_app: StartApp) -> None:
    """Were we the first to close it, a request of the gateway could cross the close."""
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        protocol: Any = connection.protocol
        protocol.active_at -= 10**6
        await connection.send([b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n"])
        await connection.replies(1)
        protocol.close_if_idle()
        assert not connection.wire.closed
        protocol.active_at -= 10**6
        protocol.close_if_idle()
        assert connection.wire.closed


async def test_of_bodies_that_are_refused_nothing_is_kept(scaled: Path, start_app: StartApp) -> None:
    """Whoever is refused sends its body all the same, on as many connections as it likes."""
    body = b" " * 4_000_000
    head = post(INFER, body)[: -len(body)]
    async with start_app(scaled, max_in_flight=1) as app:
        connection = CallerConnection(app.app)
        await connection.send([head, body])
        assert [status(reply) for reply in await connection.replies(1)] == [400]
        runtime_of(app).admission.enter(0)
        tracemalloc.start()
        try:
            connections = [CallerConnection(app.app) for _ in range(5)]
            for each in connections:
                await each.send([head, body[:-1]])
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for each in connections:
            await each.send([body[-1:] + post(INFER, text(ROW))])
            assert [status(reply) for reply in await each.replies(2)] == [429, 429]
        runtime_of(app).admission.leave(0)
        await nothing_held(app)
    assert kept < 1_000_000


async def test_a_body_is_read_no_faster_than_the_application_takes_it(scaled: Path, start_app: StartApp) -> None:
    request = chunked(INFER, b" " * 100_000, text(ROW))
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        connection.protocol.data_received(request[:100_050])
        assert not connection.wire.reading
        await connection.send([request[100_050:]])
        replies = await connection.replies(1)
        assert connection.wire.reading
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200]


async def test_of_a_body_that_was_refused_the_rest_is_passed_over_and_the_connection_lives_on(
    scaled: Path, start_app: StartApp
) -> None:
    large = post(INFER, b" " * 500_000)
    async with start_app(scaled, max_body_bytes=100_000) as app:
        connection = CallerConnection(app.app)
        connection.protocol.data_received(large[:200_000])
        assert [status(reply) for reply in await connection.replies(1)] == [413]
        await connection.send([large[200_000:300_000], large[300_000:] + post(INFER, text(ROW))])
        replies = await connection.replies(2)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [413, 200]
