"""HEAD and OPTIONS for every route, which FastAPI does not add by itself."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.routing import Match

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
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
    methods: set[str] = set()
    for route in scope["app"].routes:
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
