from pathlib import Path

import pytest

from penstock_predictor.cpu import cpu_limit, default_threads


@pytest.mark.parametrize(
    ("content", "limit", "threads"),
    [
        ("max 100000", None, 1),
        ("50000 100000", 0.5, 1),
        ("100000 100000", 1.0, 1),
        ("250000 100000", 2.5, 2),
        ("400000 100000\n", 4.0, 4),
        ("", None, 1),
    ],
)
def test_a_v2_limit(tmp_path: Path, content: str, limit: float | None, threads: int) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cpu_limit(tmp_path) == limit
    assert default_threads(1, tmp_path) == threads


@pytest.mark.parametrize(("quota", "limit"), [("-1", None), ("200000", 2.0)])
def test_a_v1_limit(tmp_path: Path, quota: str, limit: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_limit(tmp_path) == limit


def test_without_cgroups_one_thread(tmp_path: Path) -> None:
    assert default_threads(1, tmp_path) == 1


@pytest.mark.parametrize(("workers", "threads"), [(2, 2), (3, 1), (4, 1), (8, 1)])
def test_workers_share_the_limit(tmp_path: Path, workers: int, threads: int) -> None:
    (tmp_path / "cpu.max").write_text("400000 100000")
    assert default_threads(workers, tmp_path) == threads
