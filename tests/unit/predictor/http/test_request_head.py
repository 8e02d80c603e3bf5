"""Heads that were read before: what is found is what the parser would read again."""

from typing import Any

import httptools
import pytest

from penstock_predictor.http.exchange import REQUEST_ID, Exchange, HttpCall, Route
from penstock_predictor.http.request_head import KnownHeads, RequestHead

BODY = b"{}"


class Reader(Route):
    """Reads one request as the server's parser does."""

    def __init__(self, data: bytes) -> None:
        super().__init__("infer")
        self.headers: dict[bytes, bytes] = {}
        httptools.HttpRequestParser(self).feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def takes_long(self, _: Exchange) -> bool:
        return False

    def read(self, _: Exchange) -> HttpCall:
        raise NotImplementedError

    @property
    def head(self) -> RequestHead:
        headers = {name: value for name, value in self.headers.items() if name != REQUEST_ID}
        return RequestHead(self, headers, len(BODY), keep_alive=True)

    @property
    def request_id(self) -> bytes | None:
        return self.headers.get(REQUEST_ID)


def request(*lines: str, path: str = "/v2/models/m/infer") -> bytes:
    fixed = (f"POST {path} HTTP/1.1", "host: m", f"content-length: {len(BODY)}")
    return "\r\n".join((*fixed, *lines)).encode() + b"\r\n\r\n" + BODY


def kept(*requests: bytes) -> KnownHeads:
    heads = KnownHeads()
    for data in requests:
        keep(heads, data)
    return heads


def keep(heads: KnownHeads, data: bytes) -> None:
    reader = Reader(data)
    heads.keep(data, reader.head, reader.request_id, BODY)


def facts(head: RequestHead) -> dict[str, Any]:
    names = (name for name in RequestHead.__slots__ if name != "route")
    return {name: getattr(head, name) for name in names}


def test_the_same_head_again_is_known() -> None:
    data = request("accept: */*")
    found = kept(data).find(data)
    assert found is not None
    assert (facts(found[0]), *found[1:]) == (facts(Reader(data).head), None, len(data) - len(BODY))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_head_with_another_request_id_is_known_and_has_that_id(place: int) -> None:
    lines = ["accept: */*", "request-timeout-ms: 7"]
    first, second = (request(*lines[:place], f"x-request-id: {word}", *lines[place:]) for word in ("one", "another"))
    found = kept(first).find(second)
    assert found is not None
    assert (facts(found[0]), *found[1:]) == (facts(Reader(second).head), b"another", len(second) - len(BODY))


def test_the_first_request_again_has_its_own_id() -> None:
    first, second = request("x-request-id: one"), request("x-request-id: two")
    heads = kept(first)
    heads.find(second)
    found = heads.find(first)
    assert found is not None
    assert found[1] == b"one"


@pytest.mark.parametrize(
    "lines",
    [
        ("x-request-id: one", "x-request-id: two"),
        ("x-request-id: one", "x-request-id: one"),
        ("x-request-id: one", "X-Request-Id: one"),
        ("X-Request-Id: one", "x-request-id: one"),
        ("X-Request-Id: one",),
        ("x-request-id:  one",),
        ("x-request-id:one",),
        ("x-request-id: one ",),
        ("x-request-id: one two",),
        ("x-request-id: " + "a" * 129,),
        ("x-request-id: ",),
        ("x-not-an-id: x-request-id: one", "X-Request-ID: one"),
    ],
)
def test_a_head_whose_id_is_written_otherwise_or_twice_is_read_by_the_parser_again(lines: tuple[str, ...]) -> None:
    data = request(*lines)
    assert kept(data).find(data) is None


@pytest.mark.parametrize(
    "other",
    [
        request("x-request-id: two", path="/v2/models/other/infer"),
        request("x-request-id: two", "accept: */*"),
        request("accept: */*", "x-request-id: two"),
        request("x-request-id: t wo"),
        request("x-request-id: two", "x-request-id: three"),
        request("x-request-id: two\x00"),
        request(),
    ],
)
def test_a_head_that_differs_in_more_than_its_id_is_not_known(other: bytes) -> None:
    assert kept(request("x-request-id: one")).find(other) is None


def test_what_is_kept_is_bounded() -> None:
    heads = KnownHeads()
    for number in range(10_000):
        data = request(f"x-number: {number}", "x-request-id: one")
        keep(heads, data)
    known = [number for number in range(10_000) if heads.find(request(f"x-number: {number}", "x-request-id: two"))]
    assert 0 < len(known) <= 4096
    assert known[-1] == 9999
