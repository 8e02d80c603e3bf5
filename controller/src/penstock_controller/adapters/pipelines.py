"""The pipelines port over HTTP."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress

import httpx

from penstock_contracts.api.schema import LONGEST_URL
from penstock_controller.adapters.posts import WebhookPosts, must_succeed
from penstock_controller.adapters.whole_body import whole_body
from penstock_controller.workload.webhook_call import WebhookCall

MOST_BYTES = 2**16
"""Of an answer: what is longer names no address."""
_BODY_SECONDS = 2.0
"""For an answer's body: what was started is started, whatever it goes on to say."""
_CALLS = 8
_CONFLICT = 409
_ADDRESS = re.compile(r"https?://[\x21-\x7e]+")


class HttpPipelines:
    """Follows no redirects and tries nothing again: whoever asks decides when."""

    def __init__(self) -> None:
        self._posts = WebhookPosts("pipelines", calls=_CALLS)

    async def start(self, call: WebhookCall, headers: Mapping[str, str]) -> str:
        """Have one started."""
        # Its own header is last: nothing in a Secret takes its place.
        given = {**headers, "Idempotency-Key": call.name}
        return await self._posts.post(call.url, call.body, given, seconds=call.seconds, understand=_understood)


async def _understood(answer: httpx.Response) -> str:
    if answer.status_code == _CONFLICT:
        return ""  # it knows a run of this name: this very training, which was started before
    must_succeed(answer, "are url, body and headersSecret what it wants?")
    return await _address(answer)


async def _address(answer: httpx.Response) -> str:
    """The `url` in what it answers; empty where there is none that can be shown."""
    with suppress(TimeoutError, httpx.HTTPError, OSError, ValueError, RecursionError):
        async with asyncio.timeout(_BODY_SECONDS):
            # A packed one, which nobody asked for, has no address.
            content = await whole_body(answer.aiter_raw(), MOST_BYTES)
        told = json.loads(content or b"")
        url = told.get("url") if isinstance(told, dict) else None
        if isinstance(url, str) and len(url) <= LONGEST_URL and _ADDRESS.fullmatch(url):
            return url
    return ""
