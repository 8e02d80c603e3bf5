"""Wraps every request: counts its answer, names the model's digest on it, moves callers elsewhere while draining."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID
from penstock_predictor.http.exchange import REQUEST_ID, SHADOW
from penstock_predictor.http.heads import CLOSE, is_request_id
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


class Telemetry:
    """ASGI middleware. Starlette's own base for these puts a task and a queue into every request."""

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
        if self._runtime.lifecycle.draining:
            headers.append(CLOSE)
        return headers
