"""Two versions' predictions for the same inputs: counted by the process as it is in production, asked by ours."""

import threading

import httpx
import numpy as np
import pytest

from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.drift import ServedVersion
from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.drift_monitor import HttpDriftMonitor
from penstock_controller.errors import MonitorAway
from penstock_controller.gates.evidence import Evidence, PairedOutputs
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.prediction_divergence import PredictionDivergence
from penstock_controller.ports import ResourceKey

from .conftest import FileStore, Monitor, StartMonitor
from .traffic import STABLE, WISH, files, packed

CANDIDATE = ServedVersion(version="2", digest="sha256:" + "2" * 64, revision="fraud-2")
COMPARED = DivergenceWish(attempt=3, candidate=CANDIDATE, stable=STABLE)
ROWS = 50
FRAUD = ResourceKey("shop", "fraud")
LABEL, SCORE = RecordBlock(("label",), "INT64"), RecordBlock(("value",), "FP64")
GATE = PredictionDivergence(name="prediction-divergence", min_samples=300, limit=0.01, alpha=0.0025, part=None)


def answered(
    number: int, *, by: ServedVersion, shuffled: bool = False, rows: int = 100, block: RecordBlock = LABEL
) -> bytes:
    """Batch `number` of a version: the same requests and, unless shuffled, the same answers as the other's."""
    draw = np.random.default_rng(number)
    inputs = draw.normal(size=rows)
    outputs = (inputs > 0).astype(np.int64) if block is LABEL else 100 * inputs
    if shuffled:
        outputs = draw.permutation(outputs)
    run = RecordedRun(
        at=4e9,
        requests=tuple(RecordedRequest(f"request-{number}-{row}", 1, by is CANDIDATE) for row in range(rows)),
        inputs=(inputs.astype("<f8").tobytes(),),
        outputs=(outputs.astype("<i8" if block is LABEL else "<f8").tobytes(),),
    )
    blocks = (RecordBlock(("amount",), "FP64"),)
    return packed(run, number, inputs=blocks, outputs=(block,), served=by, sender=f"pod-{by.version}")


@pytest.fixture
def monitor(start_monitor: StartMonitor) -> Monitor:
    return start_monitor()


async def compare(monitor: Monitor, wish: DivergenceWish = COMPARED) -> DivergenceReport:
    """As the controller asks."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{monitor.port}", trust_env=False) as client:
        return await HttpDriftMonitor(client, seconds=30).compare(FRAUD, wish)


def judged(*reports: DivergenceReport) -> Judgement:
    found = Judgement(verdict=Verdict.ERROR, reason="", message="", seen=GateMemory())
    for report in reports:
        fields = report.model_dump(include=set(PairedOutputs.__dataclass_fields__))
        found = GATE.judge(Evidence(parts=(PairedOutputs(**fields),)), found.seen)
    return found


async def test_a_version_with_shuffled_answers_is_found_by_its_pairs(monitor: Monitor) -> None:
    begun = await compare(monitor)
    for number in range(1, 4):
        monitor.post(answered(number, by=CANDIDATE, shuffled=True))
        monitor.post(answered(number, by=STABLE))
    report = await compare(monitor)
    assert report.pairs == report.classified == 300
    found = judged(begun, report)
    assert (found.verdict, found.reason) == (Verdict.FAIL, "PredictionsDiverge")
    assert f"{report.flips} of 300 predictions differ" in found.message


async def test_a_version_with_equal_answers_passes(monitor: Monitor) -> None:
    begun = await compare(monitor)
    for number in range(1, 6):
        monitor.post(answered(number, by=STABLE))
        monitor.post(answered(number, by=CANDIDATE))
    assert judged(begun, await compare(monitor)).verdict is Verdict.PASS


async def test_what_was_counted_is_read_by_attempt(monitor: Monitor) -> None:
    await compare(monitor)
    monitor.post(answered(1, by=STABLE))
    monitor.post(answered(1, by=CANDIDATE))
    path = "/v1/divergence/shop/fraud"
    found = DivergenceReport.model_validate_json(monitor.client.get(path, params={"attempt": 3}).content)
    assert (found.attempt, found.pairs) == (3, 100)
    assert monitor.client.get(path).json()["pairs"] == 100
    assert monitor.client.get(path, params={"attempt": 2}).status_code == httpx.codes.NOT_FOUND
    assert "attempt 3" in monitor.client.get(path, params={"attempt": 2}).json()["error"]
    assert monitor.client.get("/v1/divergence/shop/other").status_code == httpx.codes.NOT_FOUND
    assert monitor.client.get(path, params={"attempt": -1}).status_code == httpx.codes.BAD_REQUEST


async def test_killed_while_records_come_each_pair_counts_once(start_monitor: StartMonitor) -> None:
    monitor = start_monitor()
    begun = await compare(monitor)
    sent = 0
    for kill in range(4):
        killer = threading.Timer(0.2 + kill / 20, monitor.process.kill)
        killer.start()
        sent = post_until_it_dies(monitor, sent)
        monitor.process.wait(60)
        monitor = start_monitor()
    for index in range(sent + 1):  # the first ones once more, and the last one, whose answer was lost
        post(monitor, index)
    pairs = ROWS * ((sent + 1) // 2)
    report = await compare(monitor)
    assert (report.pairs, report.flips, report.since) == (pairs, 0, begun.since)
    assert report.candidate_rows + report.stable_rows == ROWS * (sent + 1)


def post(monitor: Monitor, index: int) -> None:
    """Batches of both versions in turn; of every second pair the copy comes first."""
    number, second = divmod(index, 2)
    by = CANDIDATE if (number + second) % 2 else STABLE
    assert monitor.post(answered(number + 1, by=by, rows=ROWS)).status_code == httpx.codes.NO_CONTENT


def post_until_it_dies(monitor: Monitor, index: int) -> int:
    """Number of batches that were acknowledged."""
    while True:
        try:
            post(monitor, index)
        except httpx.TransportError:
            return index
        index += 1


async def test_numbers_are_compared_by_what_the_reference_sample_spreads_over(
    monitor: Monitor, store: FileStore
) -> None:
    store.files = files()
    monitor.watch(WISH)
    monitor.has_reference()
    await compare(monitor)
    monitor.post(answered(1, by=STABLE, block=SCORE))
    monitor.post(answered(1, by=CANDIDATE, block=SCORE))
    report = await compare(monitor)
    assert (report.scored, report.unscaled, report.total_difference) == (100, 0, 0.0)
    # The sample's predictions are even between 0 and 1.
    assert report.scale == pytest.approx(0.98, abs=0.01)


async def test_the_sample_is_loaded_for_that_where_nobody_watches_drift(monitor: Monitor, store: FileStore) -> None:
    store.files = files()
    await compare(monitor)
    number = 1
    while (report := await compare(monitor)).scale is None:
        assert number < 1000, "the reference sample is never here"
        monitor.post(answered(number, by=STABLE, block=SCORE, rows=5))
        monitor.post(answered(number, by=CANDIDATE, block=SCORE, rows=5))
        number += 1
    assert report.scale == pytest.approx(0.98, abs=0.01)
    assert report.unscaled
    assert report.scored + report.unscaled == report.pairs


async def test_an_answer_about_another_attempt_is_none(monitor: Monitor) -> None:
    other = await compare(monitor)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=other.model_dump_json()))
    async with httpx.AsyncClient(base_url="http://monitor", transport=transport) as client:
        with pytest.raises(MonitorAway, match="is about others"):
            await HttpDriftMonitor(client).compare(FRAUD, COMPARED.model_copy(update={"attempt": 4}))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(500), "answers 500"),
        (httpx.Response(404), "older than this controller"),
        (httpx.Response(200, content=b"[]"), "not understood"),
        (httpx.Response(302, headers={"location": "/elsewhere"}), "answers 302"),
    ],
    ids=["broken", "older", "nonsense", "redirect"],
)
async def test_a_monitor_that_does_not_compare_is_away(answer: httpx.Response, told: str) -> None:
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(base_url="http://monitor", transport=transport) as client:
        with pytest.raises(MonitorAway, match=told):
            await HttpDriftMonitor(client).compare(FRAUD, COMPARED)
