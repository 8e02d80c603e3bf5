"""Bodies of which much is still to come go from the socket straight into their place."""

import asyncio
from pathlib import Path

import httpx
import numpy as np
import pytest

from .conftest import StartApp, StartProcess
from .wire import (
    INFER,
    PATIENCE,
    ROW,
    CallerConnection,
    Way,
    answer,
    binary,
    nothing_held,
    post,
    raw,
    rounds,
    status,
    text,
)

ROWS = 40_000
NUMBERS = np.arange(2 * ROWS, dtype="<f4")
BODY, HEADER = binary(
    {
        "inputs": [raw("x", "FP32", [ROWS, 2], NUMBERS.nbytes)],
        "parameters": {"binary_data_output": True},
    },
    NUMBERS.tobytes(),
)
LONG = post(INFER, BODY, HEADER)
SHORT = post(INFER, text(ROW))
HEAD = len(LONG) - len(BODY)


def read_in_place(connection: CallerConnection) -> bool:
    return isinstance(connection.wire.protocol, asyncio.BufferedProtocol)


@pytest.mark.parametrize("cut", [HEAD, HEAD + 1, HEAD + 300, HEAD + 200_000, len(LONG) - 65_536, len(LONG) - 1])
async def test_where_a_long_body_is_cut_does_not_matter_nor_what_is_sent_behind_it(
    cut: int, scaled: Path, start_app: StartApp
) -> None:
    async with start_app(scaled) as app:
        (long,) = await answer(app.app, LONG, Way.UVICORNS)
        (short,) = await answer(app.app, SHORT, Way.UVICORNS)
        connection = CallerConnection(app.app)
        await connection.send([LONG, LONG[:cut]])  # the second head is known
        assert read_in_place(connection) is (len(LONG) - cut >= 65_536)
        middle = (cut + len(LONG)) // 2
        await connection.send([LONG[cut:middle], LONG[middle:] + SHORT + LONG[:-50], LONG[-50:]])
        assert await connection.replies(4) == [long, long, short, long]
        await nothing_held(app)


async def test_a_caller_that_hangs_up_in_a_long_body_gives_its_place_back(scaled: Path, start_app: StartApp) -> None:
    async with start_app(scaled) as app:
        connection = CallerConnection(app.app)
        await connection.send([LONG, LONG[: HEAD + 300]])
        assert read_in_place(connection)
        connection.hang_up()
        await nothing_held(app)


async def test_a_long_body_that_comes_too_late_is_refused_behind_what_is_owed_and_its_rest_is_passed_over(
    slow: Path, start_app: StartApp
) -> None:
    body = b" " * 200_000
    late = post(INFER, body, "x-request-timeout-ms: 1")
    async with start_app(slow, request_timeout_seconds=60) as app:
        connection = CallerConnection(app.app)
        await connection.send([late])
        assert len(await connection.replies(1)) == 1
        await connection.send([rounds(50), late[:1000]])
        assert read_in_place(connection)
        async with asyncio.timeout(PATIENCE):
            while app.app.runtime.admission.requests > 1:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0.001)
        await connection.send([late[1000:] + SHORT])
        replies = await connection.replies(3)
        await nothing_held(app)
    assert [status(reply) for reply in replies[1:]] == [200, 408]
    assert connection.wire.closed


async def test_eight_callers_with_long_bodies_get_each_its_own_answer(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder)
    url = await asyncio.to_thread(predictor.ready)

    async def converse(caller: int) -> int:
        right = 0
        async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=1)) as client:
            for number in range(20):
                numbers = NUMBERS + 1000 * caller + number
                body, header = BODY[: -NUMBERS.nbytes] + numbers.tobytes(), HEADER.split(": ")
                reply = await client.post(INFER, content=body, headers=[(header[0], header[1])])
                assert reply.status_code == 200, reply.text
                data = reply.content[int(reply.headers["inference-header-content-length"]) :]
                right += np.array_equal(np.frombuffer(data, "<f4"), 3 * numbers)
        return right

    assert await asyncio.gather(*map(converse, range(8))) == [20] * 8
