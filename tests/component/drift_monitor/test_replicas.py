"""Two monitor processes that share resources by name."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
import pytest

from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftReport, ServedVersion
from penstock_contracts.labels import LabelOutcome
from penstock_contracts.monitor_replicas import HEADER_PASSED_ON_BY, holder_of
from penstock_contracts.paired_quality import PairedQualityWish
from penstock_contracts.quality import QualityMetric

from .conftest import FileStore, Monitor, StartMonitor, eventually, free_port, is_judged, monitors
from .traffic import STABLE, WISH, batch, files

NAMES = ("monitor-0", "monitor-1")
RETENTION = "1e12"
"""Rows of the tests are of the year 2096."""


def held_by(replica: str) -> str:
    """A resource of namespace shop that this replica holds."""
    return next(name for name in (f"fraud-{n}" for n in count()) if holder_of("shop", name, NAMES) == replica)


OURS, THEIRS = map(held_by, NAMES)
"""Seen from the first one."""


@dataclass
class Replicas:
    """Starts either, each over a folder of its own."""

    start: dict[str, StartMonitor]
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in NAMES})

    def one(self, name: str, **settings: str) -> Monitor:
        addresses = ",".join(f"{each}=http://127.0.0.1:{port}" for each, port in self.ports.items())
        shared = {"replica": name, "replicas": addresses} | settings
        return self.start[name](port=str(self.ports[name]), label_retention_seconds=RETENTION, **shared)


@pytest.fixture
def replicas(tmp_path: Path, store: FileStore) -> Iterator[Replicas]:
    for name in NAMES:
        (tmp_path / name).mkdir()
    with ExitStack() as running:
        yield Replicas({name: running.enter_context(monitors(tmp_path / name, store)) for name in NAMES})


def labels(monitor: Monitor, name: str, *ids: str) -> LabelOutcome:
    body = {"namespace": "shop", "name": name, "labels": [{"id": each, "label": 1} for each in ids]}
    answer = monitor.client.post("/v1/labels", json=body)
    assert answer.status_code == 200, answer.text
    return LabelOutcome.model_validate_json(answer.content)


def same(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What both must answer alike."""
    kept = {name: value for name, value in answer.headers.items() if name not in {"date", "transfer-encoding"}}
    return answer.status_code, answer.content, kept


def test_any_replica_answers_for_all_and_says_who_is_away(replicas: Replicas, store: FileStore) -> None:
    store.files |= files()
    first, second = (replicas.one(name) for name in NAMES)
    for name in (OURS, THEIRS):
        first.watch(WISH, name)
        assert first.post(batch(1, name=name)).status_code == 204
    first.has_reference(THEIRS)
    eventually(lambda: is_judged(first.drift(THEIRS)), "the rows that were passed on are judged")
    assert first.post(batch(1, name=THEIRS)).status_code == 204
    assert second.drift(THEIRS).rows == 100
    assert labels(first, THEIRS, "pod-1-1-0").joined == 1
    assert labels(second, THEIRS, "pod-1-1-0", "pod-1-1-1").repeated == 1
    in_query = f"/v1/labels?namespace=shop&name={THEIRS}"
    csv = first.client.post(in_query, content="id,label\npod-1-1-2,0\n", headers={"content-type": "text/csv"})
    assert csv.json()["joined"] == 1
    for path in (
        f"/v1/drift/shop/{THEIRS}",
        f"/v1/quality/shop/{THEIRS}",
        f"/v1/paired-quality/shop/{THEIRS}?attempt=3",
        f"/v1/window/shop/{THEIRS}?limit=7",
        f"/models/shop/{THEIRS}",
        f"/v1/reports/elsewhere/{THEIRS}",
        f"/v1/reports/elsewhere/{THEIRS}.json",
        f"/v1/resources/shop/{THEIRS}?method=not-allowed",
    ):
        direct = second.client.get(path)
        assert same(first.client.get(path)) == same(direct), path
        assert ("content-security-policy" in direct.headers) == direct.headers["content-type"].startswith("text/html")
    too_large = first.client.put(f"/v1/resources/shop/{THEIRS}", content=b" " * (17 * 2**20))
    assert too_large.status_code == 413
    for monitor in (first, second):
        page = monitor.client.get("/").text
        assert f"shop/{OURS}" in page
        assert f"shop/{THEIRS}" in page
        assert "Not all models are here" not in page
    twice = first.client.get(f"/v1/drift/shop/{THEIRS}", headers={HEADER_PASSED_ON_BY: "monitor-1"})
    assert (twice.status_code, twice.headers["retry-after"]) == (503, "2")
    assert "do not agree who holds" in twice.json()["error"]

    second.stop()
    gone = first.client.get(f"/v1/drift/shop/{THEIRS}")
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "2")
    assert gone.json()["error"].startswith(f"replica monitor-1, which holds shop/{THEIRS}, does not answer")
    assert first.post(batch(2, name=THEIRS)).status_code == 503
    shown = first.client.get(f"/models/shop/{THEIRS}")
    assert shown.status_code == 503
    assert "replica monitor-1" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    page = first.client.get("/").text
    assert "Not all models are here" in page
    assert "monitor-1" in page
    assert f"shop/{THEIRS}" not in page
    assert first.drift(OURS).rows == 100
    metrics = first.client.get("/metrics").text
    assert 'penstock_monitor_passed_on_total{outcome="away",replica="monitor-1"} 3.0' in metrics
    assert 'penstock_monitor_batches_total{outcome="unreadable"} 0.0' in metrics

    replicas.one("monitor-1")
    assert first.post(batch(2, name=THEIRS)).status_code == 204
    eventually(lambda: first.drift(THEIRS).rows == 200, "what was refused while it was away is there, once")
    assert f"shop/{THEIRS}" in first.client.get("/").text
    assert first.client.delete(f"/v1/resources/shop/{THEIRS}").status_code == 204
    assert first.client.get(f"/v1/drift/shop/{THEIRS}").status_code == 404


def test_labelled_pairs_are_counted_by_who_holds_the_resource_whoever_is_told_of_them(replicas: Replicas) -> None:
    first, second = (replicas.one(name) for name in NAMES)
    candidate = ServedVersion(version="2", digest="sha256:" + "2" * 64, revision="fraud-2")
    first.watch(evolve(WISH, others=(candidate,)), THEIRS)
    wish = PairedQualityWish(
        attempt=3, stage="trial", candidate=candidate, stable=STABLE, metric=QualityMetric.ACCURACY
    ).model_dump(mode="json")
    path = f"/v1/paired-quality/shop/{THEIRS}"
    assert first.client.put(path, json=wish).status_code == 200
    assert first.post(batch(1, name=THEIRS)).status_code == 204
    copies = batch(1, name=THEIRS, served=candidate, shadow=True, sender="pod-2", requests="pod-1-1")
    assert second.post(copies).status_code == 204
    labels(first, THEIRS, *(f"pod-1-1-{row}" for row in range(100)))
    told = first.client.put(path, json=wish).json()
    assert (told["pairs"], told["labelled"]) == (100, 100)
    assert second.client.put(path, json=wish).json() == told


def test_from_one_to_two_who_held_a_resource_forgets_it_and_its_new_holder_begins_anew(
    replicas: Replicas, store: FileStore
) -> None:
    store.files |= files()
    alone = replicas.one("monitor-0", replica="", replicas="")
    for name in (OURS, THEIRS):
        alone.watch(WISH, name)
        assert alone.post(batch(1, name=name)).status_code == 204
        alone.has_reference(name)
    assert alone.client.get("/v1/watched").status_code == 404
    alone.stop()

    second, first = (replicas.one(name) for name in reversed(NAMES))
    watched = [each["report"]["name"] for each in first.client.get("/v1/watched").json()]
    assert watched == [OURS]
    eventually(lambda: first.drift(OURS).rows == 100, "what it holds still is judged as before")
    assert first.client.get(f"/v1/drift/shop/{THEIRS}").status_code == 404
    second.watch(WISH, THEIRS)
    second.has_reference(THEIRS)
    report = DriftReport.model_validate_json(first.client.get(f"/v1/drift/shop/{THEIRS}").content)
    assert (report.dataset_drift, report.verdict, report.rows) == (None, "Inconclusive", 0)
    assert "no records came yet" in report.message
    assert "replica monitor-1 holds this resource" in report.message
    # Pods of the revision from before still send to who held it.
    assert first.post(batch(2, name=THEIRS)).status_code == 204
    assert second.drift(THEIRS).rows == 100


@pytest.mark.parametrize("name", ["monitor-7", ""])
def test_a_replica_that_nobody_would_ask_does_not_start(replicas: Replicas, name: str) -> None:
    refused = replicas.one("monitor-0", replica=name)
    assert refused.process.wait() == 1
    log = refused.log.read_text()
    assert f"PENSTOCK_REPLICA is '{name}', which is none of monitor-0, monitor-1" in log
    assert "Traceback" not in log
