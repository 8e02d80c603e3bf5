"""Series of live quality belong to resources that are watched."""

import asyncio
import contextlib

from prometheus_client import CollectorRegistry

from penstock_contracts.quality import QualityReport, QualityTask, VersionQuality
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.quality_rounds import QualityRounds
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry


class Computed(LiveQuality):
    """What was computed before somebody deleted one of the resources."""

    def __init__(self) -> None:
        """Needs no database."""

    async def of(self, namespace: str, name: str) -> QualityReport:
        """Answer the same for each."""
        version = VersionQuality(
            version="7",
            digest="sha256:0",
            answers=9,
            labelled=9,
            coverage=1.0,
            lag_seconds=1.0,
            task=QualityTask.BINARY,
            roc_auc=0.9,
        )
        return QualityReport(namespace=namespace, name=name, versions=(version,), differences=(), rows_limit=100)


def test_a_resource_that_is_deleted_while_its_quality_is_computed_leaves_no_series() -> None:
    metrics = CollectorRegistry()
    noted: list[str] = []

    async def note(report: QualityReport) -> None:
        noted.append(report.name)
        if report.name == "deleted":
            raise UnknownResource("it is not watched")

    async def renew() -> None:
        rounds = QualityRounds(Computed(), DriftMonitorTelemetry(metrics), note, every_seconds=0)
        for name in ("deleted", "stays"):
            rounds.labels_came("shop", name)
        task = asyncio.create_task(rounds.run())
        while len(noted) < 2:  # noqa: ASYNC110 - the rounds tell nobody that they are done
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(renew())
    names = [
        sample.labels["name"]
        for family in metrics.collect()
        if family.name == "penstock_monitor_quality"
        for sample in family.samples
    ]
    assert names == ["stays"]
