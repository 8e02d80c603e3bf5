"""The JSON of `POST /predict`: named features in, one object a row out."""

from collections.abc import Mapping

import numpy as np
from pydantic import ValidationError
from pydantic_core import to_json

from penstock_contracts.inference import PredictRequest
from penstock_predictor.codec import describe
from penstock_predictor.columns import Instances
from penstock_predictor.datatypes import Array
from penstock_predictor.errors import BadRequest, InferenceFailed
from penstock_predictor.identity import ModelIdentity


def parse_instances(body: bytes) -> Instances:
    """Read the body of `POST /predict`. Raises BadRequest naming the field."""
    try:
        return PredictRequest.model_validate_json(body, strict=True).instances
    except ValidationError as error:
        raise BadRequest(describe(error)) from None


def encode_predictions(identity: ModelIdentity, rows: int, arrays: Mapping[str, Array]) -> bytes:
    """One object a row, as strict JSON (NaN and infinities are null).

    Raises InferenceFailed for an output that does not have one entry a row.
    """
    for name, array in arrays.items():
        if array.ndim == 0 or array.shape[0] != rows:
            shape = list(np.shape(array))
            raise InferenceFailed(
                f"output {name!r} of shape {shape} has not one entry for each of {rows} rows: use /v2"
            )
    lists = [array.tolist() for array in arrays.values()]
    predictions = [dict(zip(arrays, row, strict=True)) for row in zip(*lists, strict=True)]
    answer = {
        "predictions": predictions,
        "model_name": identity.name,
        "model_version": identity.version,
        "digest": identity.digest,
    }
    return to_json(answer, inf_nan_mode="null")
