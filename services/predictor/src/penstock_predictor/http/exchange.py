"""One inference request over HTTP: what arrived, and the way back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from penstock_contracts.names import HEADER_REQUEST_ID, HEADER_SHADOW
from penstock_predictor.http.reply import Reply
from penstock_predictor.serving.call import Deadline

if TYPE_CHECKING:
    from penstock_predictor.tracing.trace import Trace

_TIMEOUT = b"x-request-timeout-ms"
"""The caller's own time limit, in milliseconds; it can only shorten ours."""
_ENVOY_TIMEOUT = b"x-envoy-expected-rq-timeout-ms"
"""When the gateway gives this try up: nobody would read a later answer."""

REQUEST_ID: Final = HEADER_REQUEST_ID.encode()
SHADOW: Final = HEADER_SHADOW.encode()

SOON_READ: Final = 262144
"""Bytes of text that are read in about a millisecond; more of them are read aside."""


def asked_timeout(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The time limit that a request's headers name, if any."""
    return headers.get(_TIMEOUT) or headers.get(_ENVOY_TIMEOUT)


class Exchange(ABC):
    """Each way to a client has its own kind."""

    __slots__ = ("body", "deadline", "headers", "size", "trace")

    def __init__(self, headers: Mapping[bytes, bytes], deadline: Deadline) -> None:
        self.headers = headers
        """By lower-case name; of one that occurs twice, the last."""
        self.deadline = deadline
        self.body: bytes | memoryview = b""
        self.size = 0
        """Bytes of the body as admission counted them."""
        self.trace: Trace | None = None
        """What its spans are to be made of, where it is traced."""

    def asked_id(self) -> bytes | None:
        """The request's id, if it has one."""
        return self.headers.get(REQUEST_ID)

    @abstractmethod
    def answer(self, reply: Reply) -> None:
        """Send the reply, on the event loop, once."""
