"""One request that an ASGI application answers: what is written, when, and what an application may not do."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from penstock_predictor.http.asgi_cycle import AsgiCycle
from penstock_predictor.http.reply import Header
from penstock_predictor.http.request_parser import ParsedHead

AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LENGTH_4 = [(b"content-length", b"4")]


class ChannelRecord:
    """A connection that keeps each write."""

    def __init__(self) -> None:
        self.server_headers: list[Header] = [(b"date", b"now")]
        self.writes: list[bytes] = []
        self.closed = False
        self.ended = False
        self.closes = False
        self.paced = 0
        self.is_writable = asyncio.Event()
        self.is_writable.set()

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def abort(self) -> None:
        self.closed = True

    async def writable(self) -> None:
        await self.is_writable.wait()

    def pace_reading(self) -> None:
        self.paced += 1

    def closes_behind(self, cycle: AsgiCycle) -> bool:
        return self.closes or not cycle.keep_alive

    def end_cycle(self, _: AsgiCycle) -> None:
        self.ended = True


def start(status: int, *headers: Header) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def cycle_of(
    app: Any, channel: ChannelRecord, *headers: Header, method: bytes = b"POST", keep_alive: bool = True
) -> AsgiCycle:
    head = ParsedHead(method, b"/", "1.1", list(headers), keep_alive=keep_alive)
    return AsgiCycle(app, {"type": "http", "method": method.decode()}, channel, head)


async def sent(*messages: dict[str, Any], method: bytes = b"POST", keep_alive: bool = True) -> ChannelRecord:
    """What is written for an application that sends these messages."""

    async def app(_: Any, __: Any, send: AsgiSend) -> None:
        for message in messages:
            await send(message)

    channel = ChannelRecord()
    await cycle_of(app, channel, method=method, keep_alive=keep_alive).run()
    return channel


async def test_head_and_body_leave_in_one_write() -> None:
    channel = await sent(start(200, *LENGTH_4, (b"X-A", b"b")), body(b"text"))
    assert channel.writes == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 4\r\nx-a: b\r\n\r\ntext"]
    assert channel.ended
    assert not channel.closed


async def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    channel = await sent(start(200), body(b"one", more=True), body(more=True), body(b"three"))
    assert b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n" in channel.writes[0]
    assert channel.writes[1:] == [b"5\r\nthree\r\n0\r\n\r\n"]


@pytest.mark.parametrize(("status", "method"), [(204, b"POST"), (304, b"POST"), (200, b"HEAD"), (404, b"HEAD")])
async def test_what_has_no_body_has_no_chunks(status: int, method: bytes) -> None:
    channel = await sent(start(status), body(b"" if method == b"POST" else b"passed over"), method=method)
    assert b"transfer-encoding" not in channel.writes[0]
    assert channel.writes[0].endswith(b"\r\n\r\n")
    assert channel.ended


async def test_of_a_head_request_the_length_is_said_and_the_body_left_out() -> None:
    channel = await sent(start(200, *LENGTH_4), body(b"text"), method=b"HEAD")
    assert b"content-length: 4\r\n" in channel.writes[0]
    assert channel.writes[0].endswith(b"\r\n\r\n")


@pytest.mark.parametrize("says", [True, False])
async def test_the_end_of_a_connection_is_said_once(says: bool) -> None:
    close = [(b"connection", b"close")] if says else []
    channel = await sent(start(200, *LENGTH_4, *close), body(b"text"), keep_alive=False)
    assert channel.writes[0].count(b"connection: close\r\n") == 1


async def test_an_application_may_end_the_connection() -> None:
    async def app(_: Any, __: Any, send: AsgiSend) -> None:
        await send(start(200, *LENGTH_4, (b"Connection", b"Close")))
        await send(body(b"text"))

    cycle = cycle_of(app, ChannelRecord())
    await cycle.run()
    assert not cycle.keep_alive


async def test_an_application_that_fails_before_it_answers_is_answered_for() -> None:
    async def app(*_: Any) -> None:
        raise ValueError("nobody foresaw this")

    channel = ChannelRecord()
    await cycle_of(app, channel).run()
    assert channel.writes[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"\r\nconnection: close\r\n" in channel.writes[0]
    assert channel.ended


async def test_an_application_that_says_nothing_is_answered_for() -> None:
    assert (await sent()).writes[0].startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    "messages",
    [
        (start(200, *LENGTH_4), body(b"te", more=True)),
        (start(200, *LENGTH_4), body(b"te")),
        (start(200, *LENGTH_4), body(b"too long")),
        (start(200, *LENGTH_4), start(200)),
    ],
    ids=["ends early", "is too short", "is too long", "begins twice"],
)
async def test_a_response_that_cannot_be_completed_ends_the_connection(messages: tuple[dict[str, Any], ...]) -> None:
    channel = await sent(*messages)
    assert channel.closed
    assert not channel.ended


@pytest.mark.parametrize("header", [(b"a", b"b\r\nc: d"), (b"a: b\r\nc", b"d"), (b"a", b"\0")])
async def test_a_header_that_holds_another_is_not_written(header: Header) -> None:
    channel = await sent(start(200, *LENGTH_4, header), body(b"text"))
    assert b"c: d" not in b"".join(channel.writes)
    assert channel.writes[0].startswith(b"HTTP/1.1 500 ")


async def test_an_application_that_fails_behind_its_answer_leaves_the_connection() -> None:
    async def app(_: Any, __: Any, send: AsgiSend) -> None:
        await send(start(200, *LENGTH_4))
        await send(body(b"text"))
        raise ValueError("nobody foresaw this")

    channel = ChannelRecord()
    await cycle_of(app, channel).run()
    assert (len(channel.writes), channel.closed) == (1, False)


async def test_a_caller_that_waits_for_it_is_told_to_go_on_when_its_body_is_wanted() -> None:
    received: list[Any] = []

    async def app(_: Any, receive: Any, __: Any) -> None:
        received.append(await receive())
        received.append(await receive())

    channel = ChannelRecord()
    cycle = cycle_of(app, channel, (b"expect", b"100-Continue"))
    running = asyncio.create_task(cycle.run())
    await asyncio.sleep(0)
    assert channel.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    cycle.add_body(b"te")
    await asyncio.sleep(0)
    cycle.add_body(b"xt")
    cycle.end_body()
    await running
    assert [(each["body"], each["more_body"]) for each in received] == [(b"te", True), (b"xt", False)]
    assert channel.paced == 2


async def test_a_caller_that_waits_for_it_and_is_refused_is_not_told_to_go_on() -> None:
    async def app(_: Any, receive: Any, send: AsgiSend) -> None:
        await send(start(413, *LENGTH_4))
        await send(body(b"text"))
        assert await receive() == {"type": "http.disconnect"}

    channel = ChannelRecord()
    cycle = cycle_of(app, channel, (b"expect", b"100-continue"))
    cycle.add_body(b"what is sent before it is refused")
    await cycle.run()
    cycle.add_body(b"what is sent all the same")
    assert [write[:12] for write in channel.writes] == [b"HTTP/1.1 413"]
    assert cycle.unread == 0


async def test_a_caller_that_is_gone_is_sent_nothing_and_its_application_is_told() -> None:
    received: list[Any] = []

    async def app(_: Any, receive: Any, send: AsgiSend) -> None:
        received.append(await receive())
        await send(start(200, *LENGTH_4))
        await send(body(b"text"))

    channel = ChannelRecord()
    cycle = cycle_of(app, channel)
    running = asyncio.create_task(cycle.run())
    await asyncio.sleep(0)
    cycle.disconnect()
    await running
    assert received == [{"type": "http.disconnect"}]
    assert channel.writes == []


async def test_to_a_caller_that_does_not_read_no_more_is_written() -> None:
    async def app(_: Any, __: Any, send: AsgiSend) -> None:
        await send(start(200, (b"content-length", b"8")))
        await send(body(b"text", more=True))
        channel.is_writable.clear()
        await send(body(b"more"))

    channel = ChannelRecord()
    running = asyncio.create_task(cycle_of(app, channel).run())
    await asyncio.sleep(0)
    assert len(channel.writes) == 1
    channel.is_writable.set()
    await running
    assert channel.writes[1:] == [b"more"]
