"""`POST /predict`: rows of features to a call, a call's outcome to predictions."""

from penstock_predictor.http.exchange import SOON_READ, Exchange
from penstock_predictor.http.head import Route
from penstock_predictor.http.http_call import HttpCall
from penstock_predictor.http.media import check_content_type
from penstock_predictor.http.predictions import Predictions, Rows, parse_rows
from penstock_predictor.http.reply import Reply
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.serving.call import CallOutputs
from penstock_predictor.serving.runtime import Offload


class PredictCall(HttpCall):
    """A call that is answered by predictions."""

    __slots__ = ("_predictions", "_rows")

    def __init__(
        self,
        exchange: Exchange,
        aside: Offload,
        *,
        feeds: Feeds,
        outputs: tuple[str, ...],
        rows: Rows,
        predictions: Predictions,
    ) -> None:
        super().__init__(exchange, aside, feeds=feeds, outputs=outputs)
        self._rows = rows
        self._predictions = predictions

    def encode(self, part: CallOutputs) -> Reply:
        """One prediction a row. Raises InferenceFailed where an output has not one entry a row."""
        return Reply(self._predictions.encode(self._rows, dict(zip(self.outputs, part.arrays, strict=True))))


class PredictRoute(Route):
    """Reads rows of features for one model."""

    def __init__(self, model: ServedModel, aside: Offload, label: str) -> None:
        super().__init__(label)
        self._model = model
        self._aside = aside
        self._predictions = Predictions(model.identity, model.outputs, model.probabilities)

    def takes_long(self, exchange: Exchange) -> bool:
        """Whether there is much text to read."""
        return len(exchange.body) > SOON_READ

    def read(self, exchange: Exchange) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""
        check_content_type(exchange.headers.get(b"content-type"))
        rows = parse_rows(exchange.body)
        feeds = self._model.columns.feeds(rows.rows)
        outputs = self._model.check(feeds, None)
        return PredictCall(
            exchange, self._aside, feeds=feeds, outputs=outputs, rows=rows, predictions=self._predictions
        )
