"""Runs the end-to-end tests on one installation: `python -m penstock_testing.end_to_end [PYTEST ARGUMENT...]`.

They run in lanes, one pytest after the other: those that touch only their own namespace side by side, then those that
take away what all share, and at the end what looks back on all of them.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from penstock_testing.cluster import KubernetesCluster
from penstock_testing.installation import install
from penstock_testing.lanes import LANES, NOTHING_CHOSEN, RUN_FOLDER, TOGETHER, EndToEndRun
from penstock_testing.platform import ROOT, Platform

WORKERS = os.environ.get("PENSTOCK_E2E_WORKERS", "3")
"""Processes for the tests that run side by side: they wait for half of their time, and keep two cores busy."""

SECONDS = 600
"""For one test, its set-up included: some roll out six versions, and beside others that takes twice as long."""


class EndedBySignal(BaseException):
    """A signal asked for the end of the run."""

    def __init__(self, number: int) -> None:
        self.number = number


class Runner:
    """One command at a time, which hears of SIGTERM and is waited for. SIGINT a terminal sends to it, too."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._signal = 0
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)

    def _end(self, number: int, _: FrameType | None) -> None:
        if self._signal:
            return
        self._signal = number
        if self._process is None:
            raise EndedBySignal(number)
        if number == signal.SIGTERM:
            self._process.terminate()

    def run(self, *command: str) -> int:
        """The exit code. Raises EndedBySignal once it has ended by a signal that was meant for both."""
        self._process = subprocess.Popen(command, cwd=ROOT)
        code = self._process.wait()
        self._process = None
        if self._signal:
            raise EndedBySignal(self._signal)
        return code


def _lane(name: str, arguments: Sequence[str]) -> list[str]:
    workers = ["-n", WORKERS, "--dist", "loadgroup"] if name == TOGETHER else []
    nothing = ["--means", str(NOTHING_CHOSEN), "no test selected"]
    stage = [str(ROOT / "tests" / "stage"), *nothing, f"end-to-end tests, {LANES[name]}"]
    return [
        *stage,
        sys.executable,
        "-m",
        "pytest",
        "tests/e2e",
        f"--timeout={SECONDS}",
        f"--lane={name}",
        *workers,
        *arguments,
    ]


def _run_lanes(runner: Runner, arguments: Sequence[str]) -> int:
    """The first failure's exit code, and pytest's own for "no test was chosen" when that was so in every lane."""
    stop = {"-x", "--exitfirst"} & set(arguments)
    codes = []
    for name in LANES:
        codes.append(runner.run(*_lane(name, arguments)))
        if stop and codes[-1] not in (0, NOTHING_CHOSEN):
            break
    failed = [code for code in codes if code not in (0, NOTHING_CHOSEN)]
    return failed[0] if failed else min(codes)


def main(*arguments: str) -> int:
    """Install, run every lane, and leave a cluster that is not ours as it was."""
    runner = Runner()
    platform = Platform(KubernetesCluster.from_environment())
    with tempfile.TemporaryDirectory() as folder:
        os.environ[RUN_FOLDER] = folder
        EndToEndRun(Path(folder)).begin(time.time())
        began = time.monotonic()
        print("\n== installation", flush=True)
        try:
            install(platform)
            print(f"== installation: done after {time.monotonic() - began:.0f} s", flush=True)
            return _run_lanes(runner, arguments)
        except EndedBySignal as end:
            return 128 + end.number
        finally:
            if not platform.cluster.name:  # a cluster of our own ends as a whole
                platform.uninstall()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
