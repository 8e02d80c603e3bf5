"""The window as somebody who trains fetches it, from the real process."""

import csv
import io
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from penstock_contracts.drift import ServedVersion
from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun

from .conftest import Monitor, StartMonitor
from .traffic import DIGEST, WISH, batch

URL = "/v1/window/shop/fraud"
OTHER = ServedVersion(version="2", digest=DIGEST, revision="fraud-2")
HEADER = ["request_id", "row", "at", "version", "amount", "age", "shop", "prediction", "label"]


@pytest.fixture
def monitor(start_monitor: StartMonitor) -> Monitor:
    started = start_monitor()
    started.watch(WISH)
    return started


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


def label(monitor: Monitor, text: str) -> None:
    url = "/v1/labels?namespace=shop&name=fraud"
    answer = monitor.client.post(url, content=f"id,label\n{text}", headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text


def recorded(body: bytes) -> tuple[RecordBatch, np.ndarray[Any, np.dtype[np.float32]]]:
    found = msgspec.msgpack.decode(body, type=RecordBatch)
    numbers = found.runs[0].inputs[0]
    assert isinstance(numbers, bytes)
    return found, np.frombuffer(numbers, "<f4").reshape(-1, 2)


def test_every_row_of_users_is_there_as_it_was_recorded_with_its_label(start_monitor: StartMonitor) -> None:
    monitor = start_monitor(label_retention_seconds="1e12")
    monitor.watch(WISH)
    body = batch(1, rows=3, at=1_700_000_000.25)
    monitor.post(body)
    label(monitor, "pod-1-1-1,1\n")
    answer = monitor.client.get(URL)
    assert answer.text.splitlines()[0].split(",") == HEADER
    assert "\r\n" in answer.text
    rows = table(answer)
    _, numbers = recorded(body)
    assert [row["request_id"] for row in rows] == ["pod-1-1-0", "pod-1-1-1", "pod-1-1-2"]
    assert [row["label"] for row in rows] == ["", "1", ""]
    assert {(row["row"], row["at"], row["version"]) for row in rows} == {("0", "2023-11-14T22:13:21.250Z", "1")}
    assert [np.float32(row["amount"]) for row in rows] == numbers[:, 0].tolist()
    assert all(0 <= float(row["prediction"]) <= 1 for row in rows)


def test_json_has_the_same_rows(monitor: Monitor) -> None:
    monitor.post(batch(1, rows=3))
    label(monitor, "pod-1-1-1,0\n")
    records = monitor.client.get(URL, headers={"accept": "application/json"}).json()
    assert [list(record) for record in records] == [HEADER] * 3
    written = [{name: "" if value is None else str(value) for name, value in record.items()} for record in records]
    assert written == table(monitor.client.get(URL))


def test_copies_are_not_among_them_and_versions_can_be_told_apart(monitor: Monitor) -> None:
    monitor.post(batch(1, rows=2, sender="a"))
    monitor.post(batch(1, rows=2, sender="b", served=OTHER, shadow=True))
    monitor.post(batch(1, rows=2, sender="c", served=OTHER))
    assert [row["request_id"][0] for row in table(monitor.client.get(URL))] == ["a", "a", "c", "c"]
    assert [row["version"] for row in table(monitor.client.get(URL, params={"version": "2"}))] == ["2", "2"]
    nothing = monitor.client.get(URL, params={"version": "9"})
    assert table(nothing) == []
    assert nothing.text == "request_id,row,at,version,prediction,label\r\n"
    assert monitor.client.get(f"{URL}?version=9", headers={"accept": "application/json"}).json() == []


def test_the_limit_keeps_the_newest_in_their_order_also_within_a_batch(monitor: Monitor) -> None:
    monitor.post(batch(1, rows=1500))
    monitor.post(batch(2, rows=4))
    rows = table(monitor.client.get(URL, params={"limit": 6}))
    assert [row["request_id"] for row in rows] == [
        *("pod-1-1-1498", "pod-1-1-1499", "pod-1-2-0", "pod-1-2-1", "pod-1-2-2", "pod-1-2-3")
    ]
    assert len(table(monitor.client.get(URL))) == 1504
    refused = monitor.client.get(URL, params={"limit": 100_001})
    assert refused.status_code == 400
    assert "limit" in refused.json()["error"]


def test_labelled_rows_are_chosen_before_the_limit_counts(monitor: Monitor) -> None:
    monitor.post(batch(1, rows=4))
    monitor.post(batch(2, rows=4))
    label(monitor, "pod-1-1-0,1\npod-1-1-3,0\npod-1-2-1,1\n")
    chosen = table(monitor.client.get(URL, params={"labelled": "true", "limit": 2}))
    assert [(row["request_id"], row["label"]) for row in chosen] == [("pod-1-1-3", "0"), ("pod-1-2-1", "1")]
    without = table(monitor.client.get(URL, params={"labelled": "false"}))
    assert [row["request_id"] for row in without] == ["pod-1-1-1", "pod-1-1-2", "pod-1-2-0", "pod-1-2-2", "pod-1-2-3"]


def test_an_unknown_resource_is_404_and_says_what_to_do(monitor: Monitor) -> None:
    monitor.post(batch(1, name="unwatched"))
    for name in ("nobody", "unwatched"):
        answer = monitor.client.get(f"/v1/window/shop/{name}")
        assert answer.status_code == 404
        assert "spec.drift" in answer.json()["error"]


def test_missing_values_quotes_and_names_of_our_own_survive(monitor: Monitor) -> None:
    names = ("label", 'a "b", c\n')
    monitor.post(
        msgspec.msgpack.encode(
            RecordBatch(
                namespace="shop",
                name="fraud",
                digest=DIGEST,
                version="1",
                revision="fraud-1",
                sender="pod",
                number=1,
                inputs=(RecordBlock(("x", "y"), "FP64"), RecordBlock(("count",), "INT64"), RecordBlock(names, "BYTES")),
                outputs=(),
                runs=(
                    RecordedRun(
                        at=1_790_000_000.0,
                        requests=(RecordedRequest("", 2, False),),
                        inputs=(
                            np.array([[0.1, np.nan], [np.inf, 2.0]], "<f8").tobytes(),
                            np.array([7, -1], "<i8").tobytes(),
                            ['=1,"2"\r\n', "", "ä", "n"],
                        ),
                        outputs=(),
                    ),
                ),
            )
        )
    )
    first, second = table(monitor.client.get(URL))
    assert (first["x"], first["y"], second["x"], second["y"]) == ("0.1", "", "inf", "2.0")
    assert (first["count"], second["count"]) == ("7", "-1")
    assert (first["input.label"], first['a "b", c\n'], second["input.label"]) == ('=1,"2"\r\n', "", "ä")
    assert {(row["request_id"], row["prediction"], row["label"]) for row in (first, second)} == {("", "", "")}
    assert [row["row"] for row in (first, second)] == ["0", "1"]
    in_json = monitor.client.get(URL, headers={"accept": "application/json"}).json()
    assert [(row["x"], row["y"]) for row in in_json] == [(0.1, None), ("inf", 2.0)]


def test_what_was_looked_up_is_given_to_who_asks_for_it(monitor: Monitor) -> None:
    looked_up = '{"entities":{"user":"u1"},"columns":{"x":["found",1789999000.0]}}'
    mixed = RecordedRun(
        at=1_790_000_000.0,
        requests=(RecordedRequest("copy", 1, True), RecordedRequest("two", 2, False)),
        inputs=(np.array([1.0, 2.0, 3.0], "<f8").tobytes(),),
        outputs=(),
        lookups=(looked_up.replace("u1", "copy"), "", looked_up),
    )
    without = RecordedRun(
        at=1_790_000_001.0,
        requests=(RecordedRequest("one", 1, False),),
        inputs=(np.array([4.0], "<f8").tobytes(),),
        outputs=(),
    )
    monitor.post(records(mixed, without))
    assert "lookup" not in table(monitor.client.get(URL))[0]
    (row,) = table(monitor.client.get(URL, params={"lookups": "true"}))
    assert (row["request_id"], row["row"], row["x"], row["lookup"]) == ("two", "1", "3.0", looked_up)
    in_json = monitor.client.get(URL, params={"lookups": "true"}, headers={"accept": "application/json"}).json()
    assert [each["lookup"] for each in in_json] == [looked_up]


def test_lookups_that_are_not_one_for_each_row_are_refused(monitor: Monitor) -> None:
    run = RecordedRun(
        at=1_790_000_000.0,
        requests=(RecordedRequest("two", 2, False),),
        inputs=(np.array([1.0, 2.0], "<f8").tobytes(),),
        outputs=(),
        lookups=("{}",),
    )
    answer = monitor.client.post("/v1/records", content=records(run))
    assert answer.status_code == 400
    assert "1 lookups: it must be one for each row, or none" in answer.json()["error"]


def records(*runs: RecordedRun) -> bytes:
    """A batch with one column x."""
    return msgspec.msgpack.encode(
        RecordBatch(
            namespace="shop",
            name="fraud",
            digest=DIGEST,
            version="1",
            revision="fraud-1",
            sender="pod",
            number=1,
            inputs=(RecordBlock(("x",), "FP64"),),
            outputs=(),
            runs=runs,
        )
    )


def test_records_are_taken_while_somebody_reads_the_window_slowly(monitor: Monitor) -> None:
    for number in range(1, 5):
        monitor.post(batch(number, rows=1200))
    with monitor.client.stream("GET", URL) as answer:
        lines = answer.iter_lines()
        assert next(lines).split(",") == HEADER
        with httpx.Client(base_url=monitor.client.base_url, timeout=30, trust_env=False) as sender:
            assert sender.post("/v1/records", content=batch(9, rows=10)).status_code == 204
        assert sum(1 for _ in lines) == 4800, "what came meanwhile is not of this answer"
    assert len(table(monitor.client.get(URL))) == 4810
