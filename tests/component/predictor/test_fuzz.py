"""Whatever arrives on a connection: no exception, no hang, no wrong answer, no place lost, no memory kept.

`make check-deep` asks for many more examples.
"""

import asyncio
import gc
import logging
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from penstock_testing import tiny_models

from .conftest import RunningApp, StartApp
from .messages import FACTOR, MAX_BODY_BYTES, Message, pieces, streams
from .wire import INFER, CallerConnection, nothing_held, post, status

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "300"))
DEEP = b"[" * 1_000_000


@dataclass
class Target:
    """An application, and whatever went wrong in it."""

    runner: asyncio.Runner
    app: RunningApp
    wrong: list[Any] = field(default_factory=list)

    def run(self, stream: list[Message], cut: list[bytes]) -> None:
        """Send and compare."""
        self.runner.run(self._hold(stream, cut))
        assert self.wrong == []

    async def _hold(self, stream: list[Message], cut: list[bytes]) -> None:
        connection = CallerConnection(self.app.app)
        await connection.send(cut)
        wanted = [message for message in stream if message.statuses]
        replies = [reply for reply in await connection.replies(len(wanted)) if status(reply) != 100]
        while len(replies) < len(wanted) and not connection.wire.closed:
            replies = [reply for reply in await connection.replies(len(replies) + 1) if status(reply) != 100]
        assert len(replies) == len(wanted), [reply[:200] for reply in replies]
        for message, reply in zip(wanted, replies, strict=True):
            check(message, reply)
        if wanted and wanted[-1].last:
            assert connection.wire.closed
        else:
            assert not connection.wire.closed
        connection.hang_up()
        await nothing_held(self.app)


def check(message: Message, reply: bytes) -> None:
    """The reply is one that the message may have."""
    head, _, body = reply.partition(b"\r\n\r\n")
    assert status(reply) in message.statuses, (message.data[:400], reply[:400])
    if status(reply) == 200:
        assert message.right(body), (message.data[:400], reply[:400])
    else:
        assert body.startswith(b'{"error":"'), reply[:400]
    assert (b"\r\nconnection: close" in head) is message.last, (message.data[:400], reply[:400])


class Errors(logging.Handler):
    """Keeps lines that nobody should have to write."""

    def __init__(self, lines: list[Any]) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@pytest.fixture
def target(tmp_path: Path, start_app: StartApp) -> Iterator[Target]:
    tiny_models.scaled(tmp_path / "model.onnx", FACTOR)
    with asyncio.Runner() as runner:
        starting = start_app(tmp_path, max_body_bytes=MAX_BODY_BYTES, request_timeout_seconds=60)
        target = Target(runner, runner.run(starting.__aenter__()))
        handler = Errors(target.wrong)
        logging.getLogger().addHandler(handler)
        runner.get_loop().set_exception_handler(lambda _, context: target.wrong.append(context))
        yield target
        logging.getLogger().removeHandler(handler)
        runner.run(starting.__aexit__(None, None, None))


@pytest.mark.timeout(120 + EXAMPLES // 10)
def test_every_caller_gets_what_is_right_for_it(target: Target) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(some.data())
    def holds(data: some.DataObject) -> None:
        stream = data.draw(streams())
        target.run(stream, data.draw(pieces(stream)))

    holds()


def test_json_of_a_million_levels_is_refused(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.scaled(tmp_path / "model.onnx", FACTOR)

    async def hold() -> None:
        async with start_app(tmp_path) as app:
            connection = CallerConnection(app.app)
            for path in (INFER, "/predict"):
                for body in (DEEP, b'{"a":' * 1_000_000, DEEP + b"]" * 1_000_000):
                    await connection.send([post(path, body)])
            replies = await connection.replies(6)
            await nothing_held(app)
        assert [status(reply) for reply in replies] == [400] * 6

    asyncio.run(hold())


@pytest.mark.timeout(120 + EXAMPLES // 10)
def test_memory_stays_flat(target: Target) -> None:
    """The same callers again and again: after the first rounds nothing more is kept."""
    drawn: list[tuple[list[Message], list[bytes]]] = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(some.data())
    def draw(data: some.DataObject) -> None:
        stream = data.draw(streams())
        drawn.append((stream, data.draw(pieces(stream))))

    draw()
    sizes = []
    tracemalloc.start()
    try:
        for _ in range(3 + EXAMPLES // 100):
            for stream, cut in drawn:
                target.run(stream, cut)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[1] < 100_000, sizes
