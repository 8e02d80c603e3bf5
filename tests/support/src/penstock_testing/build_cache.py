"""What is made once and kept outside the clone, in a folder that all runs on a machine share."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


class BuildCache:
    """A folder of things that were made, each by one process at a time."""

    def __init__(self, name: str = "") -> None:
        """`name`: of the folder below the project's cache."""
        self.folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock" / name

    def kept(self, name: str, make: Callable[[Path], Path]) -> Path:
        """The path `name` in the folder; where nothing is there, what `make` makes in an empty folder goes there.

        `make` answers the path of what it made. It never makes beside another: it waits until that one has ended,
        however it ended, and removes what one that was killed has left.
        """
        there = self.folder / name
        if there.exists():
            return there
        there.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # the kernel frees it when its holder ends
            if not there.exists():
                self._remove_left()
                with tempfile.TemporaryDirectory(dir=self.folder) as draft:
                    shutil.move(make(Path(draft)), there)
        return there

    def _remove_left(self) -> None:
        for left in self.folder.glob(f"{tempfile.gettempprefix()}*"):
            shutil.rmtree(left, ignore_errors=True)
