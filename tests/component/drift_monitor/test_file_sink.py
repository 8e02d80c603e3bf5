"""Records as Parquet files in a folder and in a store that speaks S3 (moto), with the monitor killed meanwhile."""

import os
from pathlib import Path

import httpx
import pyarrow.dataset as ds  # type: ignore[import-untyped]
import pyarrow.fs as pafs  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from penstock_contracts.drift import ServedVersion

from .conftest import Monitor, StartMonitor, eventually
from .traffic import DIGEST, batch

NEXT = ServedVersion(version="2", digest=DIGEST, revision="fraud-2")


def rows_in(lake: Path) -> int:
    return int(ds.dataset(lake, partitioning="hive").count_rows()) if lake.exists() else 0


def keep(monitor: Monitor, body: bytes) -> None:
    assert monitor.post(body).status_code == httpx.codes.NO_CONTENT


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_each_version_gets_one_file_of_a_period_in_its_own_partition(
    start_monitor: StartMonitor, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    monitor = start_monitor(parquet_url=lake.as_uri(), parquet_period_seconds="4")
    for number in range(1, 4):
        keep(monitor, batch(number, rows=10))
    keep(monitor, batch(1, rows=7, sender="pod-2", served=NEXT, shadow=True))
    eventually(lambda: rows_in(lake) == 37, "all is written")
    written = files(lake)
    assert {file.parts[len(lake.parts) :][:3] for file in written} == {
        ("namespace=shop", "name=fraud", "version=1"),
        ("namespace=shop", "name=fraud", "version=2"),
    }
    assert len(written) <= 4, "two versions, and no more than two periods"
    table = ds.dataset(lake, partitioning="hive").to_table()
    assert table.num_rows == 37
    assert table.schema.names[:8] == ["request_id", "row", "at", "shadow", "digest", "revision", "sender", "batch"]
    types = {name: str(table.schema.field(name).type) for name in ("input_amount", "input_shop", "at")}
    assert types == {"input_amount": "float", "input_shop": "string", "at": "timestamp[us, tz=UTC]"}
    first = table.filter((ds.field("version") == 1) & (ds.field("batch") == 2)).to_pylist()[3]
    assert first["request_id"] == "pod-1-2-3"
    assert first["output_probabilities[1]"] == pytest.approx(1 - first["output_probabilities[0]"], abs=1e-6)
    assert set(table.filter(ds.field("version") == 2)["shadow"].to_pylist()) == {True}


def test_killed_again_and_again_every_row_is_in_a_whole_file(start_monitor: StartMonitor, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    number = 0
    for _ in range(4):
        monitor = start_monitor(parquet_url=lake.as_uri(), parquet_period_seconds="0.2")
        for _ in range(5):
            number += 1
            keep(monitor, batch(number, rows=20))
        monitor.process.kill()
        monitor.process.wait(60)
    start_monitor(parquet_url=lake.as_uri(), parquet_period_seconds="0.2")
    eventually(lambda: rows_in(lake) >= 20 * number, "all is written")
    table = ds.dataset(lake, partitioning="hive").to_table()  # reads every file: none is half a file
    rows = list(zip(*(table[name].to_pylist() for name in ("sender", "batch", "request_id", "row")), strict=True))
    assert len(rows) == len(set(rows)) == 20 * number, "a file that is written again takes its own place"


def test_a_store_that_speaks_s3_is_away_and_then_gets_all(
    start_monitor: StartMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "word"), ("EC2_METADATA_DISABLED", "true")):
        monkeypatch.setitem(os.environ, f"AWS_{name}", value)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        where = f"scheme=http&endpoint_override={host}:{port}&region=us-east-1"
        monitor = start_monitor(parquet_url=f"s3://lake/records?{where}", parquet_period_seconds="1")
        keep(monitor, batch(1, rows=30))
        eventually(
            lambda: "could not be written" in monitor.log.read_text(), "there is no bucket yet, and that is told"
        )
        store, _ = pafs.FileSystem.from_uri(f"s3://lake?allow_bucket_creation=true&{where}")
        store.create_dir("lake")
        keep(monitor, batch(2, rows=30))
        sent = 'sink_rows_total{outcome="sent",sink="parquet"} 60.0'
        eventually(lambda: sent in monitor.client.get("/metrics").text, "all is written")
        found = ds.dataset("lake/records", filesystem=store, partitioning="hive").to_table()
        assert sorted(set(found["request_id"].to_pylist())) == sorted(
            f"pod-1-{number}-{row}" for number in (1, 2) for row in range(30)
        )
        leftover = store.get_file_info(pafs.FileSelector("lake/records/_writing", allow_not_found=True))
        assert not [each.path for each in leftover if each.type == pafs.FileType.File]
    finally:
        server.stop()
