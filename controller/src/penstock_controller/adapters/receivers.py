"""The notification sender port over HTTP."""

import asyncio
import json
from contextlib import suppress

import httpx

from penstock_controller.adapters.posts import WebhookPosts, must_succeed
from penstock_controller.errors import WebhookRefused
from penstock_controller.messages.post import NotificationPost
from penstock_controller.ports import ReceiverAddress

MOST_BYTES = 2**16
"""Of an answer: what is longer does not say that nothing was taken."""
SECONDS = 10.0
"""Within which a receiver is to answer."""
_BODY_SECONDS = 2.0
_CALLS = 32


class HttpReceivers:
    """Follows no redirects and tries nothing again: whoever asks decides when."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        """`seconds`: for an answer."""
        self._posts = WebhookPosts("receivers", calls=_CALLS)
        self._seconds = seconds

    async def deliver(self, post: NotificationPost, address: ReceiverAddress) -> None:
        """Send it once."""
        # Its own header is last: nothing in a Secret takes its place.
        headers = {**address.headers, "Idempotency-Key": post.name}
        understand = _taken_by_slack if post.says_ok else _taken
        await self._posts.post(address.url, post.body, headers, seconds=self._seconds, understand=understand)


async def _taken(answer: httpx.Response) -> None:
    must_succeed(answer, "are address and headers in its Secret right, and does its receiver still exist?")


async def _taken_by_slack(answer: httpx.Response) -> None:
    """Slack's methods answer 200 to everything, and say in the body whether they did it."""
    await _taken(answer)
    content = bytearray()
    with suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MOST_BYTES:
                    return
    with suppress(ValueError, RecursionError):
        said = json.loads(content)
        if isinstance(said, dict) and said.get("ok") is False:
            raise WebhookRefused(
                "it answers that it did not take it (ok: false): are channel and token right, and was it let in?"
            )
