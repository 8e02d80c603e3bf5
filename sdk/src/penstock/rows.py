"""The rows that a model is tried with: a table with named columns, or tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

from penstock.columns import ColumnKind, RowColumn, columns_of, names_of
from penstock.errors import NotConvertible, RowsRefused
from penstock.graph import Array, GraphTensor

MATRIX = "X"
"""Name of the one input of a model that takes rows without names."""
_EXAMPLE_ROWS = 3
_MATRIX_RANK = 2
_SHOWN_COLUMNS = 12
_DTYPES = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "boolean": "bool",
    "string": "object",
}
"""MLflow's word to numpy's."""


@dataclass(frozen=True)
class TableRows:
    """Rows of a table."""

    frame: pd.DataFrame
    columns: tuple[RowColumn, ...]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def numeric(self) -> bool:
        """No column holds texts."""
        return all(column.kind is not ColumnKind.TEXT for column in self.columns)

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return names_of(self.columns)

    def feeds(self, inputs: Sequence[GraphTensor]) -> dict[str, Array]:
        """Fill the graph's inputs as the predictor does: one for each column, or one with all of them side by side.

        Raises NotConvertible where the graph's inputs are neither.
        """
        if {each.name for each in inputs} <= set(self.names):
            return {each.name: self._values(each).reshape((-1, 1)[: len(each.shape)]) for each in inputs}
        if len(inputs) == 1 and len(inputs[0].shape) == _MATRIX_RANK and self.numeric:
            return {inputs[0].name: self.matrix(inputs[0].dtype)}
        raise NotConvertible(
            f"the graph's inputs are {', '.join(each.name for each in inputs)}, the columns of X "
            f"{', '.join(self.names)}: give X the columns that the model takes"
        )

    def named_as(self, inputs: Sequence[GraphTensor]) -> "TableRows":  # noqa: ARG002 - of tensors only
        """The rows as they are: columns have names of their own."""
        return self

    def matrix(self, dtype: np.dtype[np.generic]) -> Array:
        """All columns side by side, as numbers."""
        return np.column_stack([_numbers(self.frame[name], dtype) for name in self.names])

    def at(self, positions: Sequence[int]) -> "TableRows":
        """Some of the rows."""
        if len(positions) == len(self) and isinstance(positions, range):
            return self
        return TableRows(self.frame.iloc[list(positions)], self.columns)

    def shown(self, position: int) -> str:
        """One row, for a message."""
        row = self.frame.iloc[position]
        values = [f"{name}={_plain(row[name])!r}" for name in self.names[:_SHOWN_COLUMNS]]
        return ", ".join(values) + (", ..." if len(self.names) > _SHOWN_COLUMNS else "")

    def schema(self) -> Schema:
        """MLflow's description of the columns; one with missing numbers may be left out of a request."""
        return Schema(
            [ColSpec(DataType[column.mlflow_type], column.name, required=not column.missing) for column in self.columns]
        )

    def example(self) -> pd.DataFrame:
        """A few rows without missing values: what a pod must answer before it is ready."""
        complete = self.frame.dropna()
        return _plain_types(complete if len(complete) else self.frame, self.columns).head(_EXAMPLE_ROWS)

    def sample(self, positions: Sequence[int]) -> pd.DataFrame:
        """Some of the rows as the drift monitor compares them with live ones."""
        return _plain_types(self.frame.iloc[list(positions)], self.columns).reset_index(drop=True)

    def _values(self, tensor: GraphTensor) -> Array:
        values = self.frame[tensor.name]
        if tensor.dtype.kind == "O":
            return values.astype(object).to_numpy(dtype=object)
        return _numbers(values, tensor.dtype)


@dataclass(frozen=True)
class TensorRows:
    """Tensors whose first dimension are the rows."""

    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def feeds(self, inputs: Sequence[GraphTensor]) -> dict[str, Array]:
        """Fill the graph's inputs: by name, or in their order. Raises NotConvertible where their number differs."""
        if len(inputs) != len(self.arrays):
            raise NotConvertible(f"the graph has {len(inputs)} inputs, X has {len(self.arrays)} tensors")
        named = self.named_as(inputs).arrays
        return {each.name: named[each.name].astype(each.dtype) for each in inputs}

    def named_as(self, inputs: Sequence[GraphTensor]) -> "TensorRows":
        """The tensors by the names of the graph's inputs, which requests and the signature go by; as many are given."""
        if {each.name for each in inputs} == set(self.arrays):
            return self
        return TensorRows({each.name: array for each, array in zip(inputs, self.arrays.values(), strict=True)})

    def at(self, positions: Sequence[int]) -> "TensorRows":
        """Some of the rows."""
        return TensorRows({name: array[list(positions)] for name, array in self.arrays.items()})

    def shown(self, position: int) -> str:
        """One row, for a message."""
        return ", ".join(f"{name}={_shortened(array[position])}" for name, array in self.arrays.items())

    def schema(self) -> Schema:
        """MLflow's description of the tensors."""
        return Schema([TensorSpec(array.dtype, (-1, *array.shape[1:]), name) for name, array in self.arrays.items()])

    def example(self) -> Array | dict[str, Array]:
        """A few rows: what a pod must answer before it is ready."""
        few = {name: array[:_EXAMPLE_ROWS] for name, array in self.arrays.items()}
        return next(iter(few.values())) if len(few) == 1 else few

    def sample(self, positions: Sequence[int]) -> pd.DataFrame:
        """The columns of tensors of rank 1 and 2, under the names that records of a model without a signature have."""
        columns: dict[str, Array] = {}
        for name, array in self.arrays.items():
            rows = array[list(positions)]
            if rows.ndim == 1 or (rows.ndim == _MATRIX_RANK and rows.shape[1] == 1):
                columns[name] = rows.reshape(-1)
            elif rows.ndim == _MATRIX_RANK:
                columns |= {f"{name}[{index}]": rows[:, index] for index in range(rows.shape[1])}
        return pd.DataFrame(columns)


Rows = TableRows | TensorRows


def rows_of(X: object) -> Rows:  # noqa: N803 - scikit-learn's word
    """Read what the caller gave as rows: a DataFrame, an array, or tensors by name.

    Raises RowsRefused for anything else, for no rows, and for values that no request could carry.
    """
    if isinstance(X, pd.DataFrame):
        rows: Rows = TableRows(X, columns_of(X))
    elif isinstance(X, Mapping):
        rows = TensorRows({str(name): _array(str(name), value) for name, value in X.items()})
    else:
        rows = TensorRows({MATRIX: _array(MATRIX, X)})
    if not rows_given(rows):
        raise RowsRefused("X has no rows: give rows that the model was trained on or tested with, hundreds or more")
    return rows


def rows_given(rows: Rows) -> int:
    """How many rows; 0 too where there are no tensors at all."""
    return len(rows) if isinstance(rows, TableRows) or rows.arrays else 0


def _array(name: str, value: object) -> Array:
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu().numpy()
    if hasattr(value, "toarray"):
        raise RowsRefused(f"{name} is a sparse matrix, which a request cannot carry: give X.toarray(), or a DataFrame")
    if isinstance(value, pd.Series):
        raise RowsRefused(f"{name} is one column without rows of features: give a DataFrame, X[[{value.name!r}]]")
    array = np.asarray(value)
    if array.ndim == 0 or array.dtype.kind not in "biufOU":
        raise RowsRefused(
            f"{name} is a {type(value).__name__}, which is neither a table nor tensors: give a pandas DataFrame, or "
            "numpy arrays"
        )
    if array.dtype.kind == "O":
        raise RowsRefused(f"{name} holds objects, not numbers: give a DataFrame, which names each column and its kind")
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise RowsRefused(f"{name} has infinite values, and a request cannot carry those: give finite ones, or NaN")
    return array


def _numbers(values: pd.Series, dtype: np.dtype[np.generic]) -> Array:
    if values.isna().any():
        return values.to_numpy(dtype=np.float64, na_value=np.nan).astype(dtype)
    return values.to_numpy().astype(dtype)


def _plain_types(frame: pd.DataFrame, columns: Sequence[RowColumn]) -> pd.DataFrame:
    """Without pandas' own types, which neither MLflow's JSON nor Parquet's readers need to know."""
    plain = frame[[column.name for column in columns]].copy()
    for column in columns:
        plain[column.name] = plain[column.name].astype(np.dtype(_DTYPES[column.mlflow_type]))
    return plain


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _shortened(array: Array) -> str:
    values = np.asarray(array).ravel()
    shown = ", ".join(str(_plain(each)) for each in values[:_SHOWN_COLUMNS])
    return f"[{shown}{', ...' if len(values) > _SHOWN_COLUMNS else ''}]"
