"""A call that came over HTTP."""

from abc import abstractmethod
from collections.abc import Sequence

from penstock_predictor.errors import RequestError
from penstock_predictor.http.exchange import Exchange
from penstock_predictor.http.reply import Reply, compressed, refusal
from penstock_predictor.model.inference import Feeds
from penstock_predictor.serving.aside import Aside
from penstock_predictor.serving.call import Call, Outcome
from penstock_predictor.tensors.datatypes import Array

_SOON_ENCODED = 4096
"""Elements whose text is made in about a quarter of a millisecond; more of them leave the event loop."""


class HttpCall(Call):
    """Answers an exchange; each route has its own way to write the arrays."""

    __slots__ = ("_aside", "_exchange")

    def __init__(self, exchange: Exchange, aside: Aside, *, feeds: Feeds, outputs: tuple[str, ...]) -> None:
        super().__init__(feeds, outputs, exchange.deadline, exchange.size)
        self._exchange = exchange
        self._aside = aside

    @abstractmethod
    def encode(self, arrays: Sequence[Array]) -> Reply:
        """Write the arrays. Raises a RequestError where this route has no form for them."""

    def finish(self, outcome: Outcome) -> None:
        """Answer now, or after the text of many elements was made aside."""
        if isinstance(outcome, RequestError):
            self._refuse(outcome)
        elif sum(array.size for array in outcome) > _SOON_ENCODED:
            self._aside.run(lambda: self._reply(outcome), self._exchange.answer, self._refuse)
        else:
            try:
                reply = self._reply(outcome)
            except RequestError as error:
                self._refuse(error)
            else:
                self._exchange.answer(reply)

    def _reply(self, arrays: Sequence[Array]) -> Reply:
        return compressed(self.encode(arrays), self._exchange.headers.get(b"accept-encoding", b""))

    def _refuse(self, error: RequestError) -> None:
        self._exchange.answer(refusal(error))
