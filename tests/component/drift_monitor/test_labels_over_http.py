"""Labels in every order, and the quality that they tell, with the real process."""

import msgspec
import numpy as np
import pytest
from sklearn import metrics

from penstock_contracts.base import evolve
from penstock_contracts.drift import ServedVersion
from penstock_contracts.labels import LabelOutcome
from penstock_contracts.quality import QualityReport
from penstock_contracts.records import RecordBatch

from .conftest import FileStore, Monitor, StartMonitor, eventually
from .traffic import DIGEST, WISH, batch, files

NOW = 4_000_000_000.0
"""Later than any clock: records count as of their arrival."""


def post(monitor: Monitor, *labels: dict[str, object]) -> LabelOutcome:
    answer = monitor.client.post("/v1/labels?namespace=shop&name=fraud", json={"labels": list(labels)})
    assert answer.status_code == 200, answer.text
    return LabelOutcome.model_validate_json(answer.content)


def scores_of(body: bytes) -> dict[str, float]:
    found = msgspec.msgpack.decode(body, type=RecordBatch)
    (raw,) = found.runs[0].outputs
    assert isinstance(raw, bytes)
    second = np.frombuffer(raw, "<f4").astype(np.float64).reshape(-1, 2)[:, 1]
    return dict(zip((request.id for request in found.runs[0].requests), second.tolist(), strict=True))


def test_every_label_is_counted_by_what_became_of_it(start_monitor: StartMonitor, store: FileStore) -> None:
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.post(batch(1, at=NOW))
    assert post(monitor, {"id": "pod-1-1-0", "label": 1}).joined == 1
    assert post(monitor, {"id": "pod-1-1-0", "label": "1"}, {"id": "pod-1-1-0", "label": 1.0}).repeated == 2
    told = post(monitor, {"id": "pod-1-1-0", "label": 0})
    assert (told.conflicting, len(told.examples)) == (1, 1)
    assert post(monitor, {"id": "pod-1-2-0", "label": 1}, {"id": 7, "label": 1}).waiting == 2
    assert post(monitor, {"id": "7", "label": 1}).repeated == 1
    assert post(monitor, {"id": "old", "label": 1, "at": "2001-01-01T00:00:00Z"}).too_late == 1
    assert post(monitor, {"id": "", "label": 1}, {"id": "x", "label": ""}).invalid == 2
    monitor.post(batch(2, at=NOW))
    labelled = QualityReport.model_validate_json(monitor.client.get("/v1/quality/shop/fraud").content)
    assert [each.labelled for each in labelled.versions] == [2]
    csv = b"id,label,row\npod-1-2-1,1,0\npod-1-2-2,0,\n"
    url = "/v1/labels?namespace=shop&name=fraud"
    answer = monitor.client.post(url, content=csv, headers={"content-type": "text/csv"})
    assert answer.json()["joined"] == 2
    assert monitor.client.post("/v1/labels", json={"labels": []}).status_code == 400
    unknown = monitor.client.post("/v1/labels?namespace=shop&name=other", json={"labels": []})
    assert unknown.status_code == 404


def test_a_label_of_a_record_beyond_retention_is_too_late(start_monitor: StartMonitor) -> None:
    monitor = start_monitor(tidy_seconds="3600")
    monitor.watch(WISH)
    monitor.post(batch(1, at=1_000_000_000))
    assert post(monitor, {"id": "pod-1-1-0", "label": 1}).too_late == 1


def test_quality_is_scikit_learns_and_versions_are_compared_on_the_same_requests(
    start_monitor: StartMonitor, store: FileStore
) -> None:
    store.files = files()
    monitor = start_monitor()
    other = ServedVersion(version="2", digest=DIGEST, revision="fraud-2")
    monitor.watch(evolve(WISH, others=(other,)))
    first, second = batch(1, rows=400, at=NOW), batch(1, rows=400, at=NOW, served=other, shadow=True, seed=9)
    renamed = msgspec.msgpack.decode(second, type=RecordBatch)
    second = msgspec.msgpack.encode(msgspec.structs.replace(renamed, sender="pod-2"))
    monitor.post(first)
    monitor.post(second)
    scores, theirs = scores_of(first), scores_of(second)
    draw = np.random.default_rng(3)
    truth = {request: int(draw.random() < score) for request, score in scores.items()}
    assert post(monitor, *({"id": request, "label": label} for request, label in truth.items())).joined == 400
    report = QualityReport.model_validate_json(monitor.client.get("/v1/quality/shop/fraud").content)
    labels, values = list(truth.values()), [scores[request] for request in truth]
    mine = report.versions[0]
    assert (mine.labelled, mine.coverage) == (400, 1.0)
    assert mine.roc_auc == pytest.approx(metrics.roc_auc_score(labels, values), rel=1e-14)
    assert mine.pr_auc == pytest.approx(metrics.average_precision_score(labels, values), rel=1e-14)
    assert mine.log_loss == pytest.approx(metrics.log_loss(labels, values), rel=1e-14)
    assert mine.brier == pytest.approx(metrics.brier_score_loss(labels, values), rel=1e-14)
    area = next(each for each in report.differences if each.figure == "roc_auc")
    assert area.rows == 400
    assert area.low is not None
    assert area.high is not None
    assert area.low < area.high < 0, "it answers at random, which 400 rows show"
    assert area.other_value == pytest.approx(
        metrics.roc_auc_score(labels, [theirs[request] for request in truth]), rel=1e-14
    )


def test_live_quality_has_series_once_labels_came_and_none_once_the_resource_is_gone(
    start_monitor: StartMonitor,
) -> None:
    monitor = start_monitor(quality_seconds="0.1")
    monitor.watch(WISH)
    monitor.post(batch(1, at=NOW))
    assert post(monitor, *({"id": f"pod-1-1-{row}", "label": row % 2} for row in range(100))).joined == 100
    series = 'penstock_monitor_quality{figure="roc_auc",name="fraud",namespace="shop",version="1"}'
    eventually(lambda: series in monitor.client.get("/metrics").text, "the series is there")
    quality = monitor.client.get("/v1/quality/shop/fraud").json()["versions"][0]["roc_auc"]
    assert f"{series} {quality}" in monitor.client.get("/metrics").text
    monitor.client.delete("/v1/resources/shop/fraud")
    assert series not in monitor.client.get("/metrics").text
