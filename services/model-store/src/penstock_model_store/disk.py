"""Changes on the store's disk that outlive a loss of power."""

import os
import shutil
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What persistence needs. Tests give one that stops working after any number of steps."""

    def write(self, path: Path, content: bytes) -> None:
        """Make or replace a file; its content is on the disk when this returns."""
        ...

    def sync(self, folder: Path) -> None:
        """Bring every file and folder below onto the disk."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Move within the store's volume, at once and lastingly. Raises OSError when `new` is a full folder."""
        ...

    def remove(self, folder: Path) -> None:
        """Remove a folder with all below; not there: nothing to do."""
        ...


class RealDisk:
    """The operating system's."""

    def write(self, path: Path, content: bytes) -> None:
        """See Disk."""
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def sync(self, folder: Path) -> None:
        """See Disk."""
        for path in folder.rglob("*"):
            _fsync(path)
        _fsync(folder)

    def rename(self, old: Path, new: Path) -> None:
        """See Disk."""
        old.rename(new)
        _fsync(new.parent)

    def remove(self, folder: Path) -> None:
        """See Disk."""
        shutil.rmtree(folder, ignore_errors=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
