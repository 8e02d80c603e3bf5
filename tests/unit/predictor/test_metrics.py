"""What is counted, and that several workers have one count."""

import os
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from penstock_contracts import metric_names
from penstock_predictor.errors import Overloaded
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.metrics import INFER, ROUTES, Gauge, PredictorMetrics, SharedCounters


def test_each_worker_writes_its_own_part_and_all_are_added_up() -> None:
    counters = SharedCounters(2, workers=3)
    for worker in range(3):
        counters.part(worker)[0] += worker
        counters.part(worker)[1] += 1
    assert list(counters.totals()) == [3, 3]
    assert counters.part(2).tolist() == [2, 1]


def test_one_worker_is_all() -> None:
    counters = SharedCounters(2, workers=1)
    counters.part(0)[1] = 5
    assert list(counters.totals()) == [0, 5]


def test_a_part_has_no_room_for_another() -> None:
    with pytest.raises(IndexError):
        SharedCounters(2, workers=3).part(0)[2] = 1


def test_another_process_finds_them_by_the_file_descriptor() -> None:
    counters = SharedCounters(2, workers=2)
    pid = os.fork()
    if pid == 0:
        SharedCounters(2, workers=2, fd=counters.fd).part(1)[0] = 7
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    counters.part(0)[0] = 1
    assert list(counters.totals()) == [8, 0]


MODEL = {"model_name": "m", "model_version": "7", "digest": "sha256:0"}


def crew(size: int) -> list[PredictorMetrics]:
    """A worker's metrics for each number, over the same memory, with a model."""
    first = PredictorMetrics(CollectorRegistry(), workers=size)
    workers = [first, *(PredictorMetrics(CollectorRegistry(), workers=size, fd=first.fd) for _ in range(size - 1))]
    for number, worker in enumerate(workers):
        worker.become_worker(number)
        worker.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), dict)
    return workers


def value(worker: PredictorMetrics, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    return worker.registry.get_sample_value(name, MODEL | dict(labels or {}))


def test_answers_are_counted_by_route_and_code_with_their_seconds() -> None:
    (metrics,) = crew(1)
    metrics.count_answer(route=INFER, code=200, seconds=0.0007)
    metrics.count_answer(route=INFER, code=200, seconds=0.001)
    metrics.count_answer(route=INFER, code=422, seconds=3)
    assert value(metrics, "penstock_predictor_requests_total", {"route": INFER, "code": "200"}) == 2
    assert value(metrics, "penstock_predictor_requests_total", {"route": INFER, "code": "422"}) == 1
    seconds = "penstock_predictor_request_seconds"
    assert value(metrics, f"{seconds}_bucket", {"route": INFER, "le": "0.0005"}) == 0
    assert value(metrics, f"{seconds}_bucket", {"route": INFER, "le": "0.001"}) == 2  # a bound belongs to its bucket
    assert value(metrics, f"{seconds}_bucket", {"route": INFER, "le": "+Inf"}) == 3
    assert value(metrics, f"{seconds}_count", {"route": INFER}) == 3
    assert value(metrics, f"{seconds}_sum", {"route": INFER}) == pytest.approx(3.0017)


def test_what_callers_make_up_makes_no_series() -> None:
    (metrics,) = crew(1)
    metrics.count_answer(route="/made/up", code=404, seconds=0)
    metrics.count_answer(route=INFER, code=777, seconds=0)
    assert value(metrics, "penstock_predictor_requests_total", {"route": "unmatched", "code": "404"}) == 1
    assert value(metrics, "penstock_predictor_requests_total", {"route": INFER, "code": "other"}) == 1


def test_runs_and_their_rows() -> None:
    (metrics,) = crew(1)
    for rows in (1, 3, 64, 5000):
        metrics.count_run(rows, 0.01)
    rows_of = "penstock_predictor_batch_rows"
    assert [value(metrics, f"{rows_of}_bucket", {"le": le}) for le in ("1.0", "2.0", "4.0", "64.0", "+Inf")] == [
        1,
        1,
        2,
        3,
        4,
    ]
    assert value(metrics, f"{rows_of}_sum") == 5068
    assert value(metrics, "penstock_predictor_inference_seconds_count") == 4


def test_rejections_by_reason() -> None:
    (metrics,) = crew(1)
    metrics.count_rejection(Overloaded("full", "bytes"))
    rejected = "penstock_predictor_rejected_total"
    assert [value(metrics, rejected, {"reason": reason}) for reason in Overloaded.REASONS] == [0, 1, 0]


def test_whichever_worker_is_asked_tells_of_all() -> None:
    workers = crew(3)
    for number, worker in enumerate(workers):
        for _ in range(number + 1):
            worker.count_answer(route=INFER, code=200, seconds=1)
        worker.count_run(2, 0.5)
    told = [generate_latest(worker.registry) for worker in workers]
    assert told[0] == told[1] == told[2]
    assert value(workers[1], "penstock_predictor_requests_total", {"route": INFER, "code": "200"}) == 6
    assert value(workers[0], "penstock_predictor_batch_rows_sum") == 6


def test_a_worker_in_the_place_of_another_counts_on() -> None:
    first, second = crew(2)
    second.count_answer(route=INFER, code=200, seconds=1)
    other = PredictorMetrics(CollectorRegistry(), workers=2, fd=first.fd)
    other.become_worker(1)
    other.count_answer(route=INFER, code=200, seconds=1)
    assert value(first, "penstock_predictor_requests_total", {"route": INFER, "code": "200"}) == 2


def test_what_is_in_flight_and_waits_is_added_up_and_ready_is_who_is_asked() -> None:
    workers = crew(2)
    live: list[dict[Gauge, float]] = [
        {"in_flight": 2, "waiting": 1, "ready": 1},
        {"in_flight": 5, "waiting": 4, "ready": 0},
    ]
    for worker, gauges in zip(workers, live, strict=True):
        worker.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), gauges.copy)
        worker.write_gauges()
    for worker, ready in zip(workers, (1, 0), strict=True):
        assert value(worker, "penstock_predictor_requests_in_flight") == 7
        assert value(worker, "penstock_predictor_requests_waiting") == 5
        assert value(worker, "penstock_predictor_ready") == ready


def test_nothing_of_a_worker_that_died_is_in_flight() -> None:
    first, second = crew(2)
    second.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), lambda: {"in_flight": 5})
    second.write_gauges()
    assert value(first, "penstock_predictor_requests_in_flight") == 5
    PredictorMetrics(CollectorRegistry(), workers=2, fd=first.fd).become_worker(1)
    assert value(first, "penstock_predictor_requests_in_flight") == 0


def test_every_series_is_in_the_contract() -> None:
    (metrics,) = crew(1)
    metrics.count_run(1, 1)
    metrics.name_features(["amount"])
    metrics.count_feature_call("answered", 0.002)
    for route in ROUTES:
        metrics.count_answer(route=route, code=200, seconds=0)
    families = list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))
    named = {metric.name: metric for metric in vars(metric_names).values() if isinstance(metric, metric_names.Metric)}
    for family in families:
        metric = named.get(family.name) or named[f"{family.name}_total"]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert len(families) == sum(metric.part == "predictor" for metric in named.values())
