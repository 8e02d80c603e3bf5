"""Series of the workers' processes, by whichever of them is asked."""

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.build import REVISION_VARIABLE, VERSION
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.process_series import add_process_series


def workers_in(registry: CollectorRegistry, name: str) -> dict[str, float]:
    return {
        sample.labels["worker"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_each_worker_has_its_own_and_one_that_has_not_begun_has_none() -> None:
    registry = CollectorRegistry()
    add_process_series(registry, lambda: [os.getpid(), 0, os.getppid()])
    for name in ("process_resident_memory_bytes", "process_start_time_seconds"):
        assert workers_in(registry, name).keys() == {"0", "2"}
        assert all(value > 0 for value in workers_in(registry, name).values())
    assert workers_in(registry, "process_open_fds")["0"] > 0


def test_nothing_is_told_of_a_worker_that_has_died() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as worker:
        worker.wait(30)
    registry = CollectorRegistry()
    add_process_series(registry, lambda: [os.getpid(), worker.pid])
    assert workers_in(registry, "process_resident_memory_bytes").keys() == {"0"}


def test_workers_say_which_process_they_are() -> None:
    first = PredictorMetrics(CollectorRegistry(), workers=3)
    assert first.processes() == [os.getpid(), 0, 0]
    other = PredictorMetrics(CollectorRegistry(), workers=3, fd=first.fd)
    assert first.processes() == [os.getpid(), 0, 0]
    other.become_worker(2)
    assert first.processes() == other.processes() == [os.getpid(), 0, os.getpid()]


def test_the_build_is_told_with_the_images_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REVISION_VARIABLE, "0a1b2c")
    registry = CollectorRegistry()
    add_process_series(registry, list)
    (build,) = (family for family in registry.collect() if family.name == "penstock_build_info")
    (sample,) = build.samples
    labels = {"part": "predictor", "version": VERSION, "revision": "0a1b2c", "python": sys.version.split()[0]}
    assert (sample.labels, sample.value) == (labels, 1)
