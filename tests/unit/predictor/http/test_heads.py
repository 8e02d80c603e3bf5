import pytest

from penstock_predictor.errors import BodyTimeout, Overloaded
from penstock_predictor.http.heads import Heads, is_request_id
from penstock_predictor.http.reply import Header, Reply, refusal

DATE: list[Header] = [(b"date", b"now")]


def test_a_whole_reply() -> None:
    written = Heads("sha256:0").write(Reply(b"{}"), DATE, b"r-1", close=True)
    assert written == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\ncontent-type: application/json\r\n"
        b"x-penstock-digest: sha256:0\r\nx-request-id: r-1\r\nconnection: close\r\n\r\n{}"
    )


def test_before_a_model_is_there_no_digest_is_named() -> None:
    assert b"digest" not in Heads("").write(Reply(b"{}"), DATE, None, close=False)


def test_the_date_is_renewed_and_stays_the_same_for_its_second() -> None:
    heads = Heads("")
    later: list[Header] = [(b"date", b"later")]
    written = [heads.write(Reply(b""), dates, None, close=False) for dates in (DATE, DATE, later)]
    assert [b"date: now" in each for each in written] == [True, True, False]
    assert b"date: later" in written[2]


def test_what_a_refusal_says_beside_its_body_is_written() -> None:
    written = Heads("").write(refusal(Overloaded("full", "bytes")), DATE, None, close=False)
    assert written.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nretry-after: 1\r\n" in written


def test_the_end_of_a_connection_is_said_once() -> None:
    assert Heads("").write(refusal(BodyTimeout("late")), DATE, None, close=True).count(b"connection: close") == 1


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
    assert (b"x-request-id" in Heads("").write(Reply(b""), DATE, word, close=False)) is echoed
