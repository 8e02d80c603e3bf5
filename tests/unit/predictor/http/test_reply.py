import gzip

import pytest

from penstock_predictor.http.reply import BINARY, Reply, accepts_gzip, compressed

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
