"""The store's own series. The registry is passed in."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from penstock_contracts.build import build_labels
from penstock_contracts.metric_names import (
    BUILD_INFO,
    STORE_BYTES,
    STORE_DIGESTS,
    STORE_INGESTS,
    STORE_REMOVED,
    STORE_VOLUME_BYTES,
    STORE_VOLUME_FREE_BYTES,
)
from penstock_contracts.model_card import Digest, IngestPhase
from penstock_model_store.errors import error_kinds


class ModelStoreTelemetry:
    """Counts ingests and what is held."""

    def __init__(self, registry: CollectorRegistry) -> None:
        info = Gauge(BUILD_INFO.name, BUILD_INFO.meaning, BUILD_INFO.labels, registry=registry)
        info.labels(*build_labels("model-store")).set(1)
        self._ingests = Counter(STORE_INGESTS.name, STORE_INGESTS.meaning, STORE_INGESTS.labels, registry=registry)
        # From 0: increase() sees nothing of a series that begins at 1.
        self._ingests.labels(phase=IngestPhase.READY.value, reason="")
        for kind in error_kinds():
            self._ingests.labels(phase=kind.phase.value, reason=kind.__name__)
        self._digests = Gauge(STORE_DIGESTS.name, STORE_DIGESTS.meaning, registry=registry)
        self._bytes = Gauge(STORE_BYTES.name, STORE_BYTES.meaning, registry=registry)
        self._removed = Counter(STORE_REMOVED.name, STORE_REMOVED.meaning, registry=registry)
        self._volume = Gauge(STORE_VOLUME_BYTES.name, STORE_VOLUME_BYTES.meaning, registry=registry)
        self._free = Gauge(STORE_VOLUME_FREE_BYTES.name, STORE_VOLUME_FREE_BYTES.meaning, registry=registry)

    def ingest_ended(self, phase: IngestPhase, reason: str, held: Mapping[Digest, int]) -> None:
        """One ingest came to its end, and this is held now."""
        self._ingests.labels(phase=phase.value, reason=reason).inc()
        self.holds(held)

    def volume_is(self, folder: Path) -> None:
        """Its size and room are looked up whenever the metrics are read."""
        self._volume.set_function(lambda: shutil.disk_usage(folder).total)
        self._free.set_function(lambda: shutil.disk_usage(folder).free)

    def removed(self, held: Mapping[Digest, int]) -> None:
        """A digest was removed, and this is held now."""
        self._removed.inc()
        self.holds(held)

    def holds(self, held: Mapping[Digest, int]) -> None:
        """State what is held."""
        self._digests.set(len(held))
        self._bytes.set(sum(held.values()))
