"""Locks between processes. The kernel frees them when the holder ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcluster import progress


@contextmanager
def held(file: Path, doing: str) -> Iterator[None]:
    """Holds the lock `file`; where another process has it, says what is being waited for and waits."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            progress.say(f"waiting: another process (pid {handle.read().strip() or 'unknown'}) is {doing}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
