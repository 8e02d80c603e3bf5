"""The predictor's wheel with compiled modules: pip prefers it, and it serves."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from penstock_testing.clean_machine import CleanMachine, python, wheelhouse
from penstock_testing.tiny_models import scaled
from release.compiled_wheels import build_compiled

pytestmark = pytest.mark.timeout(1800)
PLACE = "from penstock_predictor.serving import batcher; print(batcher.__file__)"
START_SECONDS = 60.0


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, uv: Path) -> Path:
    return build_compiled(tmp_path_factory.mktemp("compiled"), str(python()), uv)


@contextmanager
def served(machine: CleanMachine, model: Path) -> Iterator[str]:
    """The address of a predictor that is started as a user starts it."""
    options = ["--model", str(model), "--host", "127.0.0.1", "--port", "0", "--grpc-port", "0"]
    log = machine.folder / "log"
    with log.open("w") as out:
        command = machine.command("penstock-predictor", *options)
        process = subprocess.Popen(command, cwd=machine.folder, env=machine.environment, stdout=out, stderr=out)
    try:
        yield _address(log)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _address(log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        text = log.read_text()
        listens = re.search(r"running on (http://127\.0\.0\.1:\d+) ", text)
        if listens and "model loaded" in text:
            return listens[1]
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


def test_it_runs_on_linuxes_that_are_older_than_the_one_that_built_it(compiled: Path) -> None:
    assert "-manylinux" in compiled.name


def test_pip_prefers_it_to_the_one_without_and_it_serves(
    compiled: Path, distributions: Path, machine: CleanMachine, tmp_path: Path
) -> None:
    machine.install("penstock-predictor", folders=(distributions, compiled.parent, wheelhouse("cli", "predictor")))
    assert machine.run("python", "-c", PLACE).strip().endswith(".so")
    with served(machine, scaled(tmp_path / "model.onnx", 3.0)) as address:
        answer = httpx.post(f"{address}/predict", json={"features": [1, 2]}, timeout=30)
    assert answer.json()["prediction"] == [3.0, 6.0]
