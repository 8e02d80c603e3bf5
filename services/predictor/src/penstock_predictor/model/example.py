"""What the page at `/` is filled in with: a request that the model answers, as `/predict` and as V2 take it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from penstock_contracts.base import Contract
from penstock_contracts.inference import InferRequest, RequestInput
from penstock_contracts.model_card import Column, GoldenSource, ModelCard, TensorSpec
from penstock_predictor.model.columns import NoColumns, input_of
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.tensors.arrays import BY_NUMPY, Array

MAX_ELEMENTS = 1_000
"""A person edits no more: of a larger example only the first row is shown, where rows are open."""
_MOST_SHOWN = 200_000
_MISSING = {"string": "", "boolean": False, "integer": 0, "long": 0}
_TYPES = {"string": str, "boolean": bool, "integer": int, "long": int}


class Example(Contract):
    """`GET /example`."""

    model_name: str
    model_version: str
    digest: str
    columns: tuple[Column, ...] | None
    """Named features of `POST /predict`; None: this model takes none."""
    inputs: tuple[TensorSpec, ...]
    source: GoldenSource | Literal["Generated"]
    """Generated: the model came without a card."""
    predict: dict[str, Any] | None
    """A body for `POST /predict`; None: it is not possible for this model."""
    infer: dict[str, Any]
    """A body for `POST` to `infer_path`."""
    infer_path: str


def example_of(model: ServedModel, card: ModelCard | None, feeds: Feeds) -> Example:
    """From the request that the model proved itself with."""
    possible = card is not None and card.columns and not isinstance(model.columns, NoColumns)
    columns = card.columns if card is not None and possible else None
    return Example(
        model_name=model.identity.name,
        model_version=model.identity.version,
        digest=model.identity.digest,
        columns=columns,
        inputs=model.inputs,
        source=card.golden.source if card else "Generated",
        predict={"features": _features(columns, feeds)} if columns else None,
        infer=_infer_body(_few_rows(feeds, model.inputs)),
        infer_path=f"/v2/models/{quote(model.identity.name, safe='')}/infer",
    )


def _features(columns: Sequence[Column], feeds: Mapping[str, Array]) -> dict[str, Any]:
    """The first row. Columns are inputs of their own, or stand side by side in the one input."""
    if feeds.keys() <= {input_of(column) for column in columns}:
        tops = {name: values[0] for name, array in feeds.items() if (values := _plain(array))}
        first = {column.name: tops.get(input_of(column)) for column in columns}
    else:
        (array,) = feeds.values()
        first = dict(zip((column.name for column in columns), _plain(array[:1]), strict=False))
    return {column.name: _json_value(column, first.get(column.name)) for column in columns}


def _json_value(column: Column, value: Any) -> Any:
    """As the column's type is written in JSON: a whole number that travels in a float tensor is 3, not 3.0."""
    if value is None:
        return _MISSING.get(column.type)
    return _TYPES.get(column.type, float)(value)


def _few_rows(feeds: Mapping[str, Array], inputs: Sequence[TensorSpec]) -> Mapping[str, Array]:
    open_rows = all(spec.shape and spec.shape[0] == -1 for spec in inputs)
    if not open_rows or sum(array.size for array in feeds.values()) <= MAX_ELEMENTS:
        return feeds
    return {name: array[:1] for name, array in feeds.items()}


def _infer_body(feeds: Mapping[str, Array]) -> dict[str, Any]:
    """Without data where even a file of it would be unwieldy: an image of a million numbers."""
    large = sum(array.size for array in feeds.values()) > _MOST_SHOWN
    inputs = tuple(
        RequestInput(
            name=name, shape=array.shape, datatype=BY_NUMPY[array.dtype].v2, data=[] if large else _nest(array)
        )
        for name, array in feeds.items()
    )
    return InferRequest(inputs=inputs).model_dump(mode="json", exclude_none=True)


def _nest(array: Array) -> list[Any]:
    """The values as lists in lists, which a person reads more easily than V2's flat form."""
    values = np.array(_plain(array), dtype=np.object_)
    return values.reshape(array.shape or (1,)).tolist()  # type: ignore[no-any-return]  # numpy: any depth


def _plain(array: Array) -> list[Any]:
    """JSON's values in row-major order. Floats with their own type's fewest digits: 0.1 in FP32, not 0.100000001."""
    if array.dtype.kind != "f":
        return array.ravel().tolist()
    if array.size > MAX_ELEMENTS:
        return [value if np.isfinite(value) else None for value in array.ravel().tolist()]
    return [float(str(value)) if np.isfinite(value) else None for value in array.ravel()]
