"""`POST /predict`: rows of features in, a prediction a row out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import BadRequest, InferenceFailed
from penstock_predictor.http.body import check_content_type
from penstock_predictor.http.exchange import MAX_INLINE_TEXT, Exchange, HttpCall, Route
from penstock_predictor.http.reply import Reply
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import Row
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.serving.call import CallOutputs
from penstock_predictor.serving.runtime import Offload
from penstock_predictor.tensors.answers import to_json
from penstock_predictor.tensors.arrays import BY_V2, Array

_ONE, _MANY = "features", "instances"
_FORMS = 'expected {"features": row}, {"instances": [row, ...]} or a row: an object or a list of values'
_FOREIGN = ("instances", "inputs", "dataframe_split", "dataframe_records", "signature_name", "features")
"""What bodies of other servers hold their rows in: MLflow, TensorFlow Serving, MLServer and Triton."""
_read = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class PredictRows:
    """What a caller wants predicted."""

    rows: Sequence[Row]
    single: bool
    """One row was sent by itself: it is answered by itself."""


def parse_rows(body: bytes | memoryview) -> PredictRows:
    """Read a body: `{"features": row}`, `{"instances": [row, ...]}`, or a bare row. A row is an object or a list.

    Raises BadRequest where it is none of these.
    """
    try:
        content = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise BadRequest("the body is not valid JSON: it is nested too deeply") from None
    if isinstance(content, dict) and content.keys() == {_MANY}:
        return _many(content[_MANY])
    row = content[_ONE] if isinstance(content, dict) and content.keys() == {_ONE} else content
    if not isinstance(row, dict | list):
        raise BadRequest(_FORMS)
    _check_not_foreign(row)
    return PredictRows([row], single=True)


def _check_not_foreign(row: dict[str, Any] | list[Any]) -> None:
    """A feature may have such a name; lists and objects are no values of a feature."""
    if not isinstance(row, dict):
        return
    name = next((name for name in _FOREIGN if isinstance(row.get(name), dict | list)), None)
    if name is None:
        return
    others = f" beside {sorted(row.keys() - {name})}" if len(row) > 1 else ""
    raise BadRequest(
        f"{_FORMS}; got {name!r}{others}: another server's form. The Open Inference Protocol's is answered at "
        "/v2/models/<name>/infer"
    )


def _many(rows: Any) -> PredictRows:
    if not isinstance(rows, list) or not rows:
        raise BadRequest(f"{_MANY}: expected a list of at least one row")
    for position, row in enumerate(rows):
        if not isinstance(row, dict | list):
            raise BadRequest(f"{_MANY}: row {position} is neither an object of features nor a list of values")
    return PredictRows(rows, single=False)


@dataclass(frozen=True)
class _Meaning:
    """Which outputs answer for what. Without a label among them every output is shown by its name."""

    prediction: str | None
    beside: str | None
    word: str = "scores"
    """For what is beside: probability, or scores where it is none."""


def _meaning(outputs: Sequence[TensorSpec], probabilities: Collection[str]) -> _Meaning:
    """A classifier, as converters write it, has a label and the classes' probabilities, or other scores (distances,
    votes); a regressor has one output.
    """
    if len(outputs) == 1:
        return _Meaning(outputs[0].name, None)
    labels = [spec for spec in outputs if BY_V2[spec.datatype].numpy.kind in "iubO" and _one_a_row(spec)]
    scores = [spec for spec in outputs if BY_V2[spec.datatype].is_float and len(spec.shape) <= 2]  # noqa: PLR2004
    if len(outputs) == 2 and labels and scores:  # noqa: PLR2004 - the two of them
        word = "probability" if scores[0].name in probabilities else "scores"
        return _Meaning(labels[0].name, scores[0].name, word)
    return _Meaning(None, None)


def _one_a_row(spec: TensorSpec) -> bool:
    return len(spec.shape) == 1 or spec.shape[1:] == (1,)


class Predictions:
    """Writes the answers of one model."""

    def __init__(self, identity: ModelIdentity, outputs: Sequence[TensorSpec], probabilities: Collection[str]) -> None:
        """`probabilities`: outputs that are known to be."""
        self._identity = {
            "model_name": identity.name,
            "model_version": identity.version,
            "digest": identity.digest,
        }
        self._meaning = _meaning(outputs, probabilities)

    def encode(self, request: PredictRows, arrays: Mapping[str, Array]) -> bytes:
        """The answer as strict JSON (NaN and infinities are null).

        Raises InferenceFailed for an output that does not have one entry a row.
        """
        values = {name: _by_row(name, array, len(request.rows)) for name, array in arrays.items()}
        predictions = [
            self._prediction(dict(zip(values, row, strict=True))) for row in zip(*values.values(), strict=True)
        ]
        answer = predictions[0] if request.single else {"predictions": predictions}
        return to_json(answer | self._identity)

    def _prediction(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._meaning.prediction is None:
            return {"prediction": row}
        answer = {"prediction": row[self._meaning.prediction]}
        if self._meaning.beside is not None:
            answer[self._meaning.word] = row[self._meaning.beside]
        return answer


def _by_row(name: str, array: Array, rows: int) -> list[Any]:
    if array.ndim == 0 or len(array) != rows:
        raise InferenceFailed(
            f"output {name!r} of shape {list(array.shape)} has not one entry for each of {rows} rows: use /v2"
        )
    one_a_row = array.size == rows
    values: list[Any] = (array.ravel() if one_a_row else array).tolist()
    return values


class PredictCall(HttpCall):
    """A call that is answered by predictions."""

    __slots__ = ("_predictions", "_rows")

    def __init__(
        self,
        exchange: Exchange,
        offload: Offload,
        *,
        feeds: Feeds,
        outputs: tuple[str, ...],
        rows: PredictRows,
        predictions: Predictions,
    ) -> None:
        super().__init__(exchange, offload, feeds=feeds, outputs=outputs)
        self._rows = rows
        self._predictions = predictions

    def encode(self, part: CallOutputs) -> Reply:
        """One prediction a row. Raises InferenceFailed where an output has not one entry a row."""
        return Reply(self._predictions.encode(self._rows, dict(zip(self.outputs, part.arrays, strict=True))))


class PredictRoute(Route):
    """Reads rows of features for one model."""

    def __init__(self, model: ServedModel, offload: Offload, label: str) -> None:
        super().__init__(label)
        self._model = model
        self._offload = offload
        self._predictions = Predictions(model.identity, model.outputs, model.probabilities)

    def takes_long(self, exchange: Exchange) -> bool:
        """Whether there is much text to read."""
        return len(exchange.body) > MAX_INLINE_TEXT

    def read(self, exchange: Exchange) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""
        check_content_type(exchange.headers.get(b"content-type"))
        rows = parse_rows(exchange.body)
        feeds = self._model.columns.feeds(rows.rows)
        outputs = self._model.check(feeds, None)
        return PredictCall(
            exchange, self._offload, feeds=feeds, outputs=outputs, rows=rows, predictions=self._predictions
        )
