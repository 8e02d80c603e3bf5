import gzip

import pytest

from penstock_predictor.errors import BodyTimeout, Overloaded
from penstock_predictor.http.reply import (
    BINARY,
    STATUS_LINES,
    Header,
    Reply,
    ResponseHeads,
    accepts_gzip,
    compressed,
    is_request_id,
    refusal,
)

LONG = b"0.5," * 10_000


@pytest.mark.parametrize(
    ("accepted", "yes"),
    [
        (b"", False),
        (b"gzip", True),
        (b"GZIP", True),
        (b"br, gzip", True),
        (b"gzip;q=0.001", True),
        (b"gzip; q=1.0, br", True),
        (b"*", True),
        (b"*;q=0.1", True),
        (b"identity", False),
        (b"br;q=1", False),
        (b"gzip;q=0", False),
        (b"gzip;Q=0", False),
        (b"gzip ; q=0.000", False),
        (b"*;q=0", False),
        (b"gzip;q=0, *", False),
        (b"*, gzip;q=0", False),
        (b"*;q=0, gzip", True),
        (b"identity;q=1, *;q=0", False),
        (b"xgzip", False),
    ],
)
def test_gzip_is_sent_to_those_who_read_it(accepted: bytes, *, yes: bool) -> None:
    assert accepts_gzip(accepted) is yes


def test_a_long_answer_is_packed_and_says_so() -> None:
    reply = compressed(Reply(LONG, content_type=BINARY, extra=((b"a", b"b"),)), {b"accept-encoding": b"gzip"})
    assert gzip.decompress(reply.body) == LONG
    assert reply.headers() == [
        (b"content-length", str(len(reply.body)).encode()),
        (b"content-type", BINARY),
        (b"a", b"b"),
        (b"content-encoding", b"gzip"),
        (b"vary", b"accept-encoding"),
    ]


@pytest.mark.parametrize(
    ("body", "headers"), [(b"{}", {b"accept-encoding": b"gzip"}), (LONG, {}), (LONG, {b"accept-encoding": b"br"})]
)
def test_a_short_answer_or_one_for_somebody_else_goes_as_it_is(body: bytes, headers: dict[bytes, bytes]) -> None:
    reply = Reply(body)
    assert compressed(reply, headers) is reply


DATE: list[Header] = [(b"date", b"now")]


def test_a_whole_reply() -> None:
    written = ResponseHeads("sha256:0").write(Reply(b"{}"), DATE, b"r-1", close=True)
    assert written == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\ncontent-type: application/json\r\n"
        b"x-penstock-digest: sha256:0\r\nx-request-id: r-1\r\nconnection: close\r\n\r\n{}"
    )


def test_before_a_model_is_there_no_digest_is_named() -> None:
    assert b"digest" not in ResponseHeads("").write(Reply(b"{}"), DATE, None, close=False)


def test_the_date_is_renewed_and_stays_the_same_for_its_second() -> None:
    heads = ResponseHeads("")
    later: list[Header] = [(b"date", b"later")]
    written = [heads.write(Reply(b""), dates, None, close=False) for dates in (DATE, DATE, later)]
    assert [b"date: now" in each for each in written] == [True, True, False]
    assert b"date: later" in written[2]


def test_what_a_refusal_says_beside_its_body_is_written() -> None:
    written = ResponseHeads("").write(refusal(Overloaded("full", "bytes")), DATE, None, close=False)
    assert written.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nretry-after: 1\r\n" in written


def test_the_end_of_a_connection_is_said_once() -> None:
    assert (
        ResponseHeads("").write(refusal(BodyTimeout("late")), DATE, None, close=True).count(b"connection: close") == 1
    )


@pytest.mark.parametrize(
    ("word", "echoed"),
    [
        (b"a-1", True),
        (b"~" * 128, True),
        (b"", False),
        (b"a" * 129, False),
        (b"a b", False),
        (b"\xff", False),
        (b"a\r\nb: c", False),
    ],
)
def test_a_request_id_that_could_do_harm_is_not_echoed(word: bytes, *, echoed: bool) -> None:
    assert bool(is_request_id(word)) is echoed
    assert (b"x-request-id" in ResponseHeads("").write(Reply(b""), DATE, word, close=False)) is echoed


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (431, b"HTTP/1.1 431 Request Header Fields Too Large\r\n"),
        (499, b"HTTP/1.1 499 \r\n"),
    ],
)
def test_a_status_has_its_phrase_where_the_standard_names_one(status: int, line: bytes) -> None:
    assert STATUS_LINES[status] == line
