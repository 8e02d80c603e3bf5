"""HTTP to one registry, on a thread and an event loop of its own, with bounds on whatever it may send."""

import asyncio
import zlib
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from penstock_controller.adapters.certificates import certificates
from penstock_controller.adapters.credentials import authorization
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.adapters.own_loop import OwnLoop
from penstock_controller.errors import RegistryAway

SECONDS = 6.0
"""For a call, from looking the name up to the last byte."""
MOST_BYTES = 2 * 2**20
"""Of an answer, on the wire and unpacked."""
LONGEST_RETRY_AFTER = 15.0
"""Seconds that a registry may ask to be left alone."""
_CALLS = 8
"""Of one connection at the same time; more wait within their time."""
_LOOK_UPS = 2
"""Threads that look names up: a name server that hangs holds only its own connection."""
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """A whole answer, neither too large nor too late. Its content is the registry's: it belongs into no message."""

    status: int
    body: bytes
    retry_after: float = 0.0
    """Seconds, bounded."""


class RegistryConnection:
    """Follows no redirects and tries nothing again that was answered: whoever asks decides when."""

    def __init__(self, name: str, uri: str, credentials: Path, *, seconds: float = SECONDS) -> None:
        """`credentials`: a folder with a file for each value; need not exist."""
        self.name = name
        self._base = uri.rstrip("/")
        self._credentials = credentials
        self._seconds = seconds
        self._running: set[asyncio.Task[Any] | None] = set()
        limits = httpx.Limits(max_connections=_CALLS, max_keepalive_connections=_CALLS)
        self._client = httpx.AsyncClient(
            follow_redirects=False, timeout=seconds, limits=limits, verify=certificates(), headers=_HEADERS
        )
        self._loop = OwnLoop(f"registry-{name}", look_ups=_LOOK_UPS)

    async def call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Ask. Raises RegistryAway."""
        return await self._loop.run(self._bounded(method, path, query, body))

    def running(self) -> int:
        """Calls under way now. Any thread may ask."""
        return len(self._running)

    def away(self, why: str, retry_after: float = 0.0) -> RegistryAway:
        """The error for a registry that does not do what it should; `why`: our words, never its."""
        return RegistryAway(f"registry {self.name!r} {why}", retry_after=retry_after)

    async def _bounded(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, str] | None
    ) -> HttpAnswer:
        task = asyncio.current_task()
        self._running.add(task)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._answer(method, path, query, body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self.away(f"does not answer: nothing whole in {self._seconds:g} s") from error
        except httpx.ConnectError as error:
            raise self.away(f"does not answer: {error}"[:200]) from error
        except httpx.HTTPError as error:
            raise self.away("does not answer: the connection broke, or it does not speak HTTP") from error
        except (OSError, ValueError, httpx.InvalidURL) as error:
            raise self.away("is not asked: are its uri and its credentials well formed?") from error
        finally:
            self._running.discard(task)

    async def _answer(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, str] | None
    ) -> HttpAnswer:
        headers = authorization(self._credentials)
        url = f"{self._base}{path}"
        request = self._client.build_request(method, url, params=query, json=body, headers=headers)
        async with aclosing(await sent(self._client, request)) as answer:
            if answer.is_redirect:
                raise self.away(
                    f"answers with a redirect ({answer.status_code}), which is not followed: give its final address "
                    f"in registries.{self.name}.uri"
                )
            content = await self._read(answer)
        retry_after = _retry_after(answer.headers.get("Retry-After", ""))
        return HttpAnswer(status=answer.status_code, body=content, retry_after=retry_after)

    async def _read(self, answer: httpx.Response) -> bytes:
        """The body, unpacked no further than is allowed: nobody asked for a packed one, but some proxies send it."""
        encoding = answer.headers.get("Content-Encoding", "identity").lower()
        if encoding not in {"identity", "gzip"}:
            raise self.away(f"packs its answers ({answer.status_code}) in a way that nobody asked for")
        unpack = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
        content = bytearray()
        async for chunk in answer.aiter_raw():
            try:
                content += unpack.decompress(chunk, MOST_BYTES + 1 - len(content)) if unpack else chunk
            except zlib.error as error:
                raise self.away(f"sends an answer ({answer.status_code}) that cannot be unpacked") from error
            if len(content) > MOST_BYTES:
                raise self.away(f"sends an answer ({answer.status_code}) of more than {MOST_BYTES} bytes")
        return bytes(content)


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "penstock-controller"}


def _retry_after(value: str) -> float:
    """Seconds, bounded; a date, or what is no number, counts as nothing."""
    with suppress(ValueError):
        return min(LONGEST_RETRY_AFTER, max(0.0, float(value)))
    return 0.0
