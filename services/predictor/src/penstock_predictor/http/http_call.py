"""A call that came over HTTP."""

from abc import abstractmethod
from typing import Final

from penstock_predictor.errors import RequestError, as_refusal
from penstock_predictor.http.exchange import SHADOW, Exchange
from penstock_predictor.http.reply import Reply, compressed, refusal
from penstock_predictor.model.inference import Feeds
from penstock_predictor.serving.call import Call, CallOutcome, CallOutputs, Origin
from penstock_predictor.serving.runtime import Offload
from penstock_predictor.tracing.trace import Trace

_SOON_ENCODED: Final = 4096
"""Elements whose text is made in about a quarter of a millisecond; more of them leave the event loop."""


class HttpCall(Call):
    """Answers an exchange; each route has its own way to write the arrays."""

    __slots__ = ("_aside", "_exchange")

    def __init__(self, exchange: Exchange, aside: Offload, *, feeds: Feeds, outputs: tuple[str, ...]) -> None:
        super().__init__(feeds, outputs, exchange.deadline, exchange.size)
        self._exchange = exchange
        self._aside = aside

    def origin(self) -> Origin:
        """By its headers."""
        exchange = self._exchange
        return exchange.asked_id(), SHADOW in exchange.headers

    def trace(self) -> Trace | None:
        """Of its exchange."""
        return self._exchange.trace

    @abstractmethod
    def encode(self, part: CallOutputs) -> Reply:
        """Write the outputs. Raises a RequestError where this route has no form for them."""

    def finish(self, outcome: CallOutcome) -> None:
        """Answer now, or after the text of many elements was made aside."""
        if isinstance(outcome, RequestError):
            self._refuse(outcome)
        elif outcome.elements > _SOON_ENCODED:
            self._finish_aside(outcome)
        else:
            try:
                reply = self._reply(outcome)
            except Exception as error:  # noqa: BLE001 - the caller, and the others of its run, would wait for ever
                self._refuse(as_refusal(error))
            else:
                self._exchange.answer(reply)

    def _finish_aside(self, part: CallOutputs) -> None:
        self._aside.run(lambda: self._reply(part), self._exchange.answer, self._refuse)

    def _reply(self, part: CallOutputs) -> Reply:
        return compressed(self.encode(part), self._exchange.headers)

    def _refuse(self, error: RequestError) -> None:
        self._exchange.answer(refusal(error))
