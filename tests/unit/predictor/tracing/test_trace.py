"""What the event loop does for traces: heads less their trace context, and a bounded queue."""

import pytest

from penstock_predictor.tracing.trace import MOST_WAITING, Tracer, is_sampled, without_trace_parent

PARENT = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
START, REST = b"POST /predict HTTP/1.1\r\nhost: a", b"\r\ncontent-length: 2\r\n\r\n[]"


def test_a_head_is_shortened_by_its_trace_context_wherever_that_stands() -> None:
    line = b"\r\ntraceparent: " + PARENT
    assert without_trace_parent(START + line + REST) == (START + REST, PARENT)
    last = b"\r\ncontent-length: 2"
    assert without_trace_parent(START + last + line + b"\r\n\r\n[]") == (START + last + b"\r\n\r\n[]", PARENT)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(START + REST, id="none"),
        pytest.param(START + b"\r\nTraceParent: " + PARENT + REST, id="another writing"),
        pytest.param(START + b"\r\ntraceparent: " + PARENT + b" " + REST, id="more behind it"),
        pytest.param(START + b"\r\ntraceparent: " + PARENT + b"\r\n folded" + REST, id="goes on in the next line"),
        pytest.param(START + REST + b"\r\ntraceparent: " + PARENT + b"\r\n\r\n", id="in the body"),
        pytest.param(START + b"\r\ntraceparent: " + PARENT, id="head without an end"),
    ],
)
def test_any_other_head_is_left_as_it_is(data: bytes) -> None:
    assert without_trace_parent(data) == (data, None)


@pytest.mark.parametrize(
    ("flags", "sampled"), [(b"00", False), (b"01", True), (b"02", False), (b"03", True), (b"0b", True), (b"", False)]
)
def test_the_last_bit_of_the_flags_decides(flags: bytes, sampled: bool) -> None:
    assert is_sampled(PARENT[:-2] + flags) is sampled


def test_beyond_its_bound_spans_are_dropped_and_counted() -> None:
    dropped: list[int] = []
    tracer = Tracer(dropped.append)
    for number in range(MOST_WAITING + 2):
        trace = tracer.begin(PARENT, 1.0, None, shadow=False)
        assert trace is not None
        trace.run_ended = 2.0 if number == MOST_WAITING else 0.0
        tracer.end(trace, "/predict", 200, 3.0)
    assert (len(tracer.ended), dropped) == (MOST_WAITING, [3, 1])
