"""Which content types are read."""

from penstock_predictor.errors import UnsupportedMedia

_READ = frozenset({b"application/json", b"application/octet-stream", b"application/x-www-form-urlencoded"})
"""The last is what `curl --data` says of any body unless told otherwise; what the body is, its first bytes show."""


def check_content_type(value: bytes | None) -> None:
    """Raise UnsupportedMedia for a type that no request has here. None given: it is taken for JSON."""
    if value is None or value in _READ:
        return
    media, _, parameters = value.lower().partition(b";")
    media = media.strip()
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if charset.startswith(b"charset=") and charset not in (b"charset=utf-8", b"charset=utf8", b"charset=us-ascii"):
        raise UnsupportedMedia(f"charset {charset[8:].decode('latin-1')!r}: JSON is UTF-8: send it so")
    if media not in _READ and not (media.startswith(b"application/") and media.endswith(b"+json")):
        raise UnsupportedMedia(
            f"content type {media.decode('latin-1')!r}: send application/json, "
            "or application/octet-stream with the binary tensor extension"
        )
