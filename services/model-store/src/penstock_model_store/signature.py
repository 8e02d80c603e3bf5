"""MLflow's signature: which named columns `/predict` takes, and whether the graph can take them."""

import json
from collections.abc import Sequence
from typing import Any

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
    _check_columns(columns, inputs)
    return columns


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


def _check_columns(columns: Sequence[Column], inputs: Sequence[TensorSpec]) -> None:
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise SignatureMismatch(f"the signature names a column twice: {names}; rename one and log the model again")
    by_name = {spec.name: spec for spec in inputs}
    if set(names) >= set(by_name):
        for column in columns:
            if column.name in by_name:
                _check_column(column, by_name[column.name])
    elif len(inputs) == 1 and len(inputs[0].shape) == _MATRIX_RANK:
        _check_matrix(columns, inputs[0])
    else:
        raise SignatureMismatch(
            f"the signature's columns are {_shown(names)}, the graph's inputs {_shown(list(by_name))}: give the inputs "
            "the columns' names, or convert the model with one two-dimensional input, and log it again"
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
