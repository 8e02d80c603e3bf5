"""Takes inference requests over HTTP, by whichever way they came, to the batcher."""

import time
from typing import TYPE_CHECKING

from penstock_predictor.errors import RequestError, as_refusal
from penstock_predictor.http.exchange import Exchange, HttpCall, Route
from penstock_predictor.http.infer import InferRoute
from penstock_predictor.http.predict import PredictRoute
from penstock_predictor.http.reply import ResponseHeads, refusal
from penstock_predictor.http.request_head import KnownHeads
from penstock_predictor.metrics import INFER, INFER_VERSION, PREDICT, UNMATCHED
from penstock_predictor.serving.call import Deadline
from penstock_predictor.serving.runtime import Runtime

if TYPE_CHECKING:
    from penstock_predictor.features.lookups import FeatureLookups


class _NoRoute(Route):
    """For what is no request to any route."""

    def takes_long(self, _: Exchange) -> bool:
        """There is nothing to read."""
        return False

    def read(self, _: Exchange) -> HttpCall:
        """There is nothing to read."""
        raise AssertionError("what is no request was read")


class Dispatcher:
    """The inference routes of one process. Used on the event loop only."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.time_limit = runtime.settings.request_timeout_seconds
        self.fast_routes: dict[bytes, Route] = {}
        """By path, of what needs no ASGI application; empty until a model is there."""
        self.known_heads = KnownHeads()
        self.no_route: Route = _NoRoute(UNMATCHED)
        """Of what cannot be understood."""
        self.heads = ResponseHeads("")
        """Writes replies on the fast path."""
        self._infer: InferRoute | None = None
        self._predict: PredictRoute | None = None

    def serve_model(self, lookups: "FeatureLookups | None" = None) -> None:
        """The runtime has a model now. `lookups`: of the columns that its rows may lack."""
        serving, settings = self.runtime.serving(), self.runtime.settings
        name, version = settings.model_name, settings.model_version
        self.heads = ResponseHeads(serving.model.identity.digest)
        self._infer = InferRoute(serving.model, serving.offload, INFER)
        self._predict = PredictRoute(serving.model, serving.offload, PREDICT)
        if lookups is not None:
            from penstock_predictor.http.feature_predict import LookedUpRoute  # noqa: PLC0415 - few models need it

            self._predict = LookedUpRoute(serving.model, serving.offload, PREDICT, lookups)
        self.fast_routes = {
            f"/v2/models/{name}/infer".encode(): self._infer,
            f"/v2/models/{name}/versions/{version}/infer".encode(): InferRoute(
                serving.model, serving.offload, INFER_VERSION
            ),
            PREDICT.encode(): self._predict,
        }

    def infer(self) -> Route:
        """The reader of V2 requests. Raises NotReady."""
        self.runtime.serving()
        return _present(self._infer)

    def predict(self) -> Route:
        """The reader of `POST /predict`. Raises NotReady."""
        self.runtime.serving()
        return _present(self._predict)

    def deadline(self, requested_ms: bytes | None = None, *, now: float | None = None) -> Deadline:
        """A request's time: ours, or the caller's where that is shorter. Raises BadRequest."""
        return Deadline.within(self.time_limit, requested_ms, now=time.monotonic() if now is None else now)

    def dispatch(self, route: Route, exchange: Exchange) -> None:
        """Take a request that was accepted and read; its answer comes now or later."""
        if route.takes_long(exchange):
            self._read_later(route, exchange)
            return
        try:
            call = route.read(exchange)
        except Exception as error:  # noqa: BLE001 - its place would be taken for ever
            self._refuse(exchange, as_refusal(error))
        else:
            self._submit(call, exchange)

    def _read_later(self, route: Route, exchange: Exchange) -> None:
        route.read_later(
            exchange,
            self.runtime.serving().offload,
            lambda call: self._submit(call, exchange),
            lambda error: self._refuse(exchange, error),
        )

    def _submit(self, call: HttpCall, exchange: Exchange) -> None:
        try:
            self.runtime.submit(call)
        except RequestError as error:
            self._refuse(exchange, error)

    def _refuse(self, exchange: Exchange, error: RequestError) -> None:
        self.runtime.admission.leave(exchange.size)
        exchange.answer(refusal(error))


def _present(route: Route | None) -> Route:
    if route is None:
        raise AssertionError("a runtime with a model had not told its dispatcher")
    return route
