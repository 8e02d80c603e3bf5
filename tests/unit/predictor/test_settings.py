from pathlib import Path

import pytest
from pydantic import ValidationError

from penstock_predictor.settings import Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_MODEL_NAME", "fraud-detector")
    monkeypatch.setenv("PENSTOCK_MODEL_DIR", "/models/a")
    monkeypatch.setenv("PENSTOCK_DRAIN_SECONDS", "2.5")
    settings = Settings()
    assert (settings.model_name, settings.model_dir, settings.drain_seconds) == (
        "fraud-detector",
        Path("/models/a"),
        2.5,
    )


def test_variables_that_kubernetes_sets_for_services_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("PENSTOCK_STORE_PORT", "tcp://10.0.0.2:80")
    assert Settings().listen_port == 8000


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_THREADS", "")
    assert Settings().threads >= 1


@pytest.mark.parametrize(
    "wrong",
    [{"model_digest": "sha256:abc"}, {"threads": 0}, {"request_timeout_seconds": 0}, {"log_level": "LOUD"}],
)
def test_a_wrong_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(**wrong)
    assert refusal.value.errors()[0]["loc"] == tuple(wrong)


def test_the_readme_lists_every_setting() -> None:
    readme = (Path(__file__).parents[3] / "services" / "predictor" / "README.md").read_text()
    for name in Settings.model_fields:
        assert f"`PENSTOCK_{name.upper()}`" in readme
