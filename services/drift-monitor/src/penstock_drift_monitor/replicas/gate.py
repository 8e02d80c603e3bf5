"""What stands before all routes: a request whose address names a resource of another replica goes there."""

from contextlib import AsyncExitStack
from typing import Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from penstock_contracts.inference import ErrorResponse
from penstock_drift_monitor.errors import MonitorError
from penstock_drift_monitor.pages.markup import element
from penstock_drift_monitor.pages.shell import page
from penstock_drift_monitor.replicas.passing_on import NamedResource, PassingOn, answer_headers, wants_page
from penstock_drift_monitor.replicas.share import is_report, resource_in
from penstock_drift_monitor.room import Room

RETRY_AFTER: Final = {"Retry-After": "2"}


class ReplicaGate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, passing_on: PassingOn, room: Room, report_seconds: float) -> None:
        """`report_seconds`: how long a report may be made."""
        self._app = app
        self._passing_on = passing_on
        self._room = room
        self._report_seconds = report_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or let through."""
        named = resource_in(scope["path"]) if scope["type"] == "http" else None
        if named is None:
            await self._app(scope, receive, send)
            return
        request, resource = Request(scope, receive), NamedResource(namespace=named[0], name=named[1])
        async with AsyncExitStack() as held:
            try:
                answer = await self._answer(resource, request, held)
            except MonitorError as error:
                answer = _refusal(request, error)
            if answer is not None:
                await answer(scope, receive, send)
        if answer is None:
            await self._app(scope, receive, send)

    async def _answer(self, resource: NamedResource, request: Request, held: AsyncExitStack) -> Response | None:
        """Give the head of the other replica's answer, and its body as it comes; None: it is to be answered here."""
        holder = self._passing_on.to(resource, request)
        if holder is None:
            return None
        body = b""
        if "content-length" in request.headers or "transfer-encoding" in request.headers:
            held.enter_context(self._room.take(request))
            body = await self._room.body(request)
        more = self._report_seconds if is_report(request.url.path) else 0
        sending = self._passing_on.sent(holder, resource, request, body, more_seconds=more)
        answer = await held.enter_async_context(sending)
        response = StreamingResponse(answer.aiter_raw(), answer.status_code)
        response.raw_headers = answer_headers(answer.headers.raw)
        return response


def _refusal(request: Request, error: MonitorError) -> Response:
    if wants_page(request.url.path, request.headers):
        text = (element("h1", "Not here now"), element("p", str(error)))
        return page("Not here now", *text, status=error.status, headers=RETRY_AFTER)
    return JSONResponse(ErrorResponse(error=str(error)).model_dump(), status_code=error.status, headers=RETRY_AFTER)
