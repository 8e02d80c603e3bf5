"""How the end of an opening process is read, when it gave no answer."""

import signal

import pytest

from penstock_model_store.errors import (
    CrashedOnOpen,
    IngestError,
    MemoryLimitExceeded,
    OpenKilled,
    OpenTimeLimitExceeded,
    RuntimeLacks,
    StoreFault,
)
from penstock_model_store.throwaway import _from_exit


@pytest.mark.parametrize(
    ("code", "log", "kind"),
    [
        (-signal.SIGXCPU, "", OpenTimeLimitExceeded),
        (-signal.SIGKILL, "", OpenKilled),
        (-signal.SIGILL, "", RuntimeLacks),
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'", MemoryLimitExceeded),
        (1, "MemoryError", MemoryLimitExceeded),
        (-signal.SIGSEGV, "", CrashedOnOpen),
        (1, "ModuleNotFoundError: No module named 'onnx'", StoreFault),
    ],
    ids=[
        "CPU time",
        "kernel out of memory",
        "processor",
        "C++ out of memory",
        "Python out of memory",
        "crash",
        "our own fault",
    ],
)
def test_each_end_has_its_reason(code: int, log: str, kind: type[IngestError]) -> None:
    error = _from_exit(code, log, "model.onnx")

    assert type(error) is kind
    assert "model.onnx" in str(error)
