"""Puts together what records: for one process, once its model is loaded."""

import secrets
import socket
from typing import TYPE_CHECKING
from zlib import crc32

from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.model.loading import Loaded
from penstock_predictor.records.batches import Encoding, Gathering, RecordSource
from penstock_predictor.records.columns import Columns
from penstock_predictor.records.recorder import RunRecorder, Sampling
from penstock_predictor.records.run_queue import RunQueue
from penstock_predictor.records.sender import Sender
from penstock_predictor.settings import PredictorSettings

if TYPE_CHECKING:
    from penstock_predictor.records.monitor import MonitorClient


class PredictionRecords:
    """The event loop's side of it, and the thread that sends."""

    def __init__(self, settings: PredictorSettings, loaded: Loaded, metrics: PredictorMetrics) -> None:
        """Raises UnknownColumn for what is to be left out or hashed and is not there."""
        lookup = loaded.card.features if loaded.card else None
        columns = Columns(
            loaded.model,
            exclude=settings.records_exclude,
            hashed=settings.records_hash,
            keys=lookup.entities if lookup else (),
        )
        # A pseudonym of a key would find nothing in the feature store.
        encoding = Encoding(columns, hidden=(*settings.records_exclude, *settings.records_hash))
        source = RecordSource(
            namespace=settings.records_namespace,
            name=settings.records_name,
            revision=settings.records_revision,
            identity=loaded.model.identity,
            sender=f"{socket.gethostname()}-{secrets.token_hex(8)}",
        )
        queue = RunQueue(max_rows=settings.records_queue_rows, max_bytes=settings.records_queue_bytes)
        rate = settings.records_sample_rate
        sampling = None if rate == 1 else Sampling(rate, start=crc32(source.sender.encode()))
        self._sender = Sender(queue, Gathering(source, encoding), lambda: _connect(settings.records_url), metrics)
        self.recorder = RunRecorder(queue, sampling, self._sender.count_unqueued)
        """What the batcher tells of runs."""

    def start(self) -> None:
        """Begin to send. A process that is still to fork must not."""
        self._sender.start()

    def close(self) -> None:
        """Send what is there, for a short time; blocks."""
        self._sender.close()


def _connect(url: str) -> "MonitorClient":
    from penstock_predictor.records.monitor import MonitorClient  # noqa: PLC0415 - in the thread: httpx takes a sixth of a second

    return MonitorClient(url)
