"""Which columns a model's tensors have, how they are cut into blocks, and what stands for a value that is not sent."""

import hashlib
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_contracts.records import RecordBlock
from penstock_predictor.errors import StartError
from penstock_predictor.model.columns import ColumnPlan, SeparateColumns, StackedColumns, input_of
from penstock_predictor.model.inference import ServedModel
from penstock_predictor.tensors.arrays import BY_NUMPY, Array

DIGITS: Final = 16
"""64 bits: among a million values two with the same digits are less likely than 1 in 10 million."""
WIDEST: Final = 512
"""A tensor with more values a row is no table of columns."""
_TEXT: Final = "BYTES"
_SHORT_FLOAT: Final = "FP16"
_MOST_SHOWN: Final = 50
"""Columns that a refusal names."""

_LITTLE: Final = sys.byteorder == "little"

_Open = re.compile(r"(.*)\[\d+\]").fullmatch


class UnknownColumn(StartError):
    """A column that records are to leave out or to hash, and that the model does not have.

    Write a name of the model's signature in spec.predictor.logger; the message has them.
    """


@dataclass(frozen=True)
class Cut:
    """How one block is made of a tensor."""

    tensor: str
    block: RecordBlock
    places: tuple[int, ...] | None
    """Of its columns in the tensor; None: all, in their order."""
    hashed: bool

    @property
    def whole(self) -> bool:
        """It has all of the tensor's columns, as they were."""
        return self.places is None and not self.hashed

    def of(self, array: Array) -> bytes | list[str]:
        """The block of a tensor with rows first: numbers row by row, little-endian; texts as they are."""
        table: np.ndarray[Any, Any] = array
        if self.places is not None:
            table = array.reshape(len(array), -1)[:, list(self.places)]
        if self.hashed:
            return [pseudonym(value) for value in table.ravel().tolist()]
        if table.dtype.hasobject:
            return [str(value) for value in table.ravel().tolist()]
        if table.dtype == np.float16:
            table = table.astype(np.float32)
        return table.tobytes() if _LITTLE else table.astype(table.dtype.newbyteorder("<")).tobytes()


class Columns:
    """Of one model: names by tensor, and what is told of which column."""

    def __init__(
        self,
        model: ServedModel,
        *,
        exclude: Collection[str] = (),
        hashed: Collection[str] = (),
        keys: Collection[str] = (),
    ) -> None:
        """`exclude`: columns that are never sent, `hashed`: those of which pseudonyms are; both of inputs and outputs.
        `keys`: by which columns are looked up, and which may be named there too.

        Raises UnknownColumn.
        """
        self._named = named_inputs(model.columns)
        self._exclude = frozenset(exclude)
        self._hashed = frozenset(hashed)
        known, wide = self._known_columns(model)
        known |= set(keys)
        for what, names in (("exclude", exclude), ("hash", hashed)):
            _check(what, names, known, wide)

    def cuts(self, tensor: str, array: Array, rows: int) -> Iterator[Cut]:
        """Blocks of a tensor with so many rows; none where it has no columns, or all of them are left out."""
        names = self._names(tensor, array, rows)
        if names is None:
            return
        datatype = BY_NUMPY[array.dtype].v2
        kept = [place for place, name in enumerate(names) if name not in self._exclude]
        for hashed in (False, True):
            places = tuple(place for place in kept if (names[place] in self._hashed) is hashed)
            if places:
                of = _TEXT if hashed else "FP32" if datatype == _SHORT_FLOAT else datatype
                block = RecordBlock(tuple(names[place] for place in places), of)
                yield Cut(tensor, block, None if len(places) == len(names) else places, hashed)

    def _names(self, tensor: str, array: Array, rows: int) -> tuple[str, ...] | None:
        if array.ndim == 0 or len(array) != rows:
            return None
        names = self._named.get(tensor)
        if names is not None and array.size == rows * len(names):
            return names
        return column_names(tensor, array.shape[1:])

    def _known_columns(self, model: ServedModel) -> tuple[set[str], set[str]]:
        """Names of columns, and of tensors whose width, and so the number of their columns, requests say."""
        known = {name for names in self._named.values() for name in names}
        if isinstance(model.columns, StackedColumns | SeparateColumns):  # the graph need not use them all
            known |= {column.name for column in model.columns.features.columns}
        wide: set[str] = set()
        for spec in (*model.inputs, *model.outputs):
            if spec.name in self._named:
                continue
            known.update(_stated_names(spec))
            if not spec.shape or -1 in spec.shape[1:]:
                wide.add(spec.name)
        return known, wide


def named_inputs(plan: ColumnPlan) -> Mapping[str, tuple[str, ...]]:
    """Columns of the signature by the input that holds them."""
    if isinstance(plan, StackedColumns):
        return {plan.tensor.name: tuple(column.name for column in plan.features.columns)}
    if isinstance(plan, SeparateColumns):
        return {
            input_of(column): (column.name,) for column in plan.features.columns if input_of(column) in plan.tensors
        }
    return {}


def column_names(tensor: str, row: Sequence[int]) -> tuple[str, ...] | None:
    """Names of columns that nobody named, by the shape of a tensor's row; None: it is no table of columns."""
    if tuple(row) in ((), (1,)):
        return (tensor,)
    if len(row) == 1 and 0 < row[0] <= WIDEST:
        return tuple(f"{tensor}[{place}]" for place in range(row[0]))
    return None


def _stated_names(spec: TensorSpec) -> Iterable[str]:
    if not spec.shape or spec.shape[1:] == (-1,):
        return (spec.name,)  # it may turn out to be one column
    return column_names(spec.name, spec.shape[1:]) or ()


def _check(what: str, names: Iterable[str], known: set[str], wide: set[str]) -> None:
    for name in names:
        of_wide = _Open(name)
        if name not in known and not (of_wide and of_wide[1] in wide):
            there = sorted(known)
            more = f" and {len(there) - _MOST_SHOWN} more" if len(there) > _MOST_SHOWN else ""
            raise UnknownColumn(
                f"records.{what} (PENSTOCK_RECORDS_{what.upper()}): the model has no column {name!r}: "
                f"it has {there[:_MOST_SHOWN]}{more}"
            )


def pseudonym(value: Any) -> str:
    """What stands for a number or text that shall not leave the process: the first digits of its sha256, without a key.

    Whoever holds the reference sample finds the same digits for the same value, so that drift of such a column can be
    seen. It is no secret: who knows which values there may be can try them all, so a column whose values must not be
    guessed is to be excluded. What is missing (NaN, the empty text) stays the empty text: it still counts as missing.
    """
    text = as_text(value)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS] if text else ""


def as_text(value: Any) -> str:
    """The value as text: a number as Python writes it (FP32 widened to FP64), `true` or `false`, NaN as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value != value else str(value)  # noqa: PLR0124 - NaN alone is not itself
