import asyncio
import contextlib
import math
import os
import signal
import sys
import weakref
from asyncio.subprocess import PIPE, Process
from typing import Any, Final

import msgspec

from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.heading import headed
from penstock_drift_monitor.reports.order import ReportAnswer, ReportOrder, Selection, ordered
from penstock_drift_monitor.reports.specification import Report, ReportJob, ReportLimits
from penstock_drift_monitor.reports.turns import ReportTurns

__all__ = ["Report", "ReportJob", "ReportLimits", "make_report"]

_WAITING: Final = 4
_ANSWER_BYTES: Final = 64 * 2**20
_CHUNK: Final = 2**16
_LOG_BYTES: Final = 8192
_LOG_SHOWN: Final = 300
_ENVIRONMENT: Final = {
    "DO_NOT_TRACK": "true",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
}
"""All that the process sees: no credentials, no statistics sent, one processor."""
_OUT_OF_MEMORY: Final = (
    "MemoryError",
    "bad_alloc",
    "annot allocate memory",
    "failed to map segment",
    "emory allocation",
    "can't start new thread",
)
"""In the log of a process that a library ended for want of memory."""

_turns: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ReportTurns]" = weakref.WeakKeyDictionary()
"""One process at a time in this one: two could need twice the memory that is allowed."""


async def make_report(job: ReportJob, *, seconds: float, memory_bytes: int) -> Report:
    """Make a report in a process of its own, which is ended with everything it started, whatever happens here.

    `seconds` bound the process, by the clock and of a processor; waiting for one's turn comes on top.
    `memory_bytes` bound what it writes to: Evidently needs 380 MB of it for any report, so 1 GiB is a good limit.
    Raises ReportFailed, and ValueError for samples whose columns differ in length.
    """
    async with _turns.setdefault(asyncio.get_running_loop(), ReportTurns(_WAITING)).turn():
        order, selection = await asyncio.to_thread(
            ordered, job, memory_bytes=memory_bytes, cpu_seconds=math.ceil(seconds)
        )
        answer = await _made(order, seconds)
        return await asyncio.to_thread(_report, job, selection, answer)


def _report(job: ReportJob, selection: Selection, answer: ReportAnswer) -> Report:
    columns = [
        _finite(column.model_dump(mode="json"))
        | {
            "shown": column.name in selection.shown,
            "shown_as": selection.shown.get(column.name),
            "left_out": selection.left_out.get(column.name),
        }
        for column in job.columns
    ]
    summary = {
        "title": job.title,
        "dataset_drift": job.dataset_drift,
        "message": job.message,
        "columns": columns,
        "notes": list(selection.notes),
        "drift": answer.drift,
        "summary": answer.summary,
        "quality": answer.quality,
    }
    return Report(headed(answer.html, job, selection), summary)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


async def _made(order: ReportOrder, seconds: float) -> ReportAnswer:
    packed = await asyncio.to_thread(msgspec.msgpack.encode, order)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "penstock_drift_monitor.reports.process"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            answer, log, _ = await asyncio.gather(_read(process), _last(process), _tell(process, packed))
            code = await process.wait()
    except TimeoutError as error:
        raise _too_slow(seconds) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return await asyncio.to_thread(_understood, code, answer, log, order)


async def _tell(process: Process, packed: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended already: its code says more
        process.stdin.write(packed)
        await process.stdin.drain()
        process.stdin.close()


async def _read(process: Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    answer = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        answer += chunk
        if len(answer) > _ANSWER_BYTES:
            raise ReportFailed(
                FailureReason.MEMORY_LIMIT_EXCEEDED,
                f"the report is larger than {_ANSWER_BYTES // 2**20} MiB: show fewer columns or categories",
            )
    return bytes(answer)


async def _last(process: Process) -> bytes:
    """Read what it logs to the end, and keep the last of it."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    log = b""
    while chunk := await process.stderr.read(_CHUNK):
        log = (log + chunk)[-_LOG_BYTES:]
    return log


def _understood(code: int, packed: bytes, log: bytes, order: ReportOrder) -> ReportAnswer:
    text = log.decode(errors="replace")
    if code == 0:
        answer = msgspec.msgpack.decode(packed, type=ReportAnswer)
        if answer.reason is None:
            return answer
        raise _too_large(order)
    if code == -signal.SIGXCPU:
        raise _too_slow(order.cpu_seconds)
    if code == -signal.SIGKILL or any(sign in text for sign in _OUT_OF_MEMORY):
        raise _too_large(order)
    shown = " ".join(text.split())[-_LOG_SHOWN:]
    raise ReportFailed(
        FailureReason.CRASHED, f"the report's process ended with code {code}: {shown or 'it said nothing'}"
    )


def _too_slow(seconds: float) -> ReportFailed:
    return ReportFailed(
        FailureReason.TIME_LIMIT_EXCEEDED,
        f"the report was not made within {seconds:g} s: ask again when the node is less busy, or raise the limit",
    )


def _too_large(order: ReportOrder) -> ReportFailed:
    return ReportFailed(
        FailureReason.MEMORY_LIMIT_EXCEEDED,
        f"the report needs more memory than the {order.memory_bytes // 2**20} MiB that it may have: raise the limit, "
        "or the limit of the container or node if it is lower",
    )
