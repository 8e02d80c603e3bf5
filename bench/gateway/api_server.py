# ruff: noqa: INP001
"""A list and a watch, in the real API server's place."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from aiohttp import web

from penstock_gateway.api_server.watch import WatchedKind


class ListWatchServer:
    """Answers lists and watches from memory, as the real API server words them."""

    def __init__(self) -> None:
        self._version = 1
        self._items: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._events: list[tuple[int, str, bytes]] = []
        self._changed = asyncio.Event()
        self.url = ""

    async def start(self, stack: AsyncExitStack) -> None:
        """Listen until the stack ends."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    def write(self, kind: WatchedKind, item: Mapping[str, Any]) -> None:
        """Create or replace an object; the watches are told at once."""
        self._version += 1
        item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._version)}}
        self._items.setdefault(kind.plural, {})[item["metadata"]["uid"]] = item
        event = json.dumps({"type": "MODIFIED", "object": item}).encode() + b"\n"
        self._events.append((self._version, kind.plural, event))
        self._changed.set()
        self._changed = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        plural = request.path.rsplit("/", 1)[-1]
        if "watch" in request.query:
            return await self._watch(request, plural)
        items = list(self._items.get(plural, {}).values())
        return web.json_response({"items": items, "metadata": {"resourceVersion": str(self._version)}})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        seen = int(request.query["resourceVersion"])
        with suppress(TimeoutError):
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while True:
                    changed, news = self._changed, [event for event in self._events if event[0] > seen]
                    for seen, whose, line in news:  # noqa: B007 - goes on from the last one
                        if whose == plural:
                            await response.write(line)
                    await changed.wait()
        return response
