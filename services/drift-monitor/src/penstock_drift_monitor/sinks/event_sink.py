"""CloudEvents over HTTP: one POST for each event, as KServe's logger sends them, or several in one of a batch."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Final

import httpx

from penstock_drift_monitor.outbox import Outgoing, body_of
from penstock_drift_monitor.sinks.inference_event import InferenceEvent, events_of
from penstock_drift_monitor.sinks.recorded_columns import decode
from penstock_drift_monitor.sinks.sink import SendResult, SinkAway

_AT_ONCE: Final = 16
"""POSTs under way."""
_IN_HAND: Final = 256
"""POSTs made ready together."""
_NEVER: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""What an event itself is refused with. Everything else may be mended, so it is tried again."""
_BATCH_TYPE: Final = "application/cloudevents-batch+json"
Post = tuple[InferenceEvent, ...]


class EventSink:
    """Sends batch after batch; after a failure it goes on with the events that are left."""

    name = "cloud-events"

    def __init__(
        self,
        url: str,
        reader: Callable[[], sqlite3.Connection],
        *,
        headers: Path | None,
        together: int,
        seconds: float,
    ) -> None:
        """`headers`: folder of files, each a header's name with its value in it, read for each batch.

        `together`: events in one POST; more than one uses the batched mode of the HTTP binding.
        `seconds`: for one POST.
        """
        self._url = url
        self._reader = reader
        self._headers = headers
        self._together = together
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(seconds), limits=limits)
        self._number: int | None = None
        """Of the batch that is being sent."""
        self._posts: Iterator[Post] = iter(())
        self._left: list[Post] = []
        self._refused: dict[str, int] = {}
        """Rows by record."""

    def next(self, waiting: Sequence[Outgoing], now: float) -> Sequence[Outgoing]:  # noqa: ARG002 - the port's
        """One batch after the other."""
        return waiting[:1]

    async def send(self, epoch: str, batches: Sequence[Outgoing]) -> SendResult:  # noqa: ARG002 - the port's
        """Send the events of a batch. Raises SinkAway."""
        (batch,) = batches
        if self._number != batch.number:
            self._posts = await asyncio.to_thread(self._begin, batch)
            self._number, self._left, self._refused = batch.number, [], {}
        extra = await asyncio.to_thread(self._extra_headers)
        while True:
            if not self._left:
                self._left = await asyncio.to_thread(list, islice(self._posts, _IN_HAND))
            if not self._left:
                break
            await self._send_posts(extra)
        refused = sum(self._refused.values())
        self._number = None
        return SendResult(batch.rows - refused, refused)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _begin(self, batch: Outgoing) -> Iterator[Post]:
        with closing(self._reader()) as database:
            body = body_of(database, batch.number)
        events = iter(()) if body is None else events_of(decode(body), batch.came)
        return iter(lambda: tuple(islice(events, self._together)), ())

    async def _send_posts(self, extra: dict[str, str]) -> None:
        """Send what is in hand. Raises SinkAway; what was not taken stays in hand."""
        turn = asyncio.Semaphore(_AT_ONCE)
        away: list[str] = []

        async def one(post: Post) -> Post | None:
            async with turn:
                why = away[0] if away else await self._post(post, extra)
            if why is None:
                return None
            away.append(why)
            return post

        self._left = [post for post in await asyncio.gather(*map(one, self._left)) if post is not None]
        if away:
            raise SinkAway(f"CloudEvents: {away[0]}")

    async def _post(self, post: Post, extra: dict[str, str]) -> str | None:
        """POST; None: that is done with, else why it is to be tried again."""
        if self._together == 1:
            content, headers = post[0].data, post[0].headers()
        else:
            content = b"[" + b",".join(event.structured() for event in post) + b"]"
            headers = {"content-type": _BATCH_TYPE}
        try:
            answer = await self._client.post(self._url, content=content, headers={**extra, **headers})
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError):
            # Their words would show the header's value, which is secret.
            return "the request cannot be made: check the URL, and the header names and values in the headers' Secret"
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}: check that the receiver runs and its address is right"
        if answer.is_success:
            return None
        if answer.status_code in _NEVER:
            self._refused |= {event.record: event.rows for event in post}
            return None
        return f"the receiver answered {answer.status_code} {answer.reason_phrase}: {answer.text[:200]}"

    def _extra_headers(self) -> dict[str, str]:
        if self._headers is None:
            return {}
        try:
            files = [each for each in self._headers.iterdir() if not each.name.startswith(".")]
            return {each.name: each.read_text().strip() for each in files}
        except (OSError, UnicodeError) as error:
            raise SinkAway(
                f"CloudEvents: headers cannot be read from {self._headers}: {type(error).__name__}"
            ) from error
