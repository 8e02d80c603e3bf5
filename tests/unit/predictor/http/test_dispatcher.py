"""What nobody foresaw is answered, and takes no place for ever."""

import asyncio

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from penstock_predictor.errors import NotReady
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.http.exchange import Exchange, HttpCall, Route
from penstock_predictor.http.reply import Reply
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.serving.call import CallOutputs, Deadline, RunOutputs
from penstock_predictor.serving.runtime import Offload, Runtime
from penstock_predictor.settings import PredictorSettings


class HeardExchange(Exchange):
    """Keeps its reply."""

    def __init__(self) -> None:
        super().__init__({}, Deadline.after(60))
        self.replies: list[Reply] = []

    def answer(self, reply: Reply) -> None:
        self.replies.append(reply)


class BrokenRoute(Route):
    """Fails in a way that is no refusal."""

    def takes_long(self, exchange: Exchange) -> bool:
        return False

    def read(self, exchange: Exchange) -> HttpCall:
        raise ValueError("nobody foresaw this")


class BrokenCall(HttpCall):
    """Cannot write its answer."""

    def encode(self, part: CallOutputs) -> Reply:
        raise ValueError("nobody foresaw this")


def test_a_request_that_cannot_be_read_is_answered_and_its_place_is_free() -> None:
    dispatcher = Dispatcher(Runtime(PredictorSettings(), Lifecycle(), PredictorMetrics(CollectorRegistry())))
    exchange = HeardExchange()
    dispatcher.runtime.enter(5)
    exchange.size = 5
    dispatcher.dispatch(BrokenRoute("broken"), exchange)
    assert [(reply.status, reply.body) for reply in exchange.replies] == [
        (500, b'{"error":"internal error: ValueError: see the log of this pod"}')
    ]
    assert (dispatcher.runtime.admission.requests, dispatcher.runtime.admission.bytes) == (0, 0)


@pytest.mark.parametrize("numbers", [[1.0], [1.0] * 10_000], ids=["here", "offloaded"])
async def test_an_answer_that_cannot_be_written_is_500(numbers: list[float]) -> None:
    exchange, offload = HeardExchange(), Offload(5)
    BrokenCall(exchange, offload, feeds={}, outputs=("y",)).finish(CallOutputs(RunOutputs([np.array(numbers)])))
    async with asyncio.timeout(20):
        while not exchange.replies:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0)
    assert [reply.status for reply in exchange.replies] == [500]
    offload.close()


def test_before_a_model_is_there_nothing_is_read() -> None:
    dispatcher = Dispatcher(Runtime(PredictorSettings(), Lifecycle(), PredictorMetrics(CollectorRegistry())))
    with pytest.raises(NotReady):
        dispatcher.infer()
    with pytest.raises(NotReady):
        dispatcher.predict()
    assert dispatcher.fast_routes == {}
