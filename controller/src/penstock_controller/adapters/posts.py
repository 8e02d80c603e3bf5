"""POSTs to webhooks of users, on a thread and an event loop of their own: a name server that hangs holds up only them.

Redirects are not followed, nothing is tried again, and no message has anything of what was answered but its status.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import httpx

from penstock_controller.adapters.certificates import certificates
from penstock_controller.adapters.own_loop import OwnLoop
from penstock_controller.errors import WebhookAway, WebhookRefused

_LOOK_UPS = 8
_LATER = frozenset({408, 425, 429})
"""Answers that mean: not now."""
_SERVER = 500
_LONGEST_RETRY_AFTER = 300.0
"""Seconds that a webhook may ask to be left alone."""
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "penstock-controller",
}

_T = TypeVar("_T")


class WebhookPosts:
    """Sends JSON and hands the answer to who understands it."""

    def __init__(self, name: str, *, calls: int) -> None:
        """`name`: of its threads. `calls`: so many at the same time; more wait within their time."""
        # No connection is kept: a POST on one that was just closed would be one that nobody knows the fate of.
        limits = httpx.Limits(max_connections=calls, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(follow_redirects=False, limits=limits, verify=certificates(), headers=_HEADERS)
        self._loop = OwnLoop(name, look_ups=_LOOK_UPS)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float,
        understand: Callable[[httpx.Response], Coroutine[Any, Any, _T]],
    ) -> _T:
        """Send it once, and have the answer, of which the body is not read yet, understood.

        `seconds`: within which its head is to come. Raises WebhookAway, WebhookRefused, and what `understand` does.
        """
        return await self._loop.run(self._posted(url, body, headers, seconds, understand))

    async def _posted(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
        understand: Callable[[httpx.Response], Awaitable[_T]],
    ) -> _T:
        try:
            request = self._client.build_request(
                "POST", url, content=body, headers=dict(headers), timeout=httpx.Timeout(seconds)
            )
            async with asyncio.timeout(seconds):
                answer = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise WebhookAway(f"it does not answer within {seconds:g} s") from error
        except httpx.ConnectError as error:
            raise WebhookAway(
                "it cannot be reached: does its name resolve, does it listen, is its certificate known?"
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise WebhookAway("the connection broke before an answer, or it does not speak HTTP") from error
        except (ValueError, httpx.InvalidURL) as error:
            raise WebhookRefused("it cannot be called: are url and headers well formed?") from error
        async with aclosing(answer):
            return await understand(answer)


def must_succeed(answer: httpx.Response, check: str) -> None:
    """Raises WebhookAway for what means: not now, and WebhookRefused for all else that is no success.

    `check`: what a person is to look at, where it is refused.
    """
    status = answer.status_code
    if answer.is_success:
        return
    if status in _LATER or status >= _SERVER:
        raise WebhookAway(f"it answers {status}", retry_after=_retry_after(answer.headers.get("Retry-After", "")))
    if answer.is_redirect:
        raise WebhookRefused(f"it answers with a redirect ({status}), which is not followed: give its final address")
    raise WebhookRefused(f"it answers {status}: {check}")


def _retry_after(value: str) -> float:
    """Seconds; a date is not understood."""
    return min(float(value), _LONGEST_RETRY_AFTER) if value.isascii() and value.isdigit() else 0.0
