"""The folder that holds the database: what it must be able to do, checked before anything is written."""

import fcntl
import os
from pathlib import Path
from typing import IO

from penstock_drift_monitor.errors import VolumeUnsuitable

_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.glusterfs", "9p", "ceph", "fuse.s3fs", "fuse.juicefs", "lustre")
"""SQLite's write-ahead log needs memory that all who open the file share, and locks that hold: these lack either."""


def file_system_of(folder: Path, mounts: str) -> str:
    """Which file system a folder lies on. `mounts`: text of /proc/self/mounts. Empty: not found."""
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, place, type
            continue
        place = fields[1].replace("\\040", " ")
        if folder.is_relative_to(place) and len(place) >= best:
            best, found = len(place), fields[2]
    return found


def check_file_system(folder: Path, kind: str) -> None:
    """Raise VolumeUnsuitable for a network file system."""
    if kind.startswith(_NETWORK):
        raise VolumeUnsuitable(
            f"{folder} lies on {kind}: SQLite's write-ahead log is not safe on a network file system; "
            "give the monitor a volume with a local file system (a block device), by its storage class"
        )


def take_folder(folder: Path) -> IO[bytes]:
    """Make the folder ready and ours alone. Answers the lock: it holds as long as that is open.

    Raises VolumeUnsuitable when it cannot be written, lies on a network, or another monitor has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("wb")
    except OSError as error:
        raise VolumeUnsuitable(
            f"{folder} cannot be written ({error}): check that the volume is mounted there, is not read-only, and that "
            f"user {os.getuid()} may write to it (fsGroup)"
        ) from error
    mounts = Path("/proc/self/mounts")
    if mounts.exists():
        check_file_system(folder, file_system_of(folder.resolve(), mounts.read_text(errors="replace")))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise VolumeUnsuitable(
            f"{folder} is used by another drift monitor: two would count every row twice; give each a volume of its own"
        ) from error
    return lock
