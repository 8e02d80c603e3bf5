"""A body of known length in pieces, and the content types that are read."""

import numpy as np
import pytest

from penstock_predictor.errors import UnsupportedMedia
from penstock_predictor.http.body import BodyBuffer, check_content_type


def test_pieces_become_one_body_and_what_follows_is_left() -> None:
    buffer = BodyBuffer(7, 0)
    assert bytes(buffer.add(memoryview(b"abc"))) == b""
    assert not buffer.complete
    assert bytes(buffer.add(memoryview(b"defgPOST"))) == b"POST"
    assert buffer.complete
    assert bytes(buffer.body) == b"abcdefg"


def test_no_body_is_complete_at_once() -> None:
    buffer = BodyBuffer(0, 0)
    assert buffer.complete
    assert bytes(buffer.add(memoryview(b"x"))) == b"x"


@pytest.mark.parametrize("aligned_from", [0, 1, 63, 64, 131])
def test_tensors_behind_the_json_are_aligned(aligned_from: int) -> None:
    buffer = BodyBuffer(aligned_from + 16, aligned_from)
    tensors = np.frombuffer(buffer.body[aligned_from:], dtype=np.float64)
    assert tensors.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"application/json",
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b'application/json;charset="UTF-8"',
        b"application/json; charset=us-ascii",
        b"application/vnd.kserve+json",
        b"application/octet-stream",
        b"application/x-www-form-urlencoded",
        b"application/json; boundary=x",
    ],
)
def test_json_under_all_its_names_and_bytes_are_read(value: bytes | None) -> None:
    check_content_type(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"text/html",
        b"application/xml",
        b"multipart/form-data; boundary=x",
        b"text/json",
        b"json",
        b"application/+json/x",
        b"\xff",
    ],
)
def test_other_types_are_refused_and_named(value: bytes) -> None:
    with pytest.raises(UnsupportedMedia, match=r"content type .*: send application/json"):
        check_content_type(value)


@pytest.mark.parametrize("charset", [b"latin-1", b"utf-16", b'"iso-8859-1"'])
def test_json_in_another_charset_is_refused(charset: bytes) -> None:
    with pytest.raises(UnsupportedMedia, match="JSON is UTF-8"):
        check_content_type(b"application/json; charset=" + charset)
