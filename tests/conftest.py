"""For every test, also when pytest is started without make."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from types import FrameType

import pytest
from hypothesis import settings

# None of the libraries may call home, in this process or in one that a test starts.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

# The same examples on every machine and in every run: what is red here is red for everybody. No limit on an example's
# time: machines differ.
settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
settings.load_profile("same-everywhere")


def pytest_configure() -> None:
    """An end by SIGTERM or SIGINT ends what fixtures have started, too: once, however often it is asked for."""
    mine = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() != mine:  # a forked child that has not set its own
            os._exit(128 + number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One that goes with the run: a process that a test kills leaves sockets and certificates in it."""
    folder = tmp_path_factory.mktemp("t", numbered=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield
    shutil.rmtree(folder, ignore_errors=True)
