"""The columns of a table: what each holds, and whether it can be served."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from penstock.errors import RowsRefused


class ColumnKind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    WHOLE = "whole number"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class RowColumn:
    """A named column."""

    name: str
    kind: ColumnKind
    mlflow_type: str
    """MLflow's word: double, float, long, integer, boolean or string."""
    missing: int
    """Rows without a value; only numbers may have such."""


def columns_of(frame: pd.DataFrame) -> tuple[RowColumn, ...]:
    """Describe each column. Raises RowsRefused for one that cannot be served, with what to do."""
    _check_names(frame)
    return tuple(_column(str(name), frame[name]) for name in frame.columns)


def _check_names(frame: pd.DataFrame) -> None:
    names: list[object] = list(frame.columns)
    if not names:
        raise RowsRefused("X has no columns: give the rows that the model was trained on")
    unnamed = [name for name in names if not isinstance(name, str)]
    if unnamed:
        raise RowsRefused(
            f"column {unnamed[0]!r} of X is named by a {type(unnamed[0]).__name__}, not by a text: JSON names "
            "features by texts. Train with X.columns = X.columns.astype(str)"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise RowsRefused(f"X has two columns named {twice[0]!r}: rename one, and train with that")


def _column(name: str, values: pd.Series) -> RowColumn:
    missing = int(values.isna().sum())
    kind, word = _kind(name, values)
    if missing and kind is ColumnKind.TEXT:
        raise RowsRefused(
            f"column {name!r} of X has no text in {missing} rows (the first: row {_first_missing(values)}), and ONNX "
            f"has no missing text. Train with X[{name!r}] = X[{name!r}].fillna('') and send '' where there is none"
        )
    if kind is ColumnKind.NUMBER:
        _check_finite(name, values)
    return RowColumn(name=name, kind=kind, mlflow_type=word, missing=missing)


def _kind(name: str, values: pd.Series) -> tuple[ColumnKind, str]:
    """What the column holds, and MLflow's word for it. Whole numbers and flags with gaps are numbers: NaN is one."""
    dtype, gaps = values.dtype, bool(values.isna().any())
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind(name, values.astype(values.cat.categories.dtype))
    if pd.api.types.is_bool_dtype(dtype):
        return (ColumnKind.NUMBER, "double") if gaps else (ColumnKind.FLAG, "boolean")
    if pd.api.types.is_integer_dtype(dtype):
        return (ColumnKind.NUMBER, "double") if gaps else (ColumnKind.WHOLE, _whole_word(dtype))
    if pd.api.types.is_float_dtype(dtype):
        return ColumnKind.NUMBER, "float" if dtype == np.float32 else "double"
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        raise RowsRefused(
            f"column {name!r} of X holds times ({dtype}), which a request cannot carry: train on numbers made of them, "
            f"for example X[{name!r}].dt.hour, or days since a fixed day"
        )
    _check_texts(name, values)
    return ColumnKind.TEXT, "string"


def _whole_word(dtype: object) -> str:
    return "integer" if str(dtype).lower() in {"int8", "int16", "int32", "uint8", "uint16"} else "long"


def _check_texts(name: str, values: pd.Series) -> None:
    odd = next(
        ((row, value) for row, value in enumerate(values) if not isinstance(value, str) and not _is_missing(value)),
        None,
    )
    if odd is not None:
        row, value = odd
        raise RowsRefused(
            f"column {name!r} of X holds a {type(value).__name__} in row {row} ({value!r:.60}), beside or instead of "
            f"texts: a column holds numbers or texts. Train with X[{name!r}] = X[{name!r}].astype(str), or as numbers"
        )


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _first_missing(values: pd.Series) -> int:
    return int(np.flatnonzero(values.isna().to_numpy())[0])


def _check_finite(name: str, values: pd.Series) -> None:
    infinite = np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if infinite.any():
        raise RowsRefused(
            f"column {name!r} of X is infinite in {int(infinite.sum())} rows (the first: row "
            f"{int(np.flatnonzero(infinite)[0])}), and a request cannot carry that. Train with a large number, or with "
            "NaN where nothing is known"
        )


def names_of(columns: Sequence[RowColumn]) -> list[str]:
    """Names in their order."""
    return [column.name for column in columns]
