"""An answer over HTTP as a value: both ways to a client, uvicorn's own and the hot one, write it out alike."""

import zlib
from collections.abc import Mapping

from penstock_predictor.errors import RequestError
from penstock_predictor.tensors.answers import to_json

Header = tuple[bytes, bytes]
"""Lower-case name and value."""

JSON = b"application/json"
BINARY = b"application/octet-stream"

_COMPRESSED_FROM = 16384
"""Bytes of an answer that are worth the processor's time; smaller ones go out in one or a few packets anyway."""
_GZIP = 16 + zlib.MAX_WBITS
"""zlib's way to say: with a gzip header."""


class Reply:
    """Status, body, and the headers that are its own; what every answer carries is added where it is written."""

    __slots__ = ("body", "content_type", "extra", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, content_type: bytes = JSON, extra: tuple[Header, ...] = ()
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.extra = extra

    def headers(self) -> list[Header]:
        """In the order in which they are written."""
        length = str(len(self.body)).encode()
        return [(b"content-length", length), (b"content-type", self.content_type), *self.extra]


def refusal(error: RequestError) -> Reply:
    """The one JSON form of every refusal."""
    extra = tuple((name.encode(), value.encode()) for name, value in error.headers.items())
    return Reply(to_json({"error": str(error)}), status=error.status, extra=extra)


def compressed(reply: Reply, headers: Mapping[bytes, bytes]) -> Reply:
    """The reply as the request's Accept-Encoding allows: gzip for a large one."""
    if len(reply.body) < _COMPRESSED_FROM or not accepts_gzip(headers.get(b"accept-encoding", b"")):
        return reply
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    body = packer.compress(reply.body) + packer.flush()
    extra = (*reply.extra, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
    return Reply(body, status=reply.status, content_type=reply.content_type, extra=extra)


def accepts_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding gives gzip, or what it does not name, a weight that is not 0."""
    weights = {}
    for item in accepted.lower().split(b","):
        name, _, weight = item.partition(b";")
        weights[name.strip()] = weight.replace(b" ", b"").rstrip(b"0")
    return weights.get(b"gzip", weights.get(b"*", b"q=")) not in (b"q=", b"q=0.", b"q=.")
