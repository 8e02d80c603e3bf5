"""A process is its pid and its start time: a pid alone may by now belong to somebody else."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_START_TIME = 19  # position in /proc/PID/stat after the command's closing bracket (proc(5), field 22)
_APART = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--")


def contained(command: Sequence[str]) -> list[str]:
    """`command` in namespaces of its own: what it mounts and starts ends with it.

    It ends by SIGKILL, and also when the thread that started it does, however that ends. It takes no SIGTERM.
    """
    return ["setpriv", "--pdeathsig", "KILL", *_APART, *command]


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the process's start; None where there is no such process, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[_START_TIME])


@dataclass(frozen=True)
class ClusterProcess:
    """One process, for as long as it lives."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        started = start_time(pid)
        return None if started is None else cls(pid, started)

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if this very process is still there."""
        descriptor = self.watch()
        if descriptor is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)
        os.close(descriptor)

    def watch(self) -> int | None:
        """A descriptor that becomes readable when the process ends; None where it has ended already."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive:
            return descriptor
        os.close(descriptor)
        return None
