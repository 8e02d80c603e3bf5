"""Named features to tensors, by the model's MLflow signature: what `POST /predict` needs.

MLflow's ONNX models come in two shapes, and the plan for one is made once, at load:
- one graph input for each column, of shape [-1, 1] or [-1] (scikit-learn pipelines over mixed types);
- one 2-D graph input that holds all columns, stacked in the signature's order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from penstock_contracts.model_card import Column, TensorSpec
from penstock_predictor.errors import DoesNotFit
from penstock_predictor.tensors.arrays import BY_V2, Array, Datatype
from penstock_predictor.tensors.elements import (
    BOOL,
    INT,
    NUMBER,
    STRING,
    JsonTypes,
    Where,
    check_types,
    convert,
    json_types,
)

Row = Mapping[str, Any] | Sequence[Any]
"""Values by column, or in the columns' order."""

_JSON_TYPES: dict[str, JsonTypes] = {
    "boolean": BOOL,
    "integer": INT,
    "long": INT,
    "float": NUMBER,
    "double": NUMBER,
    "string": STRING,
}
_TENSOR_KINDS = {"boolean": "biuf", "integer": "iuf", "long": "iuf", "float": "f", "double": "f", "string": "O"}
"""numpy kinds that a column may become: never one that would lose what the column says."""


@dataclass(frozen=True)
class _Features:
    """The signature's columns and what rows must look like."""

    columns: tuple[Column, ...]

    def rows(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows with every column, absent optional ones as null. Raises DoesNotFit naming row and column."""
        instances = [self._name_values(position, row) for position, row in enumerate(rows)]
        names = {column.name for column in self.columns}
        optional = {column.name: None for column in self.columns if self._may_be_absent(column)}
        required = names - optional.keys()
        for position, instance in enumerate(instances):
            if instance.keys() != names:
                _check_row(position, instance, names, required)
        return [{**optional, **instance} for instance in instances]

    def _name_values(self, position: int, row: Row) -> Mapping[str, Any]:
        if isinstance(row, Mapping):
            return row
        names = [column.name for column in self.columns]
        if len(row) != len(names):
            raise DoesNotFit(f"row {position}: expected {len(names)} values, for the columns {names}, got {len(row)}")
        return dict(zip(names, row, strict=True))

    @staticmethod
    def _may_be_absent(column: Column) -> bool:
        # ONNX has no missing string, integer or boolean: only a float can be NaN.
        return not column.required and _JSON_TYPES.get(column.type) is NUMBER


def _check_row(position: int, instance: Mapping[str, Any], names: set[str], required: set[str]) -> None:
    unknown = sorted(instance.keys() - names)
    missing = sorted(required - instance.keys())
    if missing:
        raise DoesNotFit(f"row {position}: column {missing[0]!r} is missing")
    if unknown:
        raise DoesNotFit(f"row {position}: unknown column {unknown[0]!r}: this model takes {sorted(names)}")


def _where_in(column: Column) -> Where:
    return lambda row: f"row {row}, column {column.name!r}"


def _check_column(column: Column, values: Sequence[Any]) -> None:
    if column.type in _JSON_TYPES:  # others are of columns that the graph does not use: a date says what it likes
        check_types(values, _JSON_TYPES[column.type], _where_in(column))


@dataclass(frozen=True)
class StackedColumns:
    """All columns in one 2-D input, in the signature's order."""

    features: _Features
    tensor: TensorSpec

    def feeds(self, rows: Sequence[Row]) -> dict[str, Array]:
        """One tensor of shape [rows, columns]. Raises DoesNotFit naming row and column."""
        names = [column.name for column in self.features.columns]
        values = list(chain.from_iterable([row[name] for name in names] for row in self.features.rows(rows)))

        def where(position: int) -> str:
            row, column = divmod(position, len(names))
            return f"row {row}, column {names[column]!r}"

        self._check(values, where)
        flat = convert(values, BY_V2[self.tensor.datatype], where)
        return {self.tensor.name: flat.reshape(len(rows), len(names))}

    def _check(self, values: list[Any], where: Where) -> None:
        """All at once where every column allows the same types, as nearly all models do."""
        columns = self.features.columns
        kinds = {_JSON_TYPES[column.type] for column in columns}
        if len(kinds) == 1:
            check_types(values, kinds.pop(), where)
            return
        for column in columns:
            _check_column(column, values[columns.index(column) :: len(columns)])


@dataclass(frozen=True)
class SeparateColumns:
    """One graph input for each column. A column that the graph does not use is checked and dropped."""

    features: _Features
    tensors: Mapping[str, TensorSpec]

    def feeds(self, rows: Sequence[Row]) -> dict[str, Array]:
        """One tensor a column. Raises DoesNotFit naming row and column."""
        named = self.features.rows(rows)
        feeds: dict[str, Array] = {}
        for column in self.features.columns:
            array = self._column(column, named)
            if array is not None:
                feeds[input_of(column)] = array
        return feeds

    def _column(self, column: Column, rows: list[dict[str, Any]]) -> Array | None:
        values = [row[column.name] for row in rows]
        _check_column(column, values)
        tensor = self.tensors.get(input_of(column))
        if tensor is None:
            return None
        array = convert(values, BY_V2[tensor.datatype], _where_in(column))
        return array.reshape((len(rows), 1)[: len(tensor.shape)])


@dataclass(frozen=True)
class UnnamedColumns:
    """One 2-D input and no signature: rows are lists, as wide as the graph says."""

    tensor: TensorSpec

    def feeds(self, rows: Sequence[Row]) -> dict[str, Array]:
        """One tensor of shape [rows, values]. Raises DoesNotFit naming row and value."""
        width = self._width(rows)
        for position, row in enumerate(rows):
            if isinstance(row, Mapping):
                raise DoesNotFit(
                    f"row {position}: this model has no signature with named columns: send a list of values"
                )
            if len(row) != width:
                raise DoesNotFit(f"row {position}: expected {width} values, got {len(row)}")
        datatype = BY_V2[self.tensor.datatype]
        values = list(chain.from_iterable(rows))

        def where(position: int) -> str:
            return f"row {position // width}, value {position % width}"

        check_types(values, json_types(datatype), where)
        return {self.tensor.name: convert(values, datatype, where).reshape(len(rows), width)}

    def _width(self, rows: Sequence[Row]) -> int:
        fixed = self.tensor.shape[1]
        return fixed if fixed != -1 or not rows else len(rows[0])


@dataclass(frozen=True)
class NoColumns:
    """This model is served by V2 alone."""

    reason: str

    def feeds(self, _: Sequence[Row]) -> dict[str, Array]:
        """Raise DoesNotFit: there is no way from named features to this model's tensors."""
        raise DoesNotFit(f"/predict is not possible for this model: {self.reason}: use POST /v2/models/<name>/infer")


ColumnPlan = StackedColumns | SeparateColumns | UnnamedColumns | NoColumns


def input_of(column: Column) -> str:
    """The graph's input that a column goes to."""
    return column.input or column.name


def plan_columns(columns: Sequence[Column] | None, inputs: Sequence[TensorSpec]) -> ColumnPlan:
    """Decide how a signature's columns become the graph's inputs."""
    if not columns:
        if len(inputs) == 1 and len(inputs[0].shape) == 2:  # noqa: PLR2004 - rows and values
            return UnnamedColumns(inputs[0])
        return NoColumns("it has no signature with named columns")
    names = {tensor.name for tensor in inputs}
    separate = names <= {input_of(column) for column in columns}
    used = [column for column in columns if not separate or input_of(column) in names]
    odd = next((column for column in used if column.type not in _JSON_TYPES), None)
    if odd is not None:
        return NoColumns(f"column {odd.name!r} has the type {odd.type!r}, which JSON cannot carry")
    features = _Features(tuple(columns))
    if len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].shape[1] in (-1, len(columns)):  # noqa: PLR2004
        lossy = [column for column in columns if not _can_become(column, inputs[0])]
        return _lossy(lossy[0], inputs[0]) if lossy else StackedColumns(features, inputs[0])
    return _plan_separate(features, inputs)


def _plan_separate(features: _Features, inputs: Sequence[TensorSpec]) -> ColumnPlan:
    by_name = {input_of(column): column for column in features.columns}
    for tensor in inputs:
        column = by_name.get(tensor.name)
        if column is None:
            return NoColumns(f"its input {tensor.name!r} is none of the signature's columns")
        if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ((), (1,), (-1,)):
            return NoColumns(f"its input {tensor.name!r} of shape {list(tensor.shape)} is not one column")
        if not _can_become(column, tensor):
            return _lossy(column, tensor)
    return SeparateColumns(features, {tensor.name: tensor for tensor in inputs})


def _can_become(column: Column, tensor: TensorSpec) -> bool:
    datatype: Datatype = BY_V2[tensor.datatype]
    return datatype.numpy.kind in _TENSOR_KINDS[column.type]


def _lossy(column: Column, tensor: TensorSpec) -> NoColumns:
    return NoColumns(
        f"column {column.name!r} ({column.type}) does not fit its input {tensor.name!r} ({tensor.datatype})"
    )
