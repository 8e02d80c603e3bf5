"""Which end-to-end tests run beside others and which alone; and what the lanes of one run tell each other."""

import os
from collections.abc import Iterable
from pathlib import Path

TOGETHER, ALONE = "together", "alone"
LANES = {TOGETHER: "side by side", ALONE: "one after another"}
"""In the order in which they run."""
LAST = "last"
"""The mark of a test that looks back on all others: the end of the last lane."""
RUN_FOLDER = "PENSTOCK_E2E_RUN"
"""The environment variable that names the folder of the run."""
NOTHING_CHOSEN = 5
"""pytest's exit code."""


def lane_of(marks: Iterable[str]) -> str:
    """A test's lane by the names of its marks."""
    return ALONE if {ALONE, LAST} & set(marks) else TOGETHER


class EndToEndRun:
    """What happened so far in a run: when it began and which tests passed, whatever process ran them."""

    def __init__(self, folder: Path) -> None:
        self._began, self._passed = folder / "began", folder / "passed"
        self._uninstalled = folder / "uninstalled"

    @classmethod
    def from_environment(cls) -> "EndToEndRun":
        """The run that this process is part of. Raises LookupError when `make e2e` has not started it."""
        folder = os.environ.get(RUN_FOLDER)
        if not folder:
            raise LookupError(f"{RUN_FOLDER} is not set: start end-to-end tests by `make e2e ARGS=...`")
        return cls(Path(folder))

    def begin(self, at: float) -> None:
        """Nothing has run yet. `at`: Unix time."""
        self._began.write_text(repr(at))
        self._passed.write_text("")
        self._uninstalled.write_text("")

    def release_was_away(self, began: float, ended: float) -> None:
        """Note that the release, and with it all of its rights, was uninstalled between these Unix times."""
        with self._uninstalled.open("a") as file:
            file.write(f"{began!r} {ended!r}\n")

    @property
    def times_without_release(self) -> list[tuple[float, float]]:
        """Unix times between which the release was uninstalled."""
        lines = self._uninstalled.read_text().splitlines()
        return [(float(began), float(ended)) for began, ended in (line.split() for line in lines)]

    @property
    def began(self) -> float:
        """Unix time."""
        return float(self._began.read_text())

    def add_passed(self, tests: Iterable[str]) -> None:
        """Note tests by their node ids."""
        with self._passed.open("a") as file:
            file.writelines(f"{test}\n" for test in tests)

    def passed(self) -> set[str]:
        """Node ids."""
        return set(self._passed.read_text().splitlines())
