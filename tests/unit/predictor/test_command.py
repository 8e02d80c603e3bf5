"""The command line: what a person writes, as settings."""

from pathlib import Path

import pytest

from penstock_predictor.__main__ import parse


def test_a_model_file_names_its_folder_itself_and_the_model(tmp_path: Path) -> None:
    command, settings = parse(["--model", str(tmp_path / "fraud.onnx"), "--port", "9000", "--workers", "2"])
    assert command == "serve"
    assert (settings.model_dir, settings.model_file, settings.model_name) == (tmp_path, "fraud.onnx", "fraud")
    assert (settings.listen_port, settings.workers) == (9000, 2)


def test_a_name_goes_before_the_files(tmp_path: Path) -> None:
    assert parse(["--model", str(tmp_path / "fraud.onnx"), "--name", "other"])[1].model_name == "other"


def test_a_model_folder_may_hold_a_card(tmp_path: Path) -> None:
    settings = parse(["--model", str(tmp_path)])[1]
    assert (settings.model_dir, settings.model_file, settings.model_name) == (tmp_path, "", "model")


@pytest.mark.parametrize(
    ("arguments", "command"), [([], "serve"), (["serve"], "serve"), (["--version", "7"], "serve"), (["fetch"], "fetch")]
)
def test_without_a_command_it_serves(arguments: list[str], command: str) -> None:
    assert parse(arguments)[0] == command


def test_a_wrong_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--workers", "0"])
    assert end.value.code == 2
    assert "PENSTOCK_WORKERS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "99999"], "--port PENSTOCK_LISTEN_PORT: Input should be less than or equal to 65535: got 99999"),
        (["--name", "a/b"], "it is one part of a path, so it has no '/' and no control characters"),
        (["--name", ".."], "--name PENSTOCK_MODEL_NAME"),
        (["--version", "1\n2"], "--version PENSTOCK_MODEL_VERSION"),
    ],
)
def test_a_value_that_cannot_be_is_told_by_its_option(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
