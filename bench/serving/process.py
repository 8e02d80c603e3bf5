"""A server's process and its children, on the server's core."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

START_SECONDS, END_SECONDS = 90.0, 15.0


@cache
def cores() -> tuple[int, int]:
    """Return the server's and the load's, of those this process had at first. Raises RuntimeError for one core."""
    free = sorted(os.sched_getaffinity(0))
    if len(free) < 2:  # noqa: PLR2004
        raise RuntimeError("this bench needs two processor cores: one for the server, one for the load")
    return free[0], free[1]


def pinned(core: int | None, command: Sequence[str]) -> list[str]:
    """Return the command that runs on that core only; what it starts stays there too. None: on both cores."""
    which = ",".join(map(str, cores())) if core is None else str(core)
    return ["taskset", "--cpu-list", which, *command]


class BenchProcess:
    """Started at once, in an empty folder; `end` it."""

    def __init__(
        self, command: Sequence[str], core: int | None, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
        self.log = log
        self.core = core
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                pinned(core, command),
                cwd=self._folder,
                env={**_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the first process; also its session and group."""
        return self._process.pid

    def check(self) -> None:
        """Raise RuntimeError where it has ended by itself."""
        if (code := self._process.poll()) is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise RuntimeError(f"the server ended with {code}; {self.log} ends with:\n{tail}")

    def strays(self) -> list[str]:
        """Return its threads that may run on other cores: a library can pin its own threads anywhere."""
        found: list[str] = []
        if self.core is None:
            return found
        for pid in session_of(self.pid):
            for thread in Path(f"/proc/{pid}/task").glob("*"):
                with suppress(OSError):
                    if os.sched_getaffinity(int(thread.name)) != {self.core}:
                        found.append(f"{(thread / 'comm').read_text().strip()} {thread.name}")
        return found

    def end(self) -> None:
        """SIGTERM, and SIGKILL for whoever of its session is left."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_SECONDS)
        for pid in session_of(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=END_SECONDS)
        deadline = time.monotonic() + END_SECONDS
        while session_of(self.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self._folder, ignore_errors=True)


def session_of(leader: int) -> list[int]:
    """Return the processes of the session that this process leads, without those that are only not waited for."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError, IndexError, ValueError):
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(folder.name))
    return found


def _environment() -> dict[str, str]:
    """Ours without what belongs to this repository's own environment."""
    dropped = ("PENSTOCK_", "PYTHON", "VIRTUAL_ENV", "UV")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
