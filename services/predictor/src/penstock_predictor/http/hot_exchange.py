"""A request on the hot way."""

import time
from abc import ABC, abstractmethod

from penstock_predictor.errors import RequestError
from penstock_predictor.http.exchange import Exchange
from penstock_predictor.http.head import Head
from penstock_predictor.http.reply import Reply
from penstock_predictor.serving.call import Deadline


class Connection(ABC):
    """Where replies go."""

    @abstractmethod
    def owed_reply(self, exchange: "HotExchange", reply: Reply) -> None:
        """Write a reply when it is its turn."""


class HotExchange(Exchange):
    """Replies leave a connection in the order of its requests."""

    __slots__ = ("_connection", "head", "keep_alive", "refused", "reply", "request_id", "started")

    def __init__(self, connection: Connection, head: Head, request_id: bytes | None, time_limit: float) -> None:
        self.started = started = time.monotonic()
        super().__init__(head.headers, Deadline(started + time_limit, time_limit))
        self._connection = connection
        self.head = head
        self.request_id = request_id
        self.keep_alive = head.keep_alive
        self.refused: RequestError | None = None
        """Known before the body arrived; it is said when the body is there."""
        self.reply: Reply | None = None
        """It waits until those before it are written."""

    def refuse(self, error: RequestError) -> None:
        """Read no body of it."""
        self.refused = error.with_traceback(None)  # whose frames hold what arrived

    def asked_id(self) -> bytes | None:
        """Kept apart: the headers are those of many requests."""
        return self.request_id

    def answer(self, reply: Reply) -> None:
        """Write it, or keep it until those before it are written."""
        self._connection.owed_reply(self, reply)
