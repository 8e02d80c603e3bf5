"""Takes batches to one sink, in order, and notes how far it came. Intake never waits for it."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from penstock_drift_monitor.errors import NoRoom
from penstock_drift_monitor.ledger import Ledger
from penstock_drift_monitor.outbox import Waiting, waiting_for
from penstock_drift_monitor.sinks.sink import Sink, SinkAway
from penstock_drift_monitor.sinks.sink_telemetry import SinkTelemetry
from penstock_drift_monitor.writer import Writer

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 10_000
"""Batches looked at together."""


@dataclass(frozen=True, kw_only=True)
class ForwardPace:
    """Times in seconds."""

    idle: float = 1.0
    """Between two looks while there is nothing to send."""
    first: float
    longest: float
    """Between two tries while the sink is away: doubled from the first to the longest."""


class Forwarder:
    """At least once: the mark moves after the sink has what lies before it."""

    def __init__(
        self,
        sink: Sink,
        writer: Writer,
        reader: Callable[[], sqlite3.Connection],
        telemetry: SinkTelemetry,
        pace: ForwardPace,
    ) -> None:
        """`reader` opens the database for reading."""
        self._sink = sink
        self._writer = writer
        self._reader = reader
        self._telemetry = telemetry
        self._pace = pace
        self._evicted: int | None = None
        """Rows known to have gone unsent; None: before the first look."""

    async def run(self) -> None:
        """Forward until cancelled."""
        delay = self._pace.first
        tries = 0
        while True:
            try:
                progressed = await self._round()
            except (SinkAway, NoRoom) as error:
                tries += 1
                self._say_failed(str(error), tries, delay)
            except Exception:  # noqa: BLE001 - records stay, and the next try may succeed
                tries += 1
                self._telemetry.failed(self._sink.name)
                _log.exception("records could not be forwarded", extra={"sink": self._sink.name, "tries": tries})
            else:
                if tries and progressed:
                    _log.info("records are forwarded again", extra={"sink": self._sink.name, "tries": tries})
                if progressed:
                    delay, tries = self._pace.first, 0
                else:
                    await asyncio.sleep(self._pace.idle)
                continue
            await asyncio.sleep(delay)
            delay = min(self._pace.longest, delay * 2)

    async def close(self) -> None:
        """Give back what the sink holds."""
        await self._sink.close()

    async def _round(self) -> bool:
        """Send what is next; False: there is nothing yet."""
        now = time.time()
        # What came before `now` is committed once the writer has got to this.
        await self._writer.do(_nothing)
        waiting = await asyncio.to_thread(waiting_for, self._reader, self._sink.name, _AT_ONCE)
        self._tell(waiting)
        chosen = self._sink.next(waiting.batches, now)
        if not chosen:
            return False
        sent = await self._sink.send(waiting.epoch, chosen)
        await self._writer.do(partial(_passed, self._sink.name, chosen[-1].number))
        self._telemetry.sent(self._sink.name, sent)
        return True

    def _tell(self, waiting: Waiting) -> None:
        self._telemetry.waits(self._sink.name, waiting.rows, waiting.oldest)
        gone = 0 if self._evicted is None else waiting.evicted - self._evicted
        self._evicted = waiting.evicted
        if gone:
            self._telemetry.evicted(self._sink.name, gone)
            _log.error(
                "rows went before they were forwarded: they were too old, or too many: bring the sink back, or raise "
                "PENSTOCK_SINK_MAX_BYTES",
                extra={"sink": self._sink.name, "rows": gone, "rows_since_configured": waiting.evicted},
            )

    def _say_failed(self, why: str, tries: int, delay: float) -> None:
        self._telemetry.failed(self._sink.name)
        _log.warning(
            "records are not forwarded now: %s", why, extra={"sink": self._sink.name, "tries": tries, "again_in": delay}
        )


def _nothing(_: Ledger) -> None:
    """Let the writer finish what came before."""


def _passed(sink: str, number: int, ledger: Ledger) -> None:
    if ledger.outbox is not None:
        ledger.outbox.passed(sink, number)
