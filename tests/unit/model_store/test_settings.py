from pathlib import Path

import pytest
from pydantic import ValidationError

from penstock_model_store.settings import ModelStoreSettings, Registries


def test_everything_but_the_two_paths_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_STORE_DATA", "/data")
    monkeypatch.setenv("PENSTOCK_STORE_REGISTRIES", "/etc/registries.yaml")

    settings = ModelStoreSettings()

    assert (settings.data, settings.port) == (Path("/data"), 8080)
    assert settings.limits().artifact_bytes == 4 * 2**30
    assert settings.local_roots == ()


def test_lists_are_json_and_the_log_level_is_shared_by_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_STORE_DATA", "/data")
    monkeypatch.setenv("PENSTOCK_STORE_REGISTRIES", "/etc/registries.yaml")
    monkeypatch.setenv("PENSTOCK_STORE_LOCAL_ROOTS", '["/mnt/models"]')
    monkeypatch.setenv("PENSTOCK_LOG_LEVEL", "DEBUG")

    settings = ModelStoreSettings()

    assert settings.local_roots == ("/mnt/models",)
    assert settings.log_level == "DEBUG"


def test_registries_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "registries.yaml"
    file.write_text("registries: {default: {uri: 'http://mlflow:5000/'}, eu: {uri: 'https://eu.example/mlflow'}}")

    assert Registries.read(file).uris() == {"default": "http://mlflow:5000", "eu": "https://eu.example/mlflow"}


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://user:secret@mlflow:5000", "credentials do not belong"),
        ("sqlite:///mlflow.db", "URL scheme should be"),
        ("mlflow", "valid URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_the_start(uri: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "registries.yaml"
    file.write_text(f"registries: {{default: {{uri: '{uri}'}}}}")

    with pytest.raises(ValidationError, match=said):
        Registries.read(file)
