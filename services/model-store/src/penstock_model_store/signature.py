"""MLflow's signature: which named columns `/predict` takes, and whether the graph can take them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from penstock_contracts.base import evolve
from penstock_contracts.model_card import Column, TensorSpec
from penstock_model_store.errors import BadMetadata, SignatureMismatch

_FITTING = {
    "boolean": ("BOOL", "FP", "INT", "UINT"),
    "integer": ("INT", "UINT", "FP"),
    "long": ("INT", "UINT", "FP"),
    "float": ("FP",),
    "double": ("FP",),
    "string": ("BYTES",),
}
"""MLflow's column type to the beginnings of the V2 datatypes whose tensors can take it without loss."""
_MATRIX_RANK = 2


def columns_of(signature_inputs: str | None, inputs: Sequence[TensorSpec]) -> tuple[Column, ...] | None:
    """Read the signature's inputs (MLflow's JSON text) and hold them against the graph's.

    None: the signature names no columns (there is none, or it describes tensors).
    Raises BadMetadata for what is no signature, SignatureMismatch for one that the graph does not fit.
    """
    entries = _entries(signature_inputs)
    if not entries:
        return None
    if all(entry.get("type") == "tensor" for entry in entries):
        _check_tensors(entries, inputs)
        return None
    if not all(isinstance(entry.get("name"), str) for entry in entries):
        return None
    columns = tuple(
        Column(name=entry["name"], type=str(entry.get("type")), required=bool(entry.get("required", True)))
        for entry in entries
    )
    return _fitted(columns, inputs)


def _entries(signature_inputs: str | None) -> list[dict[str, Any]]:
    if signature_inputs is None:
        return []
    try:
        entries = json.loads(signature_inputs)
    except (ValueError, RecursionError) as error:
        raise BadMetadata(f"the signature's inputs in MLmodel are not JSON: log the model again ({error})") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadMetadata("the signature's inputs in MLmodel are not a list of columns: log the model again")
    return entries


def _fitted(columns: tuple[Column, ...], inputs: Sequence[TensorSpec]) -> tuple[Column, ...]:
    """The columns, each with the graph's input that it goes to where that has another name."""
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise SignatureMismatch(f"the signature names a column twice: {names}; rename one and log the model again")
    by_name = {spec.name: spec for spec in inputs}
    if not set(names) >= set(by_name):
        if len(inputs) == 1 and len(inputs[0].shape) == _MATRIX_RANK:
            _check_matrix(columns, inputs[0])
            return columns
        columns = _renamed(columns, inputs)
    for column in columns:
        if (spec := by_name.get(column.input or column.name)) is not None:
            _check_column(column, spec)
    return columns


def _renamed(columns: tuple[Column, ...], inputs: Sequence[TensorSpec]) -> tuple[Column, ...]:
    """Find the columns behind names that a converter changed: `sepal length (cm)` is its `sepal_length__cm_`.

    Raises SignatureMismatch where an input is not exactly one column's.
    """
    behind: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        behind[_bare(column.name)].append(column.name)
    input_of: dict[str, str] = {}
    names = {column.name for column in columns}
    for spec in inputs:
        found = [spec.name] if spec.name in names else behind[_bare(spec.name)]
        if len(found) != 1 or found[0] in input_of:
            raise _unlike(columns, inputs)
        input_of[found[0]] = spec.name
    return tuple(
        evolve(column, input=input_of[column.name]) if input_of.get(column.name, column.name) != column.name else column
        for column in columns
    )


def _bare(name: str) -> str:
    """A name without what converters change in it: case, and all but letters and digits."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _unlike(columns: Sequence[Column], inputs: Sequence[TensorSpec]) -> SignatureMismatch:
    names = [spec.name for spec in inputs]
    return SignatureMismatch(
        f"the signature's columns are {_shown([column.name for column in columns])}, the graph's inputs "
        f"{_shown(names)}: log the model with a signature of the graph's names, for columns in the same order "
        f"signature=infer_signature(X.set_axis({names[:8]}, axis=1)), or convert it with one two-dimensional input"
    )


def _check_matrix(columns: Sequence[Column], spec: TensorSpec) -> None:
    width = spec.shape[1]
    if width not in {-1, len(columns)}:
        raise SignatureMismatch(
            f"the signature has {len(columns)} columns, input {spec.name} of the graph takes {width}: "
            "log the model again with the signature of the data it was trained on"
        )
    for column in columns:
        _check_type(column, spec)


def _check_column(column: Column, spec: TensorSpec) -> None:
    if spec.shape[1:] not in {(), (1,), (-1,)}:
        raise SignatureMismatch(
            f"column {column.name} of the signature is one value a row, input {spec.name} of the graph has shape "
            f"{list(spec.shape)}: describe it as a tensor in the signature, or log the model again with one column each"
        )
    _check_type(column, spec)


def _check_type(column: Column, spec: TensorSpec) -> None:
    if not spec.datatype.startswith(_FITTING.get(column.type, ())):
        raise SignatureMismatch(
            f"column {column.name} of the signature has type {column.type}, input {spec.name} of the graph takes "
            f"{spec.datatype}: log the model again with a signature that fits its graph"
        )


def _check_tensors(entries: Sequence[dict[str, Any]], inputs: Sequence[TensorSpec]) -> None:
    names = [entry["name"] for entry in entries if isinstance(entry.get("name"), str)]
    expected = [spec.name for spec in inputs]
    if len(entries) != len(inputs) or (names and set(names) != set(expected)):
        raise SignatureMismatch(
            f"the signature describes {len(entries)} tensors {_shown(names)}, the graph's inputs are "
            f"{_shown(expected)}: log the model again with a signature that names its inputs"
        )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004
