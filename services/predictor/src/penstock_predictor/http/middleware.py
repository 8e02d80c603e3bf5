"""What wraps every request that is answered through ASGI."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID
from penstock_predictor.http.exchange import REQUEST_ID, SHADOW
from penstock_predictor.http.reply import is_request_id
from penstock_predictor.metrics import UNMATCHED
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.tracing.trace import TRACE_PARENT, Trace

TRACE = "penstock.trace"
"""Key in the scope of a request that is traced."""

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""That a route may have; HEAD goes with GET."""


class RequestTelemetry:
    """Counts each answer, and names the model's digest on it and the request's id.

    Starlette's own base for such middleware puts a task and a queue into every request.
    """

    def __init__(self, app: _App, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        trace = self._begin_trace(scope, started)
        code = 500  # what the server answers when the application raises

        async def send_counted(message: _Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                own = [*message.get("headers", ())]
                message["headers"] = [*own, *(line for line in self._headers(scope) if line not in own)]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            now = time.monotonic()
            self._runtime.metrics.count_answer(route=route, code=code, seconds=now - started)
            if trace is not None and self._runtime.tracer is not None:
                self._runtime.tracer.end(trace, route, code, now)

    def _begin_trace(self, scope: _Scope, started: float) -> Trace | None:
        if self._runtime.tracer is None:
            return None
        headers = dict(scope["headers"])
        parent = headers.get(TRACE_PARENT)
        if parent is None:
            return None
        trace = self._runtime.tracer.begin(parent, started, headers.get(REQUEST_ID), shadow=SHADOW in headers)
        scope[TRACE] = trace
        return trace

    def _headers(self, scope: _Scope) -> list[tuple[bytes, bytes]]:
        headers = []
        if self._runtime.model is not None:
            headers.append((HEADER_DIGEST.encode(), self._runtime.model.identity.digest.encode()))
        request_id = dict(scope["headers"]).get(HEADER_REQUEST_ID.encode())
        if request_id is not None and is_request_id(request_id):
            headers.append((HEADER_REQUEST_ID.encode(), request_id))
        return headers


class HeadAndOptions:
    """Answers HEAD as GET (the server leaves the body out), and OPTIONS by what a path allows: FastAPI adds neither."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] not in ("HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and (allowed := _allowed(scope)):
            headers = [(b"allow", ", ".join([*allowed, "OPTIONS"]).encode())]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            inner = {**scope, "method": "GET"}
            await self._app(inner, receive, send)
            scope["route"] = inner.get("route")


def _allowed(scope: _Scope) -> list[str]:
    """By asking the routes for each method: those of an included router show no list of theirs."""
    from starlette.routing import Match  # noqa: PLC0415 - this module is loaded before FastAPI is

    routes = scope["app"].routes
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return sorted({*allowed, "HEAD"}) if "GET" in allowed else sorted(allowed)
