import pytest

from penstock_predictor.errors import UnsupportedMedia
from penstock_predictor.http.media import check_content_type


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
