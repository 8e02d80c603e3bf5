"""Disks that stop working, for tests of what is left behind. They have the methods of the model store's Disk."""

import errno
import os
import shutil
from pathlib import Path


class KilledError(BaseException):
    """The process is gone: no `except` for errors sees this, and nothing that comes after has an effect."""


class DyingDisk:
    """Works for a number of steps; in the step after that the process dies, a write half done."""

    def __init__(self, steps: int) -> None:
        self.steps_left = steps

    def write(self, path: Path, content: bytes) -> None:
        """Write all, or half of it when dying."""
        try:
            self._step()
        except KilledError:
            path.write_bytes(content[: len(content) // 2])
            raise
        path.write_bytes(content)

    def sync(self, folder: Path) -> None:
        """Do nothing: the operating system lives on."""
        self._step()

    def rename(self, old: Path, new: Path) -> None:
        """Move, unless dead."""
        self._step()
        old.rename(new)

    def remove(self, folder: Path) -> None:
        """Remove, unless dead."""
        self._step()
        shutil.rmtree(folder, ignore_errors=True)

    def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise KilledError


class FullDisk:
    """Takes nothing more until `full` is false; removing always works."""

    def __init__(self) -> None:
        self.full = True

    def write(self, path: Path, content: bytes) -> None:
        """Write, if there is space."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.write_bytes(content)

    def sync(self, folder: Path) -> None:
        """Do nothing."""

    def rename(self, old: Path, new: Path) -> None:
        """Move."""
        old.rename(new)

    def remove(self, folder: Path) -> None:
        """Remove."""
        shutil.rmtree(folder, ignore_errors=True)
