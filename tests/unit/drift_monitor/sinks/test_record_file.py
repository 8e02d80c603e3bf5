"""Which batches share a file, where it lies, and what stands in it."""

from dataclasses import replace
from io import BytesIO

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun
from penstock_drift_monitor.outbox import Outgoing
from penstock_drift_monitor.sinks.inference_event import events_of
from penstock_drift_monitor.sinks.record_file import MOST_BYTES, by_file, encoded, of_one_period, path_of, table_of

NOON = 1_772_366_400.0  # 2026-03-01T12:00:00Z


def outgoing(number: int, came: float = NOON) -> Outgoing:
    return Outgoing(
        number=number, came=came, rows=1, size=100, namespace="shop", name="fraud", version="7", form=b"same"
    )


def test_a_minute_waits_until_it_is_over_and_is_taken_alone() -> None:
    waiting = [outgoing(1, NOON + 1), outgoing(2, NOON + 59.9), outgoing(3, NOON + 60)]
    assert of_one_period(waiting, NOON + 59.99, 60) == ()
    assert [batch.number for batch in of_one_period(waiting, NOON + 60, 60)] == [1, 2]
    assert of_one_period([], NOON, 60) == ()


def test_versions_and_forms_have_files_of_their_own_and_large_minutes_several() -> None:
    other, changed = replace(outgoing(2), version="8"), replace(outgoing(3), form=b"without a column")
    large = [replace(outgoing(number), size=MOST_BYTES // 2) for number in (5, 6, 7)]
    files = by_file([outgoing(1), other, changed, outgoing(4), *large])
    assert [[batch.number for batch in file] for file in files] == [[1, 4, 5], [2], [3], [6, 7]]


def test_a_path_is_partitioned_and_no_name_leaves_its_folder() -> None:
    assert path_of([outgoing(12)], "9f31c2aa") == (
        "namespace=shop/name=fraud/version=7/date=2026-03-01/1200-9f31c2aa-12.parquet"
    )
    hostile = path_of([replace(outgoing(1), namespace="../..", name="a/b=c", version="x" * 512)], "e")
    parts = hostile.split("/")
    assert parts[:2] == ["namespace=..%2F..", "name=a%2Fb%3Dc"]
    assert len(parts) == 5
    assert max(map(len, parts)) < 255


def batch() -> RecordBatch:
    requests = (RecordedRequest("a", 2, shadow=False), RecordedRequest("", 1, shadow=True))
    run = RecordedRun(
        at=NOON,
        requests=requests,
        inputs=((2**53 + 1).to_bytes(8, "little") * 3, b"\1\0\1", ["9f86d081884c7d65", "", "ß"]),
        outputs=(b"\0\0\xc0\x7f" * 3,),
    )
    blocks = (
        RecordBlock(("account",), "INT64"),
        RecordBlock(("member",), "BOOL"),
        RecordBlock(("name",), "BYTES"),
    )
    return RecordBatch(
        namespace="shop",
        name="fraud",
        digest="sha256:0",
        version='7 "beta"',
        revision="fraud-1",
        sender="pod",
        number=4,
        inputs=blocks,
        outputs=(RecordBlock(("score",), "FP32"),),
        runs=(run,),
    )


def test_a_file_has_the_columns_as_they_were_recorded() -> None:
    table = pq.read_table(BytesIO(encoded(table_of([(batch(), NOON - 5), (batch(), NOON + 5)]))))
    assert table.num_rows == 6
    assert table["request_id"].to_pylist()[:3] == ["a", "a", ""]
    assert table["row"].to_pylist()[:3] == [0, 1, 0]
    assert table["shadow"].to_pylist()[:3] == [False, False, True]
    assert [at.timestamp() for at in table["at"].to_pylist()[2:4]] == [NOON - 5, NOON], "no row is later than its batch"
    assert table["input_account"].to_pylist()[0] == 2**53 + 1
    assert table["input_member"].to_pylist()[:3] == [True, False, True]
    assert table["input_name"].to_pylist()[:3] == ["9f86d081884c7d65", "", "ß"]
    assert str(table.schema.field("output_score").type) == "float"


def test_an_event_header_holds_no_character_that_http_forbids() -> None:
    asked, told, *_ = events_of(batch(), NOON)
    assert asked.headers()["ce-modelversion"] == "7%20%22beta%22"
    assert (
        asked.headers()["ce-source"] == "/namespaces/shop/modeldeployments/fraud/versions/7%2520%2522beta%2522/request"
    )
    assert b'"data":[null,null]' in told.data
    assert told.record == "pod-4-0-0"
