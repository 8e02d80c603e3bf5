"""Makes one report. Runs in a throw-away process with limits and no secret in its environment.

`python -I -m penstock_drift_monitor.reports.process`: the Order comes on standard input, the Answer goes to standard
output, both MessagePack. The limits are set before Evidently is imported.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

import msgspec

from penstock_drift_monitor.reports.failure import FailureReason
from penstock_drift_monitor.reports.order import ReportAnswer, ReportOrder

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICENESS = 10
_NEARLY_ALL = 0.85
"""Of the memory that is allowed: an error beyond that is one of memory."""


def main() -> None:
    """Read, set limits, make, answer."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=ReportOrder)
    confine(order)
    answers.write(msgspec.msgpack.encode(_answer(order)))
    answers.close()
    # Without the interpreter's shutdown: threads of libraries must not keep the process.
    os._exit(0)


def confine(order: ReportOrder) -> None:
    """Bound memory and CPU time of this process, put it behind all others, and end it with its parent."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_seconds, order.cpu_seconds + 5))
    if sys.platform == "linux":
        # Not RLIMIT_AS, which counts what allocators and threads only reserve: 780 MB where 380 MB are enough.
        resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Should memory run out all the same, the kernel takes this process, not the monitor.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


def _answer(order: ReportOrder) -> ReportAnswer:
    try:
        from penstock_drift_monitor.reports.evidently_page import answered  # noqa: PLC0415 - under the limits

        return answered(order)
    except Exception as error:
        # Libraries that get no memory say so in many ways: a SystemError of an import, for one.
        if isinstance(error, MemoryError) or _written_bytes() > _NEARLY_ALL * order.memory_bytes:
            return ReportAnswer(reason=FailureReason.MEMORY_LIMIT_EXCEEDED)
        raise


def _written_bytes() -> int:
    """Give what RLIMIT_DATA counts; 0 where that cannot be known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
