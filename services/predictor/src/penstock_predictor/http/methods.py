"""HEAD and OPTIONS for every route, which FastAPI does not add by itself."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.routing import Match

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""That a route may have; HEAD goes with GET."""
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class Methods:
    """ASGI middleware: HEAD is answered as GET (the server leaves the body out), OPTIONS by what a path allows."""

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
    routes = scope["app"].routes
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return sorted({*allowed, "HEAD"}) if "GET" in allowed else sorted(allowed)
