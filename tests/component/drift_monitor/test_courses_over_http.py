"""How a model went, asked of the real process: while it runs, and after it was killed."""

import httpx

from penstock_contracts.base import evolve
from penstock_contracts.course import CourseReport
from penstock_contracts.drift import DriftVerdict, DriftWish, RolloutFacts, VersionTries

from .conftest import FileStore, Monitor, StartMonitor, eventually
from .traffic import WISH, batch, files

QUICK = {"course_seconds": "0.1", "quality_seconds": "0.1"}


def course(monitor: Monitor, query: str = "") -> CourseReport:
    answer = monitor.client.get(f"/v1/courses/shop/fraud{query}")
    assert answer.status_code == httpx.codes.OK, answer.text
    return CourseReport.model_validate_json(answer.content)


def told(weight: int, tries: int) -> DriftWish:
    rollout = RolloutFacts(
        phase="Progressing",
        weights={"1": 100 - weight, "2": weight},
        attempt=3,
        tries={"1": VersionTries(tries=tries, failures=tries // 10)},
    )
    return evolve(WISH, rollout=rollout)


def drifts(monitor: Monitor) -> bool:
    first = course(monitor, "?limit=1").columns
    return bool(first) and first[0].name == "amount" and any((score or 0) >= 1 for score in first[0].scores)


def test_columns_weights_tries_rows_and_quality_over_time_outlast_a_kill(
    start_monitor: StartMonitor, store: FileStore
) -> None:
    store.files = files()
    monitor = start_monitor(**QUICK)
    monitor.watch(told(5, 0))
    monitor.has_reference()
    for number in range(1, 6):
        monitor.post(batch(number))
    labels = {"labels": [{"id": f"pod-1-1-{row}", "label": row % 2} for row in range(100)]}
    assert monitor.client.post("/v1/labels?namespace=shop&name=fraud", json=labels).status_code == httpx.codes.OK
    for number in range(6, 26):
        monitor.post(batch(number, shift=1.0))
    monitor.watch(told(25, 10))
    eventually(lambda: drifts(monitor), "a column's course shows that it drifts")
    eventually(lambda: sum(sum(each.rows.values()) for each in course(monitor).rows) == 2500, "all rows are noted")
    eventually(lambda: bool(course(monitor).quality), "quality is noted")
    monitor.watch(told(50, 30))
    before = course(monitor)
    assert [(each.weights, each.phase) for each in before.rollout] == [
        ({"1": 95, "2": 5}, "Progressing"),
        ({"1": 75, "2": 25}, "Progressing"),
        ({"1": 50, "2": 50}, "Progressing"),
    ]
    assert sum(each.versions["1"].failures for each in before.tries) <= 3
    quality = before.quality[-1].versions["1"]
    assert (quality.figure, quality.labelled) == ("roc_auc", 100)
    assert quality.low is not None
    assert quality.high is not None
    assert quality.low < quality.high
    monitor.process.kill()
    monitor.process.wait(60)
    again = start_monitor(**QUICK)
    again.has_reference()
    after = course(again)
    assert after.rollout == before.rollout
    assert after.quality[: len(before.quality)] == before.quality
    assert sum(sum(each.rows.values()) for each in after.rows) == 2500
    assert drifts(again)
    page = again.client.get("/models/shop/fraud?span=hour")
    assert page.text.count('role="img"') >= 6
    assert "Score of amount" in page.text
    assert again.client.delete("/v1/resources/shop/fraud").status_code == httpx.codes.NO_CONTENT
    assert again.client.get("/v1/courses/shop/fraud").status_code == httpx.codes.NOT_FOUND


def test_columns_are_asked_for_in_parts_those_that_drift_first(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor(**QUICK)
    monitor.watch(WISH)
    monitor.has_reference()
    for number in range(1, 21):
        monitor.post(batch(number, shift=1.0))
    eventually(lambda: drifts(monitor), "a column's course shows that it drifts")
    whole = course(monitor)
    assert whole.columns_total == len(whole.columns) == 4
    assert whole.columns[0].verdict is DriftVerdict.DRIFT
    assert all(len(each.scores) == len(whole.column_times) for each in whole.columns)
    assert [each.name for each in course(monitor, "?offset=1&limit=2").columns] == [
        each.name for each in whole.columns[1:3]
    ]
    assert course(monitor, "?limit=0").columns == ()
    assert monitor.client.get("/v1/courses/shop/fraud?limit=9999").status_code == httpx.codes.BAD_REQUEST
    unknown = monitor.client.get("/v1/courses/shop/nobody")
    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert "spec.drift" in unknown.json()["error"]
