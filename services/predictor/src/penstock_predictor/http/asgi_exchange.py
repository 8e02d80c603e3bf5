"""The way of an inference request through FastAPI: of all that the hot way leaves to it."""

import asyncio
from collections.abc import Mapping

from fastapi import Request, Response

from penstock_predictor.http.body import read_body
from penstock_predictor.http.exchange import Exchange, asked_timeout
from penstock_predictor.http.head import Route
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.reply import Reply
from penstock_predictor.http.telemetry import TRACE
from penstock_predictor.serving.call import Deadline


class AsgiExchange(Exchange):
    """A coroutine waits for the reply."""

    __slots__ = ("_future",)

    def __init__(self, headers: Mapping[bytes, bytes], deadline: Deadline) -> None:
        super().__init__(headers, deadline)
        self._future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply) -> None:
        """Wake the coroutine, if it still waits."""
        if not self._future.done():
            self._future.set_result(reply)

    async def reply(self) -> Reply:
        """Wait for the reply."""
        return await self._future


async def answer(intake: Intake, route: Route, request: Request) -> Response:
    """Read the body and compute its answer, all of it within the limits. Raises a RequestError."""
    headers = dict(request.scope["headers"])
    exchange = AsgiExchange(headers, intake.deadline(asked_timeout(headers)))
    exchange.trace = request.scope.get(TRACE)
    runtime = intake.runtime
    runtime.enter(0)
    try:
        exchange.body = await read_body(request.receive, exchange, runtime)
    except BaseException:
        runtime.admission.leave(exchange.size)
        raise
    intake.begin(route, exchange)
    return as_response(await exchange.reply())


def as_response(reply: Reply) -> Response:
    """The reply as Starlette sends it, with its headers in our order."""
    response = Response(reply.body, status_code=reply.status)
    response.raw_headers = reply.headers()
    return response
