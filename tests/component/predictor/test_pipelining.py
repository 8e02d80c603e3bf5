"""Requests in pieces, many on one connection, and what is no request at all."""

import asyncio
import random
from itertools import pairwise
from pathlib import Path

import pytest

from penstock_predictor.http.request_parser import MAX_HEAD_BYTES

from .conftest import StartApp, tensor
from .requests_table import BYTES_OUT, LONG, OUT_HEADER, REQUESTS
from .wire import (
    CHUNKED,
    INFER,
    PATIENCE,
    ROW,
    CallerConnection,
    Way,
    answer,
    chunked,
    nothing_held,
    post,
    rounds,
    status,
    text,
)


@pytest.mark.parametrize("name", ["an id", "bytes in and out", "predict features", "another shape", "no JSON"])
async def test_where_a_request_is_cut_in_two_does_not_matter(name: str, scaled: Path, start_app: StartApp) -> None:
    request, _ = REQUESTS[name]
    async with start_app(scaled) as app:
        (whole,) = await answer(app.app, request)
        for cut in range(1, len(request)):
            connection = CallerConnection(app.app)
            await connection.send([request[:cut], request[cut:]])
            assert await connection.replies(1) == [whole], cut
            connection.hang_up()
        await nothing_held(app)


async def test_a_request_byte_by_byte(scaled: Path, start_app: StartApp) -> None:
    request = REQUESTS["an id"][0] * 2
    async with start_app(scaled) as app:
        (whole,) = await answer(app.app, REQUESTS["an id"][0])
        connection = CallerConnection(app.app)
        await connection.send([request[at : at + 1] for at in range(len(request))])
        assert await connection.replies(2) == [whole, whole]
        await nothing_held(app)


MIX: tuple[bytes, ...] = (
    post(INFER, text(ROW | {"id": "fast"})),
    post("/predict", b"[3, 4]", "x-request-id: p"),
    post(INFER, text({"inputs": [tensor("x", "FP32", [1, 3], [1, 2, 3])]})),
    post(INFER, b"{"),
    post(INFER, BYTES_OUT, OUT_HEADER),
    b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v2/models/model HTTP/1.1\r\nhost: x\r\n\r\n",
    chunked(INFER, text(ROW)[:9], text(ROW)[9:]),
    post("/v3", b"nothing"),
    post(INFER, LONG, "accept-encoding: gzip"),
)


def in_pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """Cut at up to six places."""
    cuts = sorted({0, len(data), *(chance.randrange(1, len(data)) for _ in range(chance.randrange(7)))})
    return [data[start:end] for start, end in pairwise(cuts)]


async def test_pipelined_requests_of_both_kinds_are_answered_in_order(scaled: Path, start_app: StartApp) -> None:
    chance = random.Random(1)
    async with start_app(scaled) as app:
        alone = {request: (await answer(app.app, request, Way.UVICORNS))[0] for request in MIX}
        for _ in range(150):
            requests = chance.choices(MIX, k=chance.randrange(2, 12))
            connection = CallerConnection(app.app)
            await connection.send(in_pieces(b"".join(requests), chance))
            assert await connection.replies(len(requests)) == [alone[request] for request in requests]
            connection.hang_up()
        await nothing_held(app)


async def test_a_quick_request_behind_a_slow_one_waits_for_it(slow: Path, start_app: StartApp) -> None:
    async with start_app(slow, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        live = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
        await connection.send([rounds(50) + live + post(INFER, b"{") + rounds(1)])
        replies = await connection.replies(4)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 200, 400, 200]
    assert b'"live":true' in replies[1]


async def test_more_pipelined_requests_than_are_read_at_once_and_the_last_in_parts(
    scaled: Path, start_app: StartApp
) -> None:
    """The last one's body is awaited while so many replies are owed that nothing more is read."""
    request = post(INFER, text(ROW))
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([request * 100 + request[:-5], request[-5:]])
        replies = await connection.replies(101)
        await nothing_held(app)
    assert len(replies) == 101
    assert {status(reply) for reply in replies} == {200}


async def test_refusals_behind_a_slow_request_all_leave_with_its_answer(slow: Path, start_app: StartApp) -> None:
    async with start_app(slow, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([rounds(50) + post(INFER, b"{") * 3])
        replies = await connection.replies(4)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 400, 400, 400]


KNOWN = post(INFER, text(ROW))


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (post(INFER, KNOWN)[: -len(KNOWN)], b"", 400),
        (post("/predict", KNOWN)[: -len(KNOWN)], b"", 400),
        (post("/nothing", KNOWN)[: -len(KNOWN)], b"", 404),
        (post(INFER, KNOWN, "content-encoding: gzip")[: -len(KNOWN)], b"", 400),
        (chunked(INFER, KNOWN).split(KNOWN)[0], b"\r\n0\r\n\r\n", 400),
        (post(INFER, KNOWN, "connection: upgrade", "upgrade: h2c")[: -len(KNOWN)], b"", 400),
        (post(INFER, b"{" + KNOWN)[: -len(KNOWN)], b"", 400),
        (b"GET /nothing HTTP/1.1\r\na: ", b"", 404),
    ],
)
async def test_a_known_request_inside_another_is_not_taken_for_a_request(
    before: bytes, after: bytes, code: int, *, scaled: Path, start_app: StartApp
) -> None:
    """Its head was read before and is not read again; where it stands still decides what it is."""
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([KNOWN, KNOWN])
        assert [status(reply) for reply in await connection.replies(2)] == [200, 200]
        await connection.send([before, KNOWN, after, KNOWN])
        replies = await connection.replies(4)
        await nothing_held(app)
    assert [status(reply) for reply in replies[2:]] == [code, 200]


METADATA = b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n"
DRAINED = {
    "fast": [KNOWN, KNOWN, KNOWN],
    "the application's last": [KNOWN, METADATA],
    "the application's first": [METADATA, KNOWN],
    "the application's": [METADATA, METADATA],
}


@pytest.mark.parametrize("kind", DRAINED)
async def test_what_was_sent_before_the_drain_was_noticed_is_answered(
    kind: str, scaled: Path, start_app: StartApp
) -> None:
    requests = DRAINED[kind]
    async with start_app(scaled) as app:
        app.lifecycle.drain(60)
        connection = CallerConnection(app.app)
        await connection.send([b"".join(requests)])
        replies = await connection.replies(len(requests))
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200] * len(requests)
    assert [b"connection: close" in reply for reply in replies] == [False] * (len(requests) - 1) + [True]
    assert connection.wire.closed


@pytest.mark.parametrize("way", ["fast", "chunked"])
async def test_what_follows_the_last_request_of_a_connection_is_not_read(
    way: str, scaled: Path, start_app: StartApp
) -> None:
    """RFC 9112, 9.6: a caller that says `close` wants nothing more answered, whether it came with that or later."""
    last = post(INFER, text(ROW), "connection: close")
    if way == "chunked":
        last = chunked(INFER, text(ROW)).replace(b"host: x", b"host: x\r\nconnection: close")
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        connection.protocol.data_received(last + KNOWN + METADATA)
        connection.protocol.data_received(KNOWN)
        replies = await connection.replies(4)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200]
    assert b"\r\nconnection: close\r\n" in replies[0]
    assert connection.state.total_requests == 1


async def test_a_fast_request_behind_one_for_the_application_is_computed_meanwhile_and_waits_for_its_turn(
    slow: Path, start_app: StartApp
) -> None:
    body = rounds(200).split(b"\r\n\r\n", 1)[1]
    async with start_app(slow, threads=2, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([chunked(INFER, body) + rounds(1) + METADATA + rounds(2)])
        replies = await connection.replies(4)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200] * 4
    assert b'"penstock-predictor"' in replies[2]


async def test_while_a_request_waits_for_the_application_no_more_is_read(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        connection.protocol.data_received(METADATA)
        assert connection.wire.reading
        connection.protocol.data_received(METADATA)
        assert not connection.wire.reading
        replies = await connection.replies(2)
        assert connection.wire.reading
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 200]


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_when_the_server_stops_what_is_owed_is_answered_and_the_connection_closes(
    number: int, slow: Path, start_app: StartApp
) -> None:
    requests = [rounds(20), b"GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n", chunked(INFER, b"{}")][:number]
    async with start_app(slow, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([b"".join(requests)])
        connection.protocol.shutdown()
        replies = await connection.replies(number)
        async with asyncio.timeout(PATIENCE):
            while not connection.wire.closed:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 200, 400][:number]


@pytest.mark.parametrize("size", [1000, MAX_HEAD_BYTES + 1], ids=["in parts", "at once"])
@pytest.mark.parametrize("before", [0, 3])
async def test_a_head_without_end_is_refused_behind_what_is_owed(
    before: int, size: int, scaled: Path, start_app: StartApp
) -> None:
    endless = f"POST {INFER} HTTP/1.1\r\n".encode() + b"a: b\r\n" * MAX_HEAD_BYTES
    pieces = [endless[at : at + size] for at in range(0, len(endless), size)]
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([post(INFER, text(ROW)) * before, *pieces])
        replies = await connection.replies(before + 1)
    assert [status(reply) for reply in replies] == [200] * before + [431]
    assert connection.wire.closed


async def test_a_large_head_is_refused_wherever_it_is_cut(scaled: Path, start_app: StartApp) -> None:
    request = post(INFER, text(ROW), f"a: {'b' * MAX_HEAD_BYTES}")
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([request])
        replies = await connection.replies(1)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [431]
    assert connection.wire.closed


NONSENSE = {
    "no request": b"hello\r\n\r\n",
    "two lengths": post(INFER, text(ROW), "content-length: 5"),
    "length and chunks": post(INFER, text(ROW), CHUNKED),
    "a folded header": post(INFER, text(ROW), "a: b", " c"),
    "a space before the colon": post(INFER, text(ROW), "a : b"),
    "bare line feeds": post(INFER, text(ROW)).replace(b"\r\n", b"\n"),
    "a bare carriage return": post(INFER, text(ROW), "a: b\rc"),
    "a signed length": post(INFER, b"").replace(b"length: 0", b"length: +5") + b"hello",
    "a length in hex": post(INFER, b"").replace(b"length: 0", b"length: 0x5") + b"hello",
    "no length after all": post(INFER, b"").replace(b"length: 0", b"length:"),
    "a chunk of no size": chunked(INFER, b"").replace(b"\r\n\r\n0", b"\r\n\r\nzz"),
    "an encoding that is none": f"POST {INFER} HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n".encode(),
    "a tunnel": b"CONNECT predictor:80 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_refused_at_once_behind_what_is_owed_and_nothing_after_it_is_read(
    name: str, before: int, scaled: Path, start_app: StartApp
) -> None:
    good = post(INFER, text(ROW))
    async with start_app(scaled, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([good * before + NONSENSE[name], good])
        replies = await connection.replies(before + 2)
        await nothing_held(app)
    assert [status(reply) for reply in replies[:before]] == [200] * before
    (last,) = replies[before:]
    assert 400 <= status(last) < 500
    assert b"connection: close" in last
    assert connection.wire.closed


UPGRADES = (
    "connection: Upgrade, HTTP2-Settings",
    "upgrade: h2c",
    "http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
)


@pytest.mark.parametrize("cut", [None, -5], ids=["at once", "in parts"])
async def test_an_offer_of_another_protocol_is_passed_over_and_its_body_is_no_request(
    cut: int | None, scaled: Path, start_app: StartApp
) -> None:
    """Java's client offers HTTP/2 with its first request, and curl with --http2."""
    request = post(INFER, text(ROW), *UPGRADES)
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([request[:cut], request[cut:] if cut else b"", post(INFER, text(ROW))])
        replies = await connection.replies(2)
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200, 200]


async def test_each_request_on_a_connection_has_an_id_of_its_own_and_each_answer_names_it(
    scaled: Path, start_app: StartApp
) -> None:
    """As a gateway sends them; a known one, with its body in the next piece, as well as one that is cut anywhere."""
    words = [f"word-{number}" for number in range(6)]
    requests = [post(INFER, text(ROW), f"x-request-id: {word}") for word in words]
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        head = requests[3].index(b"\r\n\r\n") + 4
        pieces = [
            *requests[:3],
            requests[3][:head],
            requests[3][head:],
            requests[4][:60],
            requests[4][60:],
            requests[5],
        ]
        await connection.send(pieces)
        replies = await connection.replies(len(requests))
        await nothing_held(app)
    assert [status(reply) for reply in replies] == [200] * len(requests)
    assert [f"x-request-id: {word}\r\n".encode() in reply for word, reply in zip(words, replies, strict=True)] == [
        True
    ] * len(words)
