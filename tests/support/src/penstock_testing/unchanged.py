"""Tests of what tests and releases are made with: left out while nothing that they look at has changed since.

They always run in the deep run, and when they are named on the command line.
"""

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock_testing.deep import DEEP

ROOT = Path(__file__).parents[4]
_SHARED = ("locks/dev.txt", "pyproject.toml", "tests/conftest.py")


@dataclass(frozen=True)
class Tools:
    """A folder of tools, and the tests of it in one tier."""

    tests: Path
    inputs: tuple[Path, ...]

    def stamp(self) -> Path:
        """The file that is there once they have passed as everything is now."""
        digest = hashlib.sha256(sys.version.encode())
        for file in _files(self.inputs):
            digest.update(f"\n{file.relative_to(ROOT)} ".encode() + hashlib.sha256(file.read_bytes()).digest())
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        name = "-".join(self.tests.relative_to(ROOT / "tests").parts)
        return cache / "penstock" / "passed" / f"{name}-{digest.hexdigest()[:16]}"


def _tools(tier: str, part: str, *inputs: str) -> Tools:
    tests = ROOT / "tests" / tier / part
    return Tools(tests, (tests, *(ROOT / path for path in (*inputs, *_SHARED))))


_EXAMPLE = tuple(f"examples/fraud-detection/{name}" for name in ("Dockerfile", "pyproject.toml", ".github"))
_CLUSTER = ("tests/cluster", "manifests", "charts", "services", "controller/Dockerfile", *_EXAMPLE)
_PUBLISHED = ("cli", "contracts", "json-logs", "sdk", "services/model-store", "services/predictor")
_RELEASE = ("charts", "locks", "LICENSE", ".github", "tests/cluster", "tests/tools", "tests/component/conftest.py")
TOOLS = (
    _tools("unit", "support", "tests/support"),
    _tools("component", "support", "tests/support"),
    _tools("unit", "cluster", *_CLUSTER),
    # What wheels, archives and lists of images are made by: minutes of compiling.
    _tools("component", "release", "release", *_PUBLISHED, *_RELEASE),
    # It runs images of its own and nothing of ours.
    _tools("component", "cluster", "tests/cluster", "tests/component/conftest.py"),
)


def _files(inputs: Iterable[Path]) -> list[Path]:
    found = [file for path in inputs for file in ([path] if path.is_file() else path.rglob("*"))]
    return sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)


class Unchanged:
    """Leaves out what passed before, and keeps a stamp of what passes now."""

    def __init__(self, config: pytest.Config) -> None:
        named = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
        self._stamps = {
            tools.tests: tools.stamp() for tools in TOOLS if any(_holds(each, tools.tests) for each in named)
        }
        """Of those that this run comes across on its way."""
        self.left_out = [] if DEEP else [tests for tests, stamp in self._stamps.items() if stamp.exists()]
        self._is_worker = hasattr(config, "workerinput")
        chosen = ("keyword", "markexpr", "lf", "deselect", "collectonly")
        self._is_whole = not any(config.getoption(name, None) for name in chosen)
        self._passed: set[Path] = set()

    def pytest_report_header(self) -> list[str]:
        return [
            f"{tests.relative_to(ROOT)}: left out, passed before and neither it nor what it looks at has changed "
            "(PENSTOCK_DEEP=1 runs it)"
            for tests in self.left_out
        ]

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        return True if collection_path in self.left_out else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._passed.add(ROOT.joinpath(report.location[0]).parent)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._is_worker or not self._is_whole or exitstatus != pytest.ExitCode.OK:
            return
        for tests, stamp in self._stamps.items():
            if tests in self._passed:
                stamp.parent.mkdir(parents=True, exist_ok=True)
                stamp.touch()


def _holds(named: Path, tests: Path) -> bool:
    """Whether what was named on the command line is a folder above these tests."""
    return named != tests and tests.is_relative_to(named)
