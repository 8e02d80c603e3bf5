"""The predictor's wheel with compiled modules: pip prefers it, and it answers as the one without."""

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


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, uv: Path) -> Path:
    return build_compiled(tmp_path_factory.mktemp("compiled"), str(python()), uv)


@contextmanager
def served(machine: CleanMachine, model: Path) -> Iterator[str]:
    """The address of `penstock-predictor --model`, as a user starts it."""
    options = ["--model", str(model), "--host", "127.0.0.1", "--port", "0"]
    command = machine.command("penstock-predictor", *options)
    with (machine.folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=machine.folder, env=machine.environment, stdout=log, stderr=log)
    try:
        yield _address(process, machine.folder / "log")
    finally:
        process.terminate()
        process.wait(timeout=60)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    raise NotImplementedError
