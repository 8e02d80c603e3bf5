"""What the end of a report's process means."""

import signal

import msgspec
import pytest

from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.job import _understood
from penstock_drift_monitor.reports.order import ReportAnswer, ReportOrder

ORDER = ReportOrder(columns=(), dataset_drift=False, quality=None, memory_bytes=2**30, cpu_seconds=60)


def test_an_answer_is_the_report() -> None:
    answer = ReportAnswer(html=b"<html>", drift={"tests": []}, summary={"metrics": []})

    assert _understood(0, msgspec.msgpack.encode(answer), b"a warning", ORDER) == answer


@pytest.mark.parametrize(
    ("code", "log", "reason", "message"),
    [
        (-signal.SIGXCPU, b"", FailureReason.TIME_LIMIT_EXCEEDED, "not made within 60 s"),
        (-signal.SIGKILL, b"", FailureReason.MEMORY_LIMIT_EXCEEDED, "1024 MiB"),
        (-signal.SIGABRT, b"what(): std::bad_alloc", FailureReason.MEMORY_LIMIT_EXCEEDED, "1024 MiB"),
        (1, b"ImportError: failed to map segment", FailureReason.MEMORY_LIMIT_EXCEEDED, "1024 MiB"),
        (1, b"KeyError:\n  'column'", FailureReason.CRASHED, "ended with code 1: KeyError: 'column'"),
        (-signal.SIGSEGV, b"", FailureReason.CRASHED, "ended with code -11: it said nothing"),
    ],
)
def test_each_end_without_an_answer_has_its_reason(code: int, log: bytes, reason: FailureReason, message: str) -> None:
    with pytest.raises(ReportFailed, match=message) as failed:
        _understood(code, b"", log, ORDER)

    assert failed.value.reason is reason


def test_a_process_that_says_its_memory_did_not_do_is_believed() -> None:
    answer = ReportAnswer(reason=FailureReason.MEMORY_LIMIT_EXCEEDED)

    with pytest.raises(ReportFailed, match="more memory than the 1024 MiB"):
        _understood(0, msgspec.msgpack.encode(answer), b"", ORDER)
