"""What is counted, and that several workers have one count."""

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from penstock_contracts import metric_names
from penstock_predictor.errors import Overloaded
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.metrics import INFER, ROUTES, Gauge, Metrics

MODEL = {"model_name": "m", "model_version": "7", "digest": "sha256:0"}


def crew(size: int) -> list[Metrics]:
    """A worker's metrics for each number, over the same memory, with a model."""
    first = Metrics(CollectorRegistry(), workers=size)
    workers = [first, *(Metrics(CollectorRegistry(), workers=size, fd=first.fd) for _ in range(size - 1))]
    for number, worker in enumerate(workers):
        worker.become(number)
        worker.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), dict)
    return workers


def value(worker: Metrics, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    return worker.registry.get_sample_value(name, MODEL | dict(labels or {}))


def test_answers_are_counted_by_route_and_code_with_their_seconds() -> None:
    (metrics,) = crew(1)
    metrics.answered(route=INFER, code=200, seconds=0.0007)
    metrics.answered(route=INFER, code=200, seconds=0.001)
    metrics.answered(route=INFER, code=422, seconds=3)
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
    metrics.answered(route="/made/up", code=404, seconds=0)
    metrics.answered(route=INFER, code=777, seconds=0)
    assert value(metrics, "penstock_predictor_requests_total", {"route": "unmatched", "code": "404"}) == 1
    assert value(metrics, "penstock_predictor_requests_total", {"route": INFER, "code": "other"}) == 1


def test_runs_and_their_rows() -> None:
    (metrics,) = crew(1)
    for rows in (1, 3, 64, 5000):
        metrics.ran(rows, 0.01)
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
    metrics.rejected(Overloaded("full", "bytes"))
    rejected = "penstock_predictor_rejected_total"
    assert [value(metrics, rejected, {"reason": reason}) for reason in Overloaded.REASONS] == [0, 1, 0]


def test_whichever_worker_is_asked_tells_of_all() -> None:
    workers = crew(3)
    for number, worker in enumerate(workers):
        for _ in range(number + 1):
            worker.answered(route=INFER, code=200, seconds=1)
        worker.ran(2, 0.5)
    told = [generate_latest(worker.registry) for worker in workers]
    assert told[0] == told[1] == told[2]
    assert value(workers[1], "penstock_predictor_requests_total", {"route": INFER, "code": "200"}) == 6
    assert value(workers[0], "penstock_predictor_batch_rows_sum") == 6


def test_a_worker_in_the_place_of_another_counts_on() -> None:
    first, second = crew(2)
    second.answered(route=INFER, code=200, seconds=1)
    other = Metrics(CollectorRegistry(), workers=2, fd=first.fd)
    other.become(1)
    other.answered(route=INFER, code=200, seconds=1)
    assert value(first, "penstock_predictor_requests_total", {"route": INFER, "code": "200"}) == 2


def test_what_is_in_flight_and_waits_is_added_up_and_ready_is_who_is_asked() -> None:
    workers = crew(2)
    live: list[dict[Gauge, float]] = [
        {"in_flight": 2, "waiting": 1, "ready": 1},
        {"in_flight": 5, "waiting": 4, "ready": 0},
    ]
    for worker, gauges in zip(workers, live, strict=True):
        worker.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), gauges.copy)
        worker.note()
    for worker, ready in zip(workers, (1, 0), strict=True):
        assert value(worker, "penstock_predictor_requests_in_flight") == 7
        assert value(worker, "penstock_predictor_requests_waiting") == 5
        assert value(worker, "penstock_predictor_ready") == ready


def test_nothing_of_a_worker_that_died_is_in_flight() -> None:
    first, second = crew(2)
    second.name_model(ModelIdentity(name="m", version="7", digest="sha256:0"), lambda: {"in_flight": 5})
    second.note()
    assert value(first, "penstock_predictor_requests_in_flight") == 5
    Metrics(CollectorRegistry(), workers=2, fd=first.fd).become(1)
    assert value(first, "penstock_predictor_requests_in_flight") == 0


def test_every_series_is_in_the_contract() -> None:
    (metrics,) = crew(1)
    metrics.ran(1, 1)
    for route in ROUTES:
        metrics.answered(route=route, code=200, seconds=0)
    families = list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))
    named = {metric.name: metric for metric in vars(metric_names).values() if isinstance(metric, metric_names.Metric)}
    for family in families:
        metric = named.get(family.name) or named[f"{family.name}_total"]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert len(families) == sum(metric.part == "predictor" for metric in named.values())
