"""What callers send: good and bad requests as Hypothesis draws them, each with what must become of it."""

import gzip
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as some

from .wire import INFER, binary, chunked, raw, text

FACTOR = 3
"""Of the model `y = FACTOR * x` that the good requests are for; `x` is FP32 of shape [rows, 2]."""
MAX_BODY_BYTES = 100_000
_VALUES = some.one_of(
    some.integers(-1000, 1000),
    some.floats(-1e6, 1e6, width=32),
    some.sampled_from([0.1, -0.0, 1e-40, 16777217, 1.1e38]),
)
_ROWS = some.lists(some.tuples(_VALUES, _VALUES), min_size=1, max_size=5)


@dataclass(frozen=True)
class Message:
    """A request, or what is none."""

    data: bytes
    statuses: frozenset[int]
    """Any of these is right; none where it cannot be a whole request, so that there is nothing to answer."""
    right: Callable[[bytes], bool] = bool
    """Whether the body of an answer is right."""
    last: bool = False
    """Whether the connection ends with it."""


def expected(rows: Any) -> list[float]:
    """The model's answers, computed by numpy, as JSON has them."""
    array = np.array(rows, dtype=np.float32) * np.float32(FACTOR)
    return [float(value) for value in array.ravel()]


def _infers(rows: Any, request_id: str | None) -> Callable[[bytes], bool]:
    wanted = expected(rows)

    def right(body: bytes) -> bool:
        answer = json.loads(body)
        (output,) = answer["outputs"]
        return bool(answer.get("id") == request_id and output["shape"] == [len(rows), 2] and output["data"] == wanted)

    return right


def _infers_bytes(rows: Any) -> Callable[[bytes], bool]:
    tail = np.array(expected(rows), dtype="<f4").tobytes()
    return lambda body: body.endswith(tail) and json.loads(body[: -len(tail)])["outputs"][0]["shape"] == [len(rows), 2]


def _predicts(rows: Any) -> Callable[[bytes], bool]:
    wanted = np.array(expected(rows), dtype=np.float32).reshape(-1, 2).tolist()
    return lambda body: [each["prediction"] for each in json.loads(body)["predictions"]] == wanted


_HEADERS = some.lists(
    some.sampled_from(
        [
            "content-type: application/json",
            "Content-Type: application/json; charset=utf-8",
            "x-request-id: r-1",
            "X-REQUEST-ID: two",
            "accept-encoding: gzip",
            "accept: */*",
            "connection: keep-alive",
            "x-request-timeout-ms: 60000",
            "a: b",
            "empty:",
            "tabbed:\t x \t",
            "cookie: a=b; c=d",
            "upgrade: h2c",
            "connection: Upgrade, HTTP2-Settings",
        ]
    ),
    max_size=4,
    unique_by=lambda line: line.split(":")[0].lower(),
)


@some.composite
def sent(draw: some.DrawFn, path: str, body: bytes, *more: str) -> bytes:
    """A body on its way: with its length, in chunks, or packed."""
    lines = [*draw(_HEADERS), *more]
    way = draw(some.sampled_from(["length", "length", "length", "chunks", "packed", "expected"]))
    if way == "chunks":
        size = draw(some.integers(1, max(len(body), 1)))
        whole = chunked(path, *(body[at : at + size] for at in range(0, len(body), size)))
        extension = draw(some.sampled_from([b"", b";a=b", b';a="b c"']))
        trailer = draw(some.sampled_from([b"", b"x-request-timeout-ms: 0\r\n"]))
        whole = whole.replace(b"\r\n0\r\n\r\n", b"\r\n0" + extension + b"\r\n" + trailer + b"\r\n")
        return whole.replace(b"\r\n", b"\r\n" + "".join(f"{line}\r\n" for line in lines).encode(), 1)
    if way == "packed":
        body, lines = gzip.compress(body, mtime=0), [*lines, "content-encoding: gzip"]
    if way == "expected":
        lines.append("Expect: 100-continue")
    length = draw(some.sampled_from(["content-length", "Content-Length", "CONTENT-LENGTH"]))
    lines.insert(draw(some.integers(0, len(lines))), f"{length}: {len(body)}")
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: x", *lines, "", ""]).encode() + body


@some.composite
def infers(draw: some.DrawFn) -> Message:
    """V2, as JSON in one of its forms or as bytes."""
    rows = draw(_ROWS)
    form = draw(some.sampled_from(["flat", "nested", "bytes", "bytes both ways"]))
    path = draw(some.sampled_from([INFER, "/v2/models/model/versions/1/infer", f"http://x{INFER}", f"{INFER}?a=b"]))
    if form in ("flat", "nested"):
        request_id = draw(some.one_of(some.none(), some.text(max_size=4)))
        data: Any = rows if form == "nested" else [value for row in rows for value in row]
        tensor = {"name": "x", "datatype": "FP32", "shape": [len(rows), 2], "data": data}
        more = {} if request_id is None else {"id": request_id}
        body = json.dumps({"inputs": [tensor]} | more, indent=draw(some.sampled_from([None, 1]))).encode()
        return Message(draw(sent(path, body)), frozenset({200}), _infers(rows, request_id))
    tail = np.array(rows, dtype="<f4").tobytes()
    wanted = {"parameters": {"binary_data_output": True}} if form == "bytes both ways" else {}
    body, header = binary({"inputs": [raw("x", "FP32", [len(rows), 2], len(tail))]} | wanted, tail)
    right = _infers_bytes(rows) if wanted else _infers(rows, None)
    return Message(draw(sent(path, body, header)), frozenset({200}), right)


@some.composite
def predicts(draw: some.DrawFn) -> Message:
    """Rows in a list."""
    rows = draw(_ROWS)
    return Message(draw(sent("/predict", text({"instances": rows}))), frozenset({200}), _predicts(rows))


def _tensor(**changes: Any) -> bytes:
    return text({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} | changes]})


_BYTES = np.array([1, 2], dtype="<f4").tobytes()
_BAD: list[tuple[str, bytes, tuple[str, ...], set[int]]] = [
    (INFER, b"", (), {400}),
    (INFER, b"[" * MAX_BODY_BYTES, (), {400}),
    (INFER, b'{"inputs":' * 1000, (), {400}),
    (INFER, b"\xff\xfe", (), {400}),
    (INFER, b'"\\ud800"', (), {400}),
    (INFER, _tensor()[:-1], (), {400}),
    (INFER, _tensor() + b"}", (), {400}),
    (INFER, _tensor(data=[math.nan, 1]), (), {422}),
    (INFER, _tensor(data=[math.inf, 1]), (), {422}),
    (INFER, _tensor(data=[1e39, 1]), (), {422}),
    (INFER, _tensor(data=[10**400, 1]), (), {422}),
    (INFER, _tensor(data=["1", 1]), (), {422}),
    (INFER, _tensor(data=[True, 1]), (), {422}),
    (INFER, _tensor(data=[[1, 2], 3]), (), {422}),
    (INFER, _tensor(data=[1]), (), {422}),
    (INFER, _tensor(data=[1, 2, 3]), (), {422}),
    (INFER, _tensor(data={"a": 1}), (), {400}),
    (INFER, _tensor(shape=[2, 2]), (), {422}),
    (INFER, _tensor(shape=[2]), (), {422}),
    (INFER, _tensor(shape=[-1, 2]), (), {422}),
    (INFER, _tensor(shape=[-1, -2]), (), {422}),
    (INFER, _tensor(shape=[10**30, 2]), (), {422}),
    (INFER, _tensor(shape=[2**62, 2]), (), {422}),
    (INFER, _tensor(shape=[0, 10**30], data=[]), (), {422}),
    (INFER, _tensor(shape=[1] * 40), (), {422}),
    (INFER, _tensor(shape=[1.0, 2]), (), {400}),
    (INFER, _tensor(shape="1,2"), (), {400}),
    (INFER, _tensor(datatype="FP64"), (), {422}),
    (INFER, _tensor(datatype="fp32"), (), {422}),
    (INFER, _tensor(datatype="BYTES", data=["a", "b"]), (), {422}),
    (INFER, _tensor(name="z"), (), {422}),
    (INFER, _tensor(parameters={"shared_memory_region": "a"}), (), {422}),
    (INFER, text({"inputs": []}), (), {422}),
    (INFER, text({"inputs": {}}), (), {400}),
    (INFER, text({"id": 1, "inputs": []}), (), {400}),
    (INFER, b"null", (), {400}),
    ("/predict", b"{}", (), {422}),
    ("/predict", b"[1]", (), {422}),
    ("/predict", b"[[1], [2]]", (), {422}),
    ("/predict", b"1" * 5000, (), {400}),
    ("/predict", b"[" * 5000, (), {400}),
    ("/predict", b'{"instances": []}', (), {400}),
    ("/predict", b'{"instances": [[1, 2], [3]]}', (), {422}),
    ("/predict", b"[NaN, 1]", (), {400}),
    ("/nothing", b"anything", (), {404}),
    ("/v2/models/other/infer", _tensor(), (), {404}),
    ("/v2", b"anything", (), {405}),
    (INFER, b" " * (MAX_BODY_BYTES + 1), (), {413}),
    (INFER, _tensor(), ("content-type: text/plain",), {415}),
    (INFER, _tensor(), ("x-request-timeout-ms: -1",), {400}),
    (INFER, _tensor(), ("inference-header-content-length: 99999",), {400}),
    (INFER, _tensor(), ("inference-header-content-length: x",), {400}),
    (INFER, _tensor(), ("inference-header-content-length: 3",), {400}),
]


def _sized(size: Any, data: bytes, shape: list[int]) -> tuple[str, bytes, tuple[str, ...], set[int]]:
    body, header = binary({"inputs": [raw("x", "FP32", shape, size)]}, data)
    return INFER, body, (header,), {400, 422}


_BAD += [
    _sized(8, _BYTES[:-1], [1, 2]),
    _sized(8, _BYTES + b"x", [1, 2]),
    _sized(4, _BYTES[:4], [1, 2]),
    _sized(8, _BYTES, [2, 2]),
    _sized(8, _BYTES, [10**30, 2]),
    _sized(-8, _BYTES, [1, 2]),
    _sized("8", _BYTES, [1, 2]),
    _sized(10**30, _BYTES, [1, 2]),
    _sized(None, _BYTES, [1, 2]),
]


@some.composite
def refused(draw: some.DrawFn) -> Message:
    """Well-formed HTTP that must be refused, on a connection that lives on."""
    path, body, headers, statuses = draw(some.sampled_from(_BAD))
    if any(line.startswith("content-type") for line in headers):
        return Message(_plain(path, body, *headers), frozenset(statuses))
    return Message(draw(sent(path, body, *headers)), frozenset(statuses))


def _plain(path: str, body: bytes, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", f"content-length: {len(body)}", *headers, "", ""]).encode() + body


def usual() -> some.SearchStrategy[Message]:
    """The request that a caller sends again and again, with the same head."""
    return some.just(Message(_GOOD, frozenset({200}), _infers([[1, 2]], None)))


def long() -> some.SearchStrategy[Message]:
    """One whose body is read in its place."""
    return some.just(Message(_plain(INFER, _LONG_BODY, _LONG_HEADER), frozenset({200}), _infers_bytes(_LONG_ROWS)))


_LONG_ROWS = np.arange(20_000).reshape(-1, 2)
_LONG_BODY, _LONG_HEADER = binary(
    {"inputs": [raw("x", "FP32", [10_000, 2], 80_000)], "parameters": {"binary_data_output": True}},
    _LONG_ROWS.astype("<f4").tobytes(),
)


@some.composite
def cuckoos(draw: some.DrawFn) -> Message:
    """A request whose body is a request, of a kind that is often sent by itself: it must not be answered."""
    path, statuses = draw(some.sampled_from([(INFER, {400}), ("/predict", {400}), ("/nothing", {404})]))
    return Message(_plain(path, _GOOD), frozenset(statuses))


_GOOD = _plain(INFER, _tensor(), "a: b")


def asked() -> some.SearchStrategy[Message]:
    """Other routes."""
    return some.sampled_from(
        [
            Message(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode(), frozenset({status}))
            for path, status in [
                ("/v2", 200),
                ("/v2/health/live", 200),
                ("/v2/models/model", 200),
                ("/v2/models/model/ready", 200),
                ("/nothing", 404),
                (INFER, 405),
                ("/metrics", 200),
            ]
        ]
    )


_TORN = [
    b"hello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    _GOOD.replace(b"a: b", b"content-length: 5"),
    _GOOD.replace(b"a: b", b"transfer-encoding: chunked"),
    _GOOD.replace(b"content-length", b"transfer-encoding: chunked\r\ncontent-length"),
    _GOOD.replace(b"a: b", b"transfer-encoding: identity"),
    _GOOD.replace(b"a: b", b"a: b\r\n folded"),
    _GOOD.replace(b"a: b", b"a : b"),
    _GOOD.replace(b"a: b", b" a: b"),
    _GOOD.replace(b"a: b", b"a: b\rc"),
    _GOOD.replace(b"a: b", b"a: b\nc: d"),
    _GOOD.replace(b"a: b", b"a: \0"),
    _GOOD.replace(b"a: b", b"a\xff: b"),
    _GOOD.replace(b"\r\n", b"\n"),
    _GOOD.replace(b"content-length: ", b"content-length: +"),
    _GOOD.replace(b"content-length: ", b"content-length: -"),
    _GOOD.replace(b"content-length: ", b"content-length: 0x"),
    _GOOD.replace(b"content-length: ", b"content-length: 1, "),
    _GOOD.replace(b"content-length: ", b"content-length: " + b"9" * 30),
    _GOOD.replace(b"content-length: 8", b"content-length: 8_"),
    _GOOD.replace(b"HTTP/1.1", b"HTTP/1.7"),
    _GOOD.replace(b"HTTP/1.1", b"HTTP/1.1 "),
    chunked(INFER, _tensor()).replace(b"\r\n\r\n", b"\r\n\r\n-", 1),
    chunked(INFER, _tensor()).replace(b"\r\n\r\n", b"\r\n\r\nfffffffffffffffff", 1),
    chunked(INFER, _tensor()).replace(b"chunked", b"chunked, identity"),
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
]


assert _GOOD not in _TORN


def torn() -> some.SearchStrategy[Message]:
    """What cannot be understood, or must not be: the connection ends with it."""
    return some.sampled_from([Message(data, frozenset({400}), last=True) for data in _TORN])


def farewells() -> some.SearchStrategy[Message]:
    """A good request after which the caller wants no more."""
    right = _infers([[1, 2]], None)
    closing = _plain(INFER, _tensor(), "connection: close")
    old = closing.replace(b"HTTP/1.1", b"HTTP/1.0")
    return some.sampled_from([Message(data, frozenset({200}), right, last=True) for data in (closing, old)])


def unfinished() -> some.SearchStrategy[Message]:
    """The caller hangs up in the middle."""
    return some.integers(1, len(_GOOD) - 1).map(lambda cut: Message(_GOOD[:cut], frozenset(), last=True))


def streams() -> some.SearchStrategy[list[Message]]:
    """What one caller sends on one connection."""
    lives_on = some.one_of(infers(), infers(), predicts(), usual(), long(), refused(), cuckoos(), asked())
    ends = some.one_of(some.none(), torn(), farewells(), unfinished())
    return some.tuples(some.lists(lives_on, max_size=6), ends).map(
        lambda drawn: drawn[0] if drawn[1] is None else [*drawn[0], drawn[1]]
    )


def _head_and_body(data: bytes) -> list[bytes]:
    head, end, body = data.partition(b"\r\n\r\n")
    return [part for part in (head + end, body) if part]


@some.composite
def pieces(draw: some.DrawFn, stream: list[Message]) -> list[bytes]:
    """How the bytes arrive."""
    whole = b"".join(message.data for message in stream)
    way = draw(some.sampled_from(["whole", "messages", "messages", "heads", "bytes", "cuts"]))
    if way == "whole" or not whole:
        return [whole]
    if way == "messages":
        return [message.data for message in stream]
    if way == "heads":
        return [part for message in stream for part in _head_and_body(message.data)]
    if way == "bytes" and len(whole) < 3000:
        return [whole[at : at + 1] for at in range(len(whole))]
    cuts = sorted({0, len(whole), *draw(some.lists(some.integers(0, len(whole)), max_size=8))})
    return [whole[start:end] for start, end in pairwise(cuts)]
