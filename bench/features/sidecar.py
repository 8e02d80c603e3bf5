"""The way that was not taken: a container beside the predictor completes rows and passes them on.

As good as we would make it: the predictor's own look-up, uvloop and httptools on both sides, connections that are kept.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import httptools
import msgspec
import uvloop
from prometheus_client import CollectorRegistry

from penstock_contracts.model_card import ModelCard
from penstock_predictor.features.completed_rows import CompletedRows
from penstock_predictor.features.http_connection import FeatureConnection
from penstock_predictor.features.lookups import FeatureLookups
from penstock_predictor.features.plan import Found, Key
from penstock_predictor.http.predict import PredictRows, parse_rows
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.settings import PredictorSettings

_HEAD = b"POST /predict HTTP/1.1\r\nhost: predictor\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_REPLY = b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\nx-penstock-features: %b\r\ncontent-length: %d\r\n\r\n%b"


class PredictorBehind:
    """The predictor, over connections that are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[FeatureConnection] = []

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Pass a body on; return status and body of the answer."""
        connection = self._idle.pop() if self._idle else await self._connect()
        answer = await connection.exchange(_HEAD % (len(body), body))
        if connection.usable:
            self._idle.append(connection)
        return answer

    async def _connect(self) -> FeatureConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(FeatureConnection, "127.0.0.1", self._port)
        return connection


class SidecarConnection(asyncio.Protocol):
    """One caller's."""

    def __init__(self, lookups: FeatureLookups, upstream: PredictorBehind) -> None:
        self._lookups = lookups
        self._upstream = upstream
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body += data

    def on_message_complete(self) -> None:
        """Called by the parser."""
        body, self._body = self._body, b""
        rows = parse_rows(body)
        keys = self._lookups.plan.keys(rows.rows)
        self._lookups.submit(list(keys.values()), lambda found: self._found(rows, keys, found))

    def _found(self, rows: PredictRows, keys: dict[int, Key], found: Sequence[Found]) -> None:
        by_place = {place: (key, of) for (place, key), of in zip(keys.items(), found, strict=True)}
        completed = self._lookups.plan.complete(rows.rows, by_place, time.time())
        task = asyncio.get_running_loop().create_task(self._pass_on(rows, completed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, rows: PredictRows, completed: CompletedRows) -> None:
        body = {"features": completed.rows[0]} if rows.single else {"instances": completed.rows}
        status, answer = await self._upstream.post(msgspec.json.encode(body))
        self._transport.write(_REPLY % (status, completed.header(), len(answer), answer))


async def _serve(version: Path, settings: PredictorSettings, predictor: int) -> None:
    card = ModelCard.model_validate_json((version / "card.json").read_bytes())
    assert card.features is not None  # noqa: S101 - the bench's own version
    lookups = FeatureLookups.of(card.features, card.columns or (), settings, PredictorMetrics(CollectorRegistry()))
    lookups.start()
    upstream = PredictorBehind(predictor)
    server = await asyncio.get_running_loop().create_server(
        lambda: SidecarConnection(lookups, upstream), "127.0.0.1", settings.listen_port
    )
    await server.serve_forever()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("version", type=Path)
    parser.add_argument("predictor", type=int)
    options = parser.parse_args()
    uvloop.run(_serve(options.version, PredictorSettings(), options.predictor))


if __name__ == "__main__":
    _main()
