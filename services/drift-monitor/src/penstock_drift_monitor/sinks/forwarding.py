"""Everything between the database and the sinks that settings ask for. Without one, none of them is loaded or runs."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from penstock_drift_monitor.outbox import Outbox, remove_outbox
from penstock_drift_monitor.settings import DriftMonitorSettings
from penstock_drift_monitor.sinks.sink_telemetry import SinkTelemetry
from penstock_drift_monitor.writer import Writer

if TYPE_CHECKING:
    from penstock_drift_monitor.sinks.forwarder import Forwarder
    from penstock_drift_monitor.sinks.sink import Sink

_log = logging.getLogger(__name__)
CLOUD_EVENTS: Final = "cloud-events"
PARQUET: Final = "parquet"
_FILE_SECONDS: Final = 60.0


def outbox_of(settings: DriftMonitorSettings, database: sqlite3.Connection) -> Outbox | None:
    """Have an outbox for the sinks that are asked for; None: there are none. Raises VolumeUnsuitable."""
    names = [name for name, url in ((CLOUD_EVENTS, settings.cloud_events_url), (PARQUET, settings.parquet_url)) if url]
    if names:
        return Outbox(database, names, min(settings.sink_max_bytes, settings.max_bytes // 2))
    if gone := remove_outbox(database):
        _log.warning("no sink is configured any more: what waited for one is gone", extra={"rows": gone})
    return None


class Forwarding:
    """A task for each sink."""

    def __init__(
        self,
        settings: DriftMonitorSettings,
        writer: Writer,
        reader: Callable[[], sqlite3.Connection],
        metrics: CollectorRegistry,
    ) -> None:
        """`reader` opens the database for reading."""
        self._forwarders: tuple[Forwarder, ...] = ()
        telemetry = SinkTelemetry(metrics)  # without a sink too: what the contract declares is exported
        if settings.cloud_events_url or settings.parquet_url:
            self._forwarders = _forwarders(settings, writer, reader, telemetry)

    async def run(self) -> None:
        """Forward until cancelled; what was not sent then is sent after the next start."""
        try:
            await asyncio.gather(*(each.run() for each in self._forwarders))
        finally:
            for each in self._forwarders:
                await each.close()


def _forwarders(
    settings: DriftMonitorSettings, writer: Writer, reader: Callable[[], sqlite3.Connection], telemetry: SinkTelemetry
) -> "tuple[Forwarder, ...]":
    from penstock_drift_monitor.sinks.forwarder import Forwarder, ForwardPace  # noqa: PLC0415 - only where a sink is asked for

    sinks: list[Sink] = []
    if settings.cloud_events_url:
        from penstock_drift_monitor.sinks.event_sink import EventSink  # noqa: PLC0415

        events = EventSink(
            settings.cloud_events_url,
            reader,
            headers=settings.cloud_events_headers,
            together=settings.cloud_events_together,
            seconds=settings.sink_seconds,
        )
        sinks.append(events)
    if settings.parquet_url:
        from penstock_drift_monitor.sinks.file_sink import FileSink  # noqa: PLC0415 - its libraries take tens of MiB

        files = FileSink(
            settings.parquet_url,
            reader,
            period_seconds=settings.parquet_period_seconds,
            seconds=max(_FILE_SECONDS, settings.sink_seconds),
        )
        sinks.append(files)
    for sink in sinks:
        telemetry.begin(sink.name)
    pace = ForwardPace(first=settings.retry_first_seconds, longest=settings.retry_longest_seconds)
    return tuple(Forwarder(sink, writer, reader, telemetry, pace) for sink in sinks)
