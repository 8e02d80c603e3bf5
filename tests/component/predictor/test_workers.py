"""Several workers on one port: one count, one end, and a place that is taken again."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock_predictor.metrics import INFER as INFER_ROUTE
from penstock_predictor.settings import DEFAULT_MODEL_FILE
from penstock_testing.expectation import Expectation
from penstock_testing.traffic import TrafficRun

from .conftest import START_SECONDS, PredictorProcess, StartProcess, WriteScaled, tensor
from .test_under_load import QUESTIONS, RATE, plan

INFER = "/v2/models/model/infer"
ROW = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}


def workers_of(process: PredictorProcess) -> set[int]:
    """Process ids of the workers beside the first."""
    tasks = Path(f"/proc/{process.process.pid}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def asked_anew(url: str, number: int, *, patience: float = 30) -> int:
    """Ask on a new connection each, so that every worker is asked; return how many were answered right."""
    right = 0
    for _ in range(number):
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.post(url + INFER, json=ROW, timeout=patience)
            assert answer.status_code == 200, answer.text
            right += answer.json()["outputs"][0]["data"] == [3.0, 6.0]
    return right


def told(url: str, name: str) -> float:
    """The sum of a series' values for answers of inference, or of all it has, from whichever worker is asked."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=30).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if sample.labels.get("route", INFER_ROUTE) == INFER_ROUTE)


def memory_by_worker(url: str) -> dict[str, float]:
    """Bytes that each worker holds, from whichever is asked."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=30).text)
    samples = [sample for family in families for sample in family.samples]
    return {
        sample.labels["worker"]: sample.value for sample in samples if sample.name == "process_resident_memory_bytes"
    }


ANSWERED = "penstock_predictor_requests_total"
READY = "penstock_predictor_ready"
IN_FLIGHT = "penstock_predictor_requests_in_flight"


def test_whichever_worker_is_asked_there_is_one_count(scaled_folder: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, workers=3)
    url = predictor.ready()
    assert len(workers_of(predictor)) == 2
    assert asked_anew(url, 90) == 90
    assert {told(url, ANSWERED) for _ in range(20)} == {90}
    assert {told(url, READY) for _ in range(10)} == {1}
    for _ in range(10):
        assert memory_by_worker(url).keys() == {"0", "1", "2"}
        assert min(memory_by_worker(url).values()) > 0
    until(lambda: {told(url, IN_FLIGHT) for _ in range(10)} == {0})


def test_a_worker_that_is_killed_is_replaced_and_the_count_goes_on(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, workers=2)
    url = predictor.ready()
    right = asked_anew(url, 40)
    (killed,) = workers_of(predictor)
    os.kill(killed, signal.SIGKILL)
    until(lambda: workers_of(predictor) not in (set(), {killed}))
    right += asked_anew(url, 60)  # the new one takes part from when it can answer
    assert {told(url, ANSWERED) for _ in range(20)} == {right}
    assert right == 100
    (other,) = workers_of(predictor)
    os.kill(predictor.process.pid, signal.SIGSTOP)
    try:
        until(lambda: asked_anew(url, 1, patience=0.3) == 1)
    finally:
        os.kill(predictor.process.pid, signal.SIGCONT)
    assert alive(other)


def test_all_workers_end_with_a_signal_to_the_first(scaled_folder: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, workers=3, drain_seconds=0.5)
    predictor.ready()
    workers = workers_of(predictor)
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
    assert not any(alive(pid) for pid in workers)


def test_no_worker_outlives_the_first(scaled_folder: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, workers=3, drain_seconds=0)
    predictor.ready()
    workers = workers_of(predictor)
    predictor.signal(signal.SIGKILL)
    predictor.ended()
    until(lambda: not any(alive(pid) for pid in workers))


@pytest.mark.parametrize("threads", [1, 2], ids=["loaded once", "loaded by each"])
def test_a_model_that_cannot_be_served_ends_all_with_the_same_last_words(
    threads: int, tmp_path: Path, write_scaled: WriteScaled, start_process: StartProcess
) -> None:
    folder, log = tmp_path / "model", tmp_path / "termination-log"
    folder.mkdir()
    log.touch()
    write_scaled(folder, factor=3, golden_factor=4)
    predictor = start_process("serve", model_dir=folder, workers=2, threads=threads, termination_log=log)
    assert predictor.ended() == 1
    assert log.read_text().startswith("GoldenMismatch: golden request: output 'y'")


def test_sigterm_under_load_loses_no_request_of_two_workers(
    scaled_folder: Path, tmp_path_factory: pytest.TempPathFactory, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, workers=2, drain_seconds=3)
    url = predictor.ready()
    expectation = Expectation.of_models(QUESTIONS, {"1": scaled_folder / DEFAULT_MODEL_FILE})
    with TrafficRun(plan(url, tmp_path_factory.mktemp("recording")), expectation) as run:
        time.sleep(1)
        predictor.signal(signal.SIGTERM)
        time.sleep(1)
        result = run.result()
    assert predictor.ended() == 0
    assert result.failed == 0, result.describe()
    assert result.by_version["1"] > RATE
