"""Real clusters, driven through the command line alone, and what they leave on the machine."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "cluster" / "cluster"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"
UP_LIMIT = 180.0


def until(what: str, done: Callable[[], bool], limit: float = 60.0) -> None:
    """Polls a fact of the outside world; fails with its name when it does not come true."""
    end = time.monotonic() + limit
    while not done():
        assert time.monotonic() < end, f"not within {limit:.0f} s: {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class Cluster:
    """One cluster that a test may start, break and end."""

    name: str
    cache: Path = CACHE

    @property
    def state(self) -> Path:
        return self.cache / "clusters" / self.name

    def command(self, command: str) -> list[str]:
        return [str(SCRIPT), command, self.name]

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command("up"), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def up(self, *options: str) -> None:
        output, _ = (starting := self.start(*options)).communicate(timeout=UP_LIMIT)
        assert starting.returncode == 0, output

    def run(self, command: str, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        own = [*self.command(command), *arguments]
        return subprocess.run(own, input=given, capture_output=True, text=True, timeout=120, check=False)

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        done = self.run("kubectl", "--", *arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def env(self) -> dict[str, str]:
        answer: dict[str, str] = json.loads(self.run("env").stdout)
        return answer

    def record(self) -> dict[str, Any]:
        """What is written down about it; {} before that."""
        try:
            written: dict[str, Any] = json.loads((self.state / "cluster.json").read_text())
        except FileNotFoundError:
            return {}
        return written

    def link(self) -> str:
        return f"pstk{self.record()['index']}"


@dataclass(frozen=True)
class Remains:
    """Everything on the machine that belongs to one cluster."""

    processes: tuple[str, ...]
    mounts: tuple[str, ...]
    links: tuple[str, ...]
    cgroups: tuple[str, ...]
    folders: tuple[str, ...]

    @classmethod
    def of(cls, cluster: Cluster, link: str) -> "Remains":
        folders = (str(cluster.state),) if cluster.state.exists() else ()
        links = (link,) if Path("/sys/class/net", link).exists() else ()
        mounts = tuple(
            line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"{cluster.state}/" in line
        )
        cgroups = tuple(
            str(found)
            for root in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir())
            for found in root.glob(link)
        )
        return cls(tuple(_processes(cluster, link)), mounts, links, cgroups, folders)


NOTHING = Remains((), (), (), (), ())


def running() -> Iterator[tuple[str, str, str]]:
    """Every process's id, command and cgroups."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (process / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield process.name, command, groups


def _processes(cluster: Cluster, link: str) -> Iterator[str]:
    for number, command, groups in running():
        ours = (
            f"{cluster.state}/" in command,
            f" keep {cluster.name} " in command,
            f" sandbox {cluster.name} " in command,
        )
        if any(ours) or f"/{link}/" in groups:
            yield f"{number}: {command}"


@pytest.fixture(scope="session")
def programs() -> None:
    """Compiled once, outside of any test's time limit for starting a cluster."""
    subprocess.run([str(SCRIPT), "setup"], check=True, timeout=1800)
    subprocess.run([str(SCRIPT), "build"], check=True, timeout=3600)


@pytest.fixture
def cluster(programs: None, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    one = Cluster(f"lifecycle-{os.getpid()}-a")
    yield one
    one.run("down")


@pytest.fixture
def other_cluster(programs: None) -> Iterator[Cluster]:
    one = Cluster(f"lifecycle-{os.getpid()}-b")
    yield one
    one.run("down")
