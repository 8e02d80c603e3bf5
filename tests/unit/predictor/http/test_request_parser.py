"""What the parser tells a connection, wherever the bytes are cut, and what it refuses."""

import pytest

from penstock_predictor.errors import BadRequest, HeadTooLarge, RequestError
from penstock_predictor.http.request_parser import MAX_HEAD_BYTES, ParsedHead, RequestParser

POST = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: B\r\ncontent-length: 4\r\n\r\ntext"
CHUNKS = b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nte\r\n2\r\nxt\r\n0\r\nx-a: trailer\r\n\r\n"
OFFER = (
    b"POST /a HTTP/1.1\r\nconnection: keep-alive, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
    b"content-length: 4\r\n\r\ntext"
)


class SinkRecord:
    """A connection that keeps what it is told."""

    def __init__(self) -> None:
        self.heads: list[ParsedHead] = []
        self.bodies: list[bytes] = []
        self.ended = 0
        self.refusal: RequestError | None = None

    def begin_request(self, head: ParsedHead) -> None:
        self.heads.append(head)
        self.bodies.append(b"")
        if self.refusal:
            raise self.refusal

    def add_body(self, data: bytes) -> None:
        self.bodies[-1] += data

    def end_request(self) -> None:
        self.ended += 1


def read(*pieces: bytes) -> tuple[SinkRecord, RequestParser]:
    sink = SinkRecord()
    parser = RequestParser(sink)
    for piece in pieces:
        parser.read(piece)
    return sink, parser


@pytest.mark.parametrize("data", [POST, CHUNKS, OFFER], ids=["a length", "chunks", "an offer"])
def test_a_request_is_the_same_wherever_it_is_cut(data: bytes) -> None:
    for cut in range(1, len(data)):
        sink, parser = read(data[:cut], data[cut:] + data)
        assert (sink.bodies, sink.ended) == ([b"text"] * 2, 2), cut
        assert parser.between_messages


def test_names_are_in_lower_case_and_the_address_is_as_it_was_sent() -> None:
    sink, _ = read(POST)
    (head,) = sink.heads
    assert (head.method, head.url, head.version, head.keep_alive) == (b"POST", b"/a?b=c", "1.1", True)
    assert head.headers == [(b"host", b"x"), (b"x-a", b"B"), (b"content-length", b"4")]


def test_trailers_are_no_headers() -> None:
    sink, _ = read(CHUNKS)
    assert sink.heads[0].headers == [(b"transfer-encoding", b"chunked")]


def test_of_an_offer_of_another_protocol_nothing_is_left() -> None:
    sink, _ = read(OFFER)
    assert sink.heads[0].headers == [(b"connection", b"keep-alive"), (b"content-length", b"4")]


@pytest.mark.parametrize(
    ("change", "keep_alive"),
    [((b"", b""), True), ((b"X-A: B", b"connection: close"), False), ((b"HTTP/1.1", b"HTTP/1.0"), False)],
)
def test_whether_the_caller_goes_on(change: tuple[bytes, bytes], *, keep_alive: bool) -> None:
    sink, _ = read(POST.replace(*change))
    assert sink.heads[0].keep_alive is keep_alive


@pytest.mark.parametrize("cut", [1, 30, 1000, MAX_HEAD_BYTES + 100])
def test_a_head_over_the_limit_is_refused_in_whatever_pieces_it_comes(cut: int) -> None:
    data = POST.replace(b"X-A: B", b"x-a: " + b"b" * MAX_HEAD_BYTES)
    with pytest.raises(HeadTooLarge):
        read(data[:cut], data[cut:])


def test_a_large_body_is_no_large_head() -> None:
    body = b" " * 2 * MAX_HEAD_BYTES
    sink, _ = read(POST.replace(b"length: 4\r\n\r\ntext", b"length: %d\r\n\r\n" % len(body)) + body)
    assert sink.bodies == [body]


@pytest.mark.parametrize("data", [b"hello\r\n\r\n", b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n"])
def test_what_is_no_request_to_a_server_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        read(data)


def test_what_the_connection_refuses_stops_the_parser_and_is_what_is_raised() -> None:
    sink = SinkRecord()
    sink.refusal = BadRequest("not here")
    with pytest.raises(BadRequest, match="not here"):
        RequestParser(sink).read(POST)
    assert sink.bodies == [b""]
