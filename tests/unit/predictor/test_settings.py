from pathlib import Path

import pytest
from pydantic import ValidationError

from penstock_predictor.settings import PredictorSettings, cpu_limit, default_threads


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
def test_a_limit_of_cgroup_v2(tmp_path: Path, content: str, limit: float | None, threads: int) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cpu_limit(tmp_path) == limit
    assert default_threads(1, tmp_path) == threads


@pytest.mark.parametrize(("quota", "limit"), [("-1", None), ("200000", 2.0)])
def test_a_limit_of_cgroup_v1(tmp_path: Path, quota: str, limit: float | None) -> None:
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


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_MODEL_NAME", "fraud-detector")
    monkeypatch.setenv("PENSTOCK_MODEL_DIR", "/models/a")
    monkeypatch.setenv("PENSTOCK_DRAIN_SECONDS", "2.5")
    settings = PredictorSettings()
    assert (settings.model_name, settings.model_dir, settings.drain_seconds) == (
        "fraud-detector",
        Path("/models/a"),
        2.5,
    )


def test_variables_that_kubernetes_sets_for_services_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("PENSTOCK_STORE_PORT", "tcp://10.0.0.2:80")
    assert PredictorSettings().listen_port == 8000


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_THREADS", "")
    assert PredictorSettings().threads >= 1


@pytest.mark.parametrize(
    "wrong",
    [{"model_digest": "sha256:abc"}, {"threads": 0}, {"request_timeout_seconds": 0}, {"log_level": "LOUD"}],
)
def test_a_wrong_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refusal:
        PredictorSettings(**wrong)
    assert refusal.value.errors()[0]["loc"] == tuple(wrong)


def test_the_readme_lists_every_setting() -> None:
    readme = (Path(__file__).parents[3] / "services" / "predictor" / "README.md").read_text()
    for name in PredictorSettings.model_fields:
        assert f"`PENSTOCK_{name.upper()}`" in readme
