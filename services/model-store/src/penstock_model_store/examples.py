"""MLflow's input example in its several forms, as the tensors of a V2 request."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from penstock_contracts.inference import InferRequest
from penstock_contracts.model_card import Column, TensorSpec
from penstock_model_store.errors import InputExampleRefused
from penstock_model_store.golden import MAX_ELEMENTS
from penstock_model_store.tensors import Array, array_of, request_input

_MATRIX_RANK = 2
_MOST_DENSE = 2**22


def request_from_example(
    text: str, inputs: Sequence[TensorSpec], columns: Sequence[Column] | None
) -> InferRequest | None:
    """Read an example; None when it is of a form without tensors (only missing values).

    Raises InputExampleRefused when it is of a known form but does not fit the graph.
    """
    try:
        document = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise InputExampleRefused(f"the input example is not JSON ({error}): log the model with a new one") from error
    try:
        arrays = _arrays(document, inputs, columns)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise InputExampleRefused(
            f"the input example does not fit the graph's inputs ({error}): log the model with one that it can answer"
        ) from error
    if arrays is None or not all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f"):
        return None
    kept = _kept_rows(arrays, inputs)
    return InferRequest(inputs=tuple(request_input(spec.name, spec.datatype, kept[spec.name]) for spec in inputs))


def _arrays(document: Any, inputs: Sequence[TensorSpec], columns: Sequence[Column] | None) -> dict[str, Array] | None:
    if (dense := _dense(document)) is not None:
        return _from_values(dense, inputs, columns)
    match document:
        case {"dataframe_split": {"data": list(rows)} as table} | ({"data": list(rows)} as table):
            return _from_rows(table.get("columns"), rows, inputs, columns)
        case (
            {"dataframe_records": [dict(), *_] as records}
            | {"instances": [dict(), *_] as records}
            | {"inputs": [dict(), *_] as records}
        ):
            return _from_records(records, inputs, columns)
        case {"inputs": values} | {"instances": values}:
            return _from_values(values, inputs, columns)
        case list() | dict():
            return _from_values(document, inputs, columns)
        case _:
            return None


def _dense(document: Any) -> list[list[float]] | None:
    """The table behind scipy's sparse form, as MLflow writes it: by rows, or where that cannot be, by columns."""
    if not isinstance(document, dict) or set(document) != {"data", "indices", "indptr", "shape"}:
        return None
    rows, width = (int(size) for size in document["shape"])
    if not 0 < rows * width <= _MOST_DENSE:
        raise ValueError(f"its shape is {rows} by {width}")
    starts = [int(start) for start in document["indptr"]]
    by_rows = len(starts) == rows + 1
    lines, length = (rows, width) if by_rows else (width, rows)
    if len(starts) != lines + 1:
        raise ValueError(f"its indptr has {len(starts)} entries")
    table = np.zeros((lines, length))
    for line, (start, end) in enumerate(pairwise(starts)):
        table[line, document["indices"][start:end]] = document["data"][start:end]
    return (table if by_rows else table.T).tolist()


def _from_values(
    values: Any, inputs: Sequence[TensorSpec], columns: Sequence[Column] | None
) -> dict[str, Array] | None:
    if _has_null(values):
        return None
    if isinstance(values, dict) and not set(values) >= {spec.name for spec in inputs}:
        return _from_records([values], inputs, columns)
    named = values if isinstance(values, dict) else {spec.name: values for spec in inputs[:1]}
    return {spec.name: _shaped(array_of(named[spec.name], spec), spec) for spec in inputs}


def _from_records(
    records: list[dict[str, Any]], inputs: Sequence[TensorSpec], columns: Sequence[Column] | None
) -> dict[str, Array] | None:
    names = list(records[0]) if records else []
    return _from_rows(names, [[record.get(name) for name in names] for record in records], inputs, columns)


def _from_rows(
    names: list[Any] | None,
    rows: list[list[Any]],
    inputs: Sequence[TensorSpec],
    columns: Sequence[Column] | None,
) -> dict[str, Array] | None:
    """Rows of a table. Those with missing values are left out: JSON has no word for them that every client knows."""
    complete = [row for row in rows if None not in row]
    if not complete:
        return None
    order = [str(name) for name in names] if names else [column.name for column in columns or ()]
    table = {name: [row[index] for row in complete] for index, name in enumerate(order)}
    table |= {column.input: table[column.name] for column in columns or () if column.input and column.name in table}
    if table and set(table) >= {spec.name for spec in inputs}:
        return {spec.name: _shaped(array_of(table[spec.name], spec), spec) for spec in inputs}
    if len(inputs) != 1:
        raise ValueError(f"its columns are {', '.join(order)}, the graph's inputs {', '.join(s.name for s in inputs)}")
    missing = [column.name for column in columns or () if names and column.name not in table]
    if missing:
        raise ValueError(f"it has no column {missing[0]}")
    wanted = [column.name for column in columns] if columns and names else order
    matrix = [[table[name][row] for name in wanted] for row in range(len(complete))] if wanted else complete
    return {inputs[0].name: array_of(matrix, inputs[0])}


def _shaped(array: Array, spec: TensorSpec) -> Array:
    """A column is [rows]; skl2onnx makes inputs of shape [rows, 1]. One value without rows is one row."""
    if array.ndim == 0:
        return array.reshape([1] * len(spec.shape))
    if array.ndim + 1 == len(spec.shape) and len(spec.shape) <= _MATRIX_RANK and spec.shape[-1] in {1, -1}:
        return array.reshape(-1, 1) if len(spec.shape) == _MATRIX_RANK else array.reshape(-1)
    return array


def _kept_rows(arrays: dict[str, Array], inputs: Sequence[TensorSpec]) -> dict[str, Array]:
    """As many rows as the card may hold, where the first dimension of every input is open and counts the same."""
    total = sum(array.size for array in arrays.values())
    lengths = {arrays[spec.name].shape[0] if spec.shape and spec.shape[0] < 0 else 0 for spec in inputs}
    rows = next(iter(lengths)) if len(lengths) == 1 else 0
    if total <= MAX_ELEMENTS or not rows:
        return arrays
    most = max(1, MAX_ELEMENTS * rows // total)
    return {name: array[:most] for name, array in arrays.items()}


def _has_null(values: Any) -> bool:
    if isinstance(values, dict):
        return any(_has_null(value) for value in values.values())
    if isinstance(values, list):
        return any(_has_null(value) for value in values)
    return values is None
