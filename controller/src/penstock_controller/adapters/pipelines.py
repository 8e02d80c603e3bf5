"""The pipelines port over HTTP, on a thread and an event loop of its own: a name server that hangs holds up only it."""

import asyncio
import json
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress

import httpx

from penstock_contracts.api.schema import LONGEST_URL
from penstock_controller.adapters.certificates import certificates
from penstock_controller.errors import PipelineAway, PipelineRefused
from penstock_controller.workload.webhook_call import WebhookCall

MOST_BYTES = 2**16
"""Of an answer: what is longer names no address."""
_BODY_SECONDS = 2.0
"""For an answer's body: what was started is started, whatever it goes on to say."""
_CALLS = 8
_LOOK_UPS = 8
_CONFLICT = 409
_LATER = frozenset({408, 425, 429})
"""Answers that mean: not now."""
_SERVER = 500
_ADDRESS = re.compile(r"https?://[\x21-\x7e]+")
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "penstock-controller",
}


class HttpPipelines:
    """Follows no redirects and tries nothing again: whoever asks decides when."""

    def __init__(self) -> None:
        # No connection is kept: a POST on one that was just closed would be one that nobody knows the fate of.
        limits = httpx.Limits(max_connections=_CALLS, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(follow_redirects=False, limits=limits, verify=certificates(), headers=_HEADERS)
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="names-of-pipelines"))
        threading.Thread(target=self._loop.run_forever, name="pipelines", daemon=True).start()

    async def start(self, call: WebhookCall, headers: Mapping[str, str]) -> str:
        """Have one started."""
        answer = asyncio.run_coroutine_threadsafe(self._called(call, headers), self._loop)
        return await asyncio.wrap_future(answer)

    async def _called(self, call: WebhookCall, headers: Mapping[str, str]) -> str:
        try:
            # Its own header is last: nothing in a Secret takes its place.
            given = {**headers, "Idempotency-Key": call.name}
            request = self._client.build_request(
                "POST", call.url, content=call.body, headers=given, timeout=httpx.Timeout(call.seconds)
            )
            async with asyncio.timeout(call.seconds):
                answer = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise PipelineAway(f"it does not answer within {call.seconds:g} s") from error
        except httpx.ConnectError as error:
            raise PipelineAway(
                "it cannot be reached: does its name resolve, does it listen, is its certificate known?"
            ) from error
        except (httpx.HTTPError, OSError) as error:
            raise PipelineAway("the connection broke before an answer, or it does not speak HTTP") from error
        except (ValueError, httpx.InvalidURL) as error:
            raise PipelineRefused("it cannot be called: are url and headers well formed?") from error
        async with aclosing(answer):
            return await _understood(answer)


async def _understood(answer: httpx.Response) -> str:
    status = answer.status_code
    if answer.is_success:
        return await _address(answer)
    if status == _CONFLICT:
        return ""  # it knows a run of this name: this very training, which was started before
    if status in _LATER or status >= _SERVER:
        raise PipelineAway(f"it answers {status}")
    if answer.is_redirect:
        raise PipelineRefused(f"it answers with a redirect ({status}), which is not followed: give its final address")
    raise PipelineRefused(f"it answers {status}: are url, body and headersSecret what it wants?")


async def _address(answer: httpx.Response) -> str:
    """The `url` in what it answers; empty where there is none that can be shown."""
    content = bytearray()
    with suppress(TimeoutError, httpx.HTTPError, OSError, ValueError, RecursionError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in answer.aiter_raw():  # a packed one, which nobody asked for, has no address
                content += chunk
                if len(content) > MOST_BYTES:
                    return ""
        told = json.loads(content)
        url = told.get("url") if isinstance(told, dict) else None
        if isinstance(url, str) and len(url) <= LONGEST_URL and _ADDRESS.fullmatch(url):
            return url
    return ""
