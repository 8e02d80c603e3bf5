"""A reply as an ASGI application that says nothing else."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from penstock_predictor.http.reply import Reply

_Message = MutableMapping[str, Any]


class AsgiReply:
    """Of one request."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __call__(
        self, _: _Message, __: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        """Send it, whatever was asked."""
        headers = self._reply.headers()
        await send({"type": "http.response.start", "status": self._reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": self._reply.body})
