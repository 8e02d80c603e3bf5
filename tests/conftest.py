"""For every test, also when pytest is started without make."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings

from penstock_testing.deep import DeepTests
from penstock_testing.unchanged import Unchanged

# None of the libraries may call home, in this process or in one that a test starts.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

# The same examples on every machine and in every run: what is red here is red for everybody. No limit on an example's
# time: machines differ.
settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
settings.load_profile("same-everywhere")

_END_SECONDS = 100
"""How long the processes of `-n` may take to end what their fixtures have started."""


class Workers:
    """The processes of `pytest -n`, each with a file that names it. xdist would kill them ten seconds after its end."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._folder = ""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        self._folder = self._folder or tempfile.mkdtemp(prefix="workers-")
        node.workerinput["own_file"] = str(Path(self._folder) / node.workerinput["workerid"])
        self._nodes.append(node)

    def ask_to_end(self) -> None:
        for node in self._busy():
            os.kill(_process(node), signal.SIGTERM)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Before xdist's own: those that were asked to end have done so."""
        deadline = time.monotonic() + _END_SECONDS
        while ended.asked and self._busy() and time.monotonic() < deadline:
            time.sleep(0.1)

    def pytest_unconfigure(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _busy(self) -> list[Any]:
        """Those that are there and have not told what came of them."""
        return [node for node in self._nodes if not hasattr(node, "workeroutput") and _is_there(_process(node))]


def _process(node: Any) -> int:
    """Its number; 0: it has not come as far as to its tests."""
    file = Path(node.workerinput["own_file"])
    return int(file.read_text()) if file.exists() else 0


def _is_there(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class EndOfRun:
    """An end by SIGTERM or SIGINT ends what fixtures have started, too: once, however often it is asked for."""

    def __init__(self) -> None:
        self.asked = False
        self.workers = Workers()
        self._mine = os.getpid()

    def hear(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._mine:  # a forked child that has not set its own
            os._exit(128 + number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.asked = True
        self.workers.ask_to_end()
        pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)


ended = EndOfRun()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ended.workers, "workers-of-this-run")
    config.pluginmanager.register(Unchanged(config), "unchanged")
    config.pluginmanager.register(DeepTests(), "deep-tests")
    signal.signal(signal.SIGTERM, ended.hear)
    signal.signal(signal.SIGINT, ended.hear)
    if hasattr(config, "workerinput"):
        file = Path(config.workerinput["own_file"])
        file.with_suffix(".new").write_text(str(os.getpid()))
        file.with_suffix(".new").rename(file)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Raises pytest.UsageError where xdist does not write groups behind the names of tests: it would split them."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("pytest-xdist keeps no groups with this pytest: see the pin in pyproject.toml")


def pytest_unconfigure() -> None:
    """All is ended: a signal that comes now finds nothing to end, and a process of `-n` only waits to be told to go."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One that goes with the run: a process that a test kills leaves sockets and certificates in it."""
    folder = tmp_path_factory.mktemp("t", numbered=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield
    shutil.rmtree(folder, ignore_errors=True)
