"""Scenarios: builds of images that do not come to their end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import CACHE, SCRIPT, running, until

pytestmark = pytest.mark.timeout(600)
STORE = CACHE / "buildah"
MARK = "sleep 86397"
"""No other process on the machine has this command line."""
DOCKERFILE = f"""ARG BASE
FROM $BASE
RUN {MARK}
"""
# `cluster images` with one more part
PROGRAM = """import runpy, sys
script, dockerfile = sys.argv[1:]
sys.path.insert(0, script.rpartition("/")[0])
from testcluster import images
images.PARTS["endless"] = images.ImageRecipe(dockerfile, ())
sys.argv = [script, "images", "endless", "--engine", "buildah"]
runpy.run_path(script, run_name="__main__")
"""


def _left() -> list[str]:
    """The commands of a build's processes."""
    return [command.strip() for _, command, _ in running() if MARK in command or str(STORE) in command]


def _is_at_the_step() -> bool:
    return MARK in _left()


def _mounts() -> list[str]:
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if f" {STORE}/" in line]


def _containers() -> str:
    store = ["--root", str(STORE / "storage"), "--runroot", str(STORE / "run"), "--storage-driver", "overlay"]
    listed = ["unshare", "--mount", "buildah", *store, "containers", "--quiet"]
    return subprocess.run(listed, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture
def building(programs: None, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A build that has come to a step without an end."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    command = [sys.executable, "-B", "-c", PROGRAM, str(SCRIPT), str(tmp_path / "Dockerfile")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until("the step runs, or the build has failed", lambda: _is_at_the_step() or process.poll() is not None, 300)
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_build_that_is_interrupted_leaves_no_process_and_no_mount_and_the_next_command_clears_the_store(
    building: subprocess.Popen[str], number: signal.Signals
) -> None:
    building.send_signal(number)
    building.communicate(timeout=60)
    until("its processes end", lambda: _left() == [])
    assert _mounts() == []

    again = subprocess.run([str(SCRIPT), "images", "gateway"], capture_output=True, text=True, timeout=500, check=False)
    assert again.returncode == 0, again.stderr
    assert _containers() == ""
    assert _mounts() == []
