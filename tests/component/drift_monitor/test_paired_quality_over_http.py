"""Two versions' quality by labels that come later: counted by the process as it is in production, asked by ours."""

import threading

import httpx
import numpy as np
import pytest

from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_contracts.labels import LABELS_PATH, Label, LabelBatch, LabelOutcome
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.quality import QualityMetric
from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.drift_monitor import HttpDriftMonitor
from penstock_controller.errors import MonitorAway
from penstock_controller.gates.evidence import Evidence, LabelledPairs
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.live_quality import LabelledQuality
from penstock_controller.ports import ResourceKey

from .conftest import Monitor, StartMonitor
from .traffic import STABLE, packed

CANDIDATE = ServedVersion(version="2", digest="sha256:" + "2" * 64, revision="fraud-2")
WATCHED = DriftWish(stable=STABLE, others=(CANDIDATE,), period_seconds=0)
WISH = PairedQualityWish(
    attempt=3, stage="trial", candidate=CANDIDATE, stable=STABLE, metric=QualityMetric.ROC_AUC, margin=0.02
)
FRAUD = ResourceKey("shop", "fraud")
GATE = LabelledQuality(
    name="live-quality", min_samples=500, metric=QualityMetric.ROC_AUC, margin=0.02, coverage=0.5, alpha=0.0025
)
ROWS, BATCHES = 200, 15


def truth(number: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Of batch `number`: what the world turned out to be."""
    return np.random.default_rng(number).random(ROWS) < 0.3


def answered(number: int, by: ServedVersion, *, separation: float = 2.0, start: int = 0) -> bytes:
    """Batch `number` of a version, which tells the classes apart by so many standard deviations."""
    noise = np.random.default_rng(1000 + number).normal(size=ROWS)
    scores = noise + separation * truth(number)
    run = RecordedRun(
        at=4e9,
        requests=tuple(RecordedRequest(f"request-{number}-{row}", 1, by is CANDIDATE) for row in range(ROWS)),
        inputs=(noise.astype("<f8").tobytes(),),
        outputs=(scores.astype("<f8").tobytes(),),
    )
    blocks = (RecordBlock(("amount",), "FP64"),)
    outputs = (RecordBlock(("score",), "FP64"),)
    return packed(run, start + number, inputs=blocks, outputs=outputs, served=by, sender=f"pod-{by.version}")


def label(monitor: Monitor, number: int) -> LabelOutcome:
    labels = tuple(
        Label(id=f"request-{number}-{row}", label=int(positive)) for row, positive in enumerate(truth(number))
    )
    batch = LabelBatch(namespace="shop", name="fraud", labels=labels)
    answer = monitor.client.post(LABELS_PATH, json=batch.model_dump(mode="json"))
    assert answer.status_code == httpx.codes.OK, answer.text
    return LabelOutcome.model_validate_json(answer.content)


@pytest.fixture
def monitor(start_monitor: StartMonitor) -> Monitor:
    found = start_monitor()
    found.watch(WATCHED)
    return found


async def compare(monitor: Monitor, wish: PairedQualityWish = WISH) -> PairedQualityReport:
    """As the controller asks."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{monitor.port}", trust_env=False) as client:
        return await HttpDriftMonitor(client, seconds=30).compare_quality(FRAUD, wish)


def judged(report: PairedQualityReport) -> Judgement:
    fields = report.model_dump(include=set(LabelledPairs.__dataclass_fields__))
    return GATE.judge(Evidence(parts=(LabelledPairs(**fields),)), GateMemory())


async def send(monitor: Monitor, separation: float) -> None:
    """Answers of both versions, and their labels some batches later."""
    await compare(monitor)
    for number in range(1, BATCHES + 3):
        if number <= BATCHES:
            monitor.post(answered(number, STABLE))
            monitor.post(answered(number, CANDIDATE, separation=separation))
        if number > 2:
            assert label(monitor, number - 2).joined == ROWS


async def test_a_candidate_that_tells_classes_apart_less_well_is_found_by_labels_that_come_later(
    monitor: Monitor,
) -> None:
    await send(monitor, 1.2)
    report = await compare(monitor)
    assert (report.pairs, report.labelled, report.unusable) == (ROWS * BATCHES, ROWS * BATCHES, 0)
    assert report.candidate_value is not None
    assert report.stable_value is not None
    assert report.stable_value - report.candidate_value > 0.05
    found = judged(report)
    assert (found.verdict, found.reason) == (Verdict.FAIL, "MarginExceeded")


async def test_a_candidate_that_is_as_good_passes(monitor: Monitor) -> None:
    await send(monitor, 2.0)
    found = judged(await compare(monitor))
    assert (found.verdict, found.reason) == (Verdict.PASS, "WithinMargin")


async def test_counts_outlast_a_killed_monitor_and_are_the_same(start_monitor: StartMonitor) -> None:
    first = start_monitor()
    first.watch(WATCHED)
    await send(first, 1.2)
    before = await compare(first)
    first.process.kill()
    first.process.wait()
    second = start_monitor()
    assert await compare(second) == before
    assert label(second, 1).repeated == ROWS
    assert await compare(second) == before


async def test_both_versions_records_and_labels_at_once_count_each_pair_once(monitor: Monitor) -> None:
    await compare(monitor)
    monitor.post(answered(100, STABLE))
    monitor.post(answered(100, CANDIDATE))
    sends = [
        *(lambda n=number: monitor.post(answered(n, STABLE, start=200)) for number in range(1, 11)),
        *(lambda n=number: monitor.post(answered(n, CANDIDATE, start=200)) for number in range(1, 11)),
        *(lambda n=number: label(monitor, n) for number in range(1, 11)),
    ]
    threads = [threading.Thread(target=each) for each in sends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = await compare(monitor)
    assert report.labelled <= report.pairs
    for number in range(1, 11):
        label(monitor, number)
    again = await compare(monitor)
    assert again.labelled == again.pairs - ROWS


async def test_an_older_attempt_is_not_found_and_another_one_begins_at_nothing(monitor: Monitor) -> None:
    await send(monitor, 1.2)
    newer = await compare(monitor, WISH.model_copy(update={"attempt": 4}))
    assert (newer.pairs, newer.labelled) == (0, 0)
    answer = monitor.client.get("/v1/paired-quality/shop/fraud", params={"attempt": 3})
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "the last that was compared is attempt 4" in answer.json()["error"]


async def test_errors_are_measured_by_the_first_ones(monitor: Monitor) -> None:
    monitor.post(answered(100, STABLE))
    monitor.post(answered(100, CANDIDATE))
    wish = WISH.model_copy(update={"metric": QualityMetric.MAE, "tolerated": 1.05})
    await compare(monitor, wish)
    monitor.post(answered(101, STABLE))
    monitor.post(answered(101, CANDIDATE))
    label(monitor, 101)
    report = await compare(monitor, wish)
    assert report.scale
    assert (report.compared, report.unscaled) == (ROWS - 50, 50)


async def test_a_question_about_a_metric_that_there_is_not_is_refused_by_name(monitor: Monitor) -> None:
    answer = monitor.client.put("/v1/paired-quality/shop/fraud", json=WISH.model_dump(mode="json") | {"metric": "f1"})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "metric" in answer.json()["error"]


async def test_a_monitor_that_is_older_says_nothing_of_quality(monitor: Monitor) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{monitor.port}/old", trust_env=False) as client:
        with pytest.raises(MonitorAway, match="cannot compare quality: it is older than this controller"):
            await HttpDriftMonitor(client, seconds=30).compare_quality(FRAUD, WISH)
