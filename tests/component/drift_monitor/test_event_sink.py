"""Records as CloudEvents to a receiver over HTTP, with the monitor killed and the receiver away meanwhile."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest

from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun

from .conftest import Monitor, StartMonitor, eventually
from .receivers import Receiver, receiver
from .traffic import DIGEST, batch, packed


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def sink_series(monitor: Monitor, name: str) -> float:
    lines = monitor.client.get("/metrics").text.splitlines()
    (value,) = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"penstock_monitor_sink_{name} ")]
    return float(value)


def rows(outcome: str) -> str:
    return f'rows_total{{outcome="{outcome}",sink="cloud-events"}}'


def keep(monitor: Monitor, body: bytes) -> None:
    assert monitor.post(body).status_code == httpx.codes.NO_CONTENT


def test_each_request_becomes_two_events_as_kserve_sends_them(
    start_monitor: StartMonitor, there: Receiver, tmp_path: Path
) -> None:
    headers = tmp_path / "headers"
    headers.mkdir()
    (headers / "authorization").write_text("Bearer secret\n")
    monitor = start_monitor(cloud_events_url=there.url, cloud_events_headers=str(headers))
    run = RecordedRun(
        at=1_700_000_000.25,
        requests=(RecordedRequest("order-7", 2, False), RecordedRequest("", 1, True)),
        inputs=(np.array([0.1, np.nan, 3.0], "<f4").tobytes(), ["9f86d081884c7d65", "x", "ß"]),
        outputs=(np.array([1, 2, 2**53 + 1], "<i8").tobytes(),),
    )
    blocks = (RecordBlock(("amount",), "FP32"), RecordBlock(("shop",), "BYTES"))
    keep(monitor, packed(run, 3, inputs=blocks, outputs=(RecordBlock(("label",), "INT64"),)))
    eventually(lambda: len(there.events) == 4, "both requests and both responses came")

    asked, told = sorted((each for each in there.events if each["id"] == "order-7"), key=lambda each: each["type"])
    assert asked["type"] == "org.kubeflow.serving.inference.request"
    assert told["type"] == "org.kubeflow.serving.inference.response"
    for event in (asked, told):
        assert event["inferenceservicename"] == "fraud"
        assert event["namespace"] == "shop"
        assert event["component"] == "predictor"
        assert event["endpoint"] == "default"
        assert (event["modelversion"], event["modeldigest"], event["revision"]) == ("1", DIGEST, "fraud-1")
        assert event["time"].isoformat() == "2023-11-14T22:13:20.250000+00:00"
    assert asked["source"] != told["source"], "source and id together tell events apart"
    assert asked["data"] == {
        "id": "order-7",
        "inputs": [
            {"name": "amount", "shape": [2, 1], "datatype": "FP32", "data": [0.1, None]},
            {"name": "shop", "shape": [2, 1], "datatype": "BYTES", "data": ["9f86d081884c7d65", "x"]},
        ],
    }
    assert told["data"] == {
        "model_name": "fraud",
        "model_version": "1",
        "id": "order-7",
        "outputs": [{"name": "label", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]}],
    }
    unnamed = [each for each in there.events if each["id"] != "order-7"]
    assert {each["endpoint"] for each in unnamed} == {"shadow"}
    assert {each["id"] for each in unnamed} == {"pod-1-3-0-1"}, "what has no id gets one that stays"
    assert there.authorizations == {"Bearer secret"}
    eventually(lambda: sink_series(monitor, rows("sent")) == 3, "rows are counted once")


def test_killed_in_the_middle_of_a_batch_every_event_comes_and_repeats_can_be_told(
    start_monitor: StartMonitor, there: Receiver
) -> None:
    there.stops_after = 150
    monitor = start_monitor(cloud_events_url=there.url)
    keep(monitor, batch(1, rows=50))
    keep(monitor, batch(2, rows=50))
    eventually(lambda: len(there.events) >= 150, "the receiver has all it takes")
    monitor.process.kill()
    monitor.process.wait(60)
    there.stops_after = None
    again = start_monitor(cloud_events_url=there.url)
    wanted = {f"pod-1-{number}-{row}" for number in (1, 2) for row in range(50)}
    eventually(lambda: set(there.ids("response")) == wanted == set(there.ids("request")), "all events came")
    eventually(lambda: sink_series(again, 'rows_waiting{sink="cloud-events"}') == 0, "the mark is at the end")
    records = {(each["type"], each["recordid"]) for each in there.events}
    assert len(records) == 200, "a repeated event bears the name it had"


def test_a_receiver_that_is_away_holds_up_nobody_and_gets_all_of_it_later(
    start_monitor: StartMonitor, there: Receiver
) -> None:
    there.status = 503
    monitor = start_monitor(cloud_events_url=there.url, retry_longest_seconds="0.5")
    for number in range(1, 6):
        keep(monitor, batch(number, rows=20))
    eventually(lambda: sink_series(monitor, 'failures_total{sink="cloud-events"}') >= 2, "failures are counted")
    assert sink_series(monitor, 'lag_seconds{sink="cloud-events"}') > 0
    assert "the receiver answered 503" in monitor.log.read_text()
    there.status = 200
    eventually(lambda: len(set(there.ids("response"))) == 100, "all came")
    eventually(lambda: sink_series(monitor, 'rows_waiting{sink="cloud-events"}') == 0, "nothing waits")
    assert sink_series(monitor, rows("evicted")) == 0
    assert sink_series(monitor, 'lag_seconds{sink="cloud-events"}') == 0


def test_an_event_that_is_refused_is_counted_and_the_others_go_on(start_monitor: StartMonitor, there: Receiver) -> None:
    there.refused_id = "pod-1-1-3"
    monitor = start_monitor(cloud_events_url=there.url)
    keep(monitor, batch(1, rows=10))
    eventually(lambda: sink_series(monitor, rows("sent")) == 9, "the others are there")
    assert sink_series(monitor, rows("refused")) == 1
    assert len(there.events) == 18


def test_several_events_go_in_one_post(start_monitor: StartMonitor, there: Receiver) -> None:
    monitor = start_monitor(cloud_events_url=there.url, cloud_events_together="100")
    keep(monitor, batch(1, rows=100))
    eventually(lambda: len(there.events) == 200, "all came")
    assert there.posts == 2
    assert json.loads(json.dumps(there.events[0]["data"]))["inputs"][0]["name"] == "amount"


def test_what_is_too_much_goes_oldest_first_and_is_told(start_monitor: StartMonitor, there: Receiver) -> None:
    there.status = 503
    monitor = start_monitor(
        cloud_events_url=there.url, sink_max_bytes=str(2**20), window_rows="100", retry_longest_seconds="0.2"
    )
    size = len(batch(1, rows=5000))
    batches = 2**20 // size + 3
    for number in range(1, batches + 1):
        keep(monitor, batch(number, rows=5000))
    kept = 2**20 // size
    eventually(lambda: sink_series(monitor, rows("evicted")) == 5000 * (batches - kept), "what went is counted")
    assert "rows went before they were forwarded" in monitor.log.read_text()
    there.status = 200
    eventually(lambda: f"pod-1-{batches - kept + 1}-0" in there.ids("response"), "the oldest that is left is next")
    assert "pod-1-2-0" not in there.ids("response")


def test_without_a_sink_nothing_is_kept_for_one_and_what_one_left_goes(
    start_monitor: StartMonitor, there: Receiver, tmp_path: Path
) -> None:
    there.status = 503
    monitor = start_monitor(cloud_events_url=there.url)
    keep(monitor, batch(1))
    monitor.stop()
    again = start_monitor()
    keep(again, batch(2))
    assert not [
        line for line in again.client.get("/metrics").text.splitlines() if line.startswith("penstock_monitor_sink")
    ]
    with closing(sqlite3.connect(tmp_path / "data" / "monitor.sqlite")) as database:
        assert not database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'outbox%'").fetchall()
    assert "no sink is configured any more" in again.log.read_text()
