"""An operator as a rule sees it: what is known of its tensors before anything is computed."""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from penstock_predictor.model.rows.onnx_file import Node

ROWS = "rows of the run"
"""The symbol of the first dimension of every input."""


class Mixes(Exception):
    """It is not shown that a row keeps to itself here. The message says where and why."""


@dataclass(frozen=True)
class SymbolicSize:
    """A whole number, perhaps times some that are known by a name only: 3, rows, 4 * rows * frames."""

    factor: int
    symbols: tuple[str, ...] = ()
    """Sorted."""

    @property
    def has_rows(self) -> bool:
        """Whether it grows with the number of rows in the run."""
        return ROWS in self.symbols

    @property
    def number(self) -> int | None:
        """Where it is known."""
        return None if self.symbols else self.factor

    def times(self, other: "SymbolicSize") -> "SymbolicSize":
        """The product."""
        return SymbolicSize(self.factor * other.factor, tuple(sorted(self.symbols + other.symbols)))

    def over(self, other: "SymbolicSize") -> "SymbolicSize | None":
        """The quotient, where it is whole for all values of the symbols."""
        left = list(self.symbols)
        for symbol in other.symbols:
            if symbol not in left:
                return None
            left.remove(symbol)
        if other.factor == 0 or self.factor % other.factor:
            return None
        return SymbolicSize(self.factor // other.factor, tuple(left))


ONE = SymbolicSize(1)
ROW_COUNT = SymbolicSize(1, (ROWS,))
Shape = tuple[SymbolicSize, ...]


def product(sizes: Iterable[SymbolicSize]) -> SymbolicSize:
    """Of all of them."""
    return functools.reduce(SymbolicSize.times, sizes, ONE)


@dataclass(frozen=True)
class Value:
    """A tensor. Without an axis of rows it is the same in every run whose tensors differ in their number of rows only.

    Its content may then still be that number, as the operator Shape gives it: `sizes` says so.
    """

    shape: Shape | None
    """None: not known, of a tensor that has no rows."""
    sizes: tuple[SymbolicSize, ...] | None = None
    """The elements, of whole numbers that are known."""
    padded: str | None = None
    """The word that fills up its last axis, whose length depends on all rows; None of every other tensor."""

    @property
    def axis(self) -> int | None:
        """Which one carries the rows."""
        return next((at for at, size in enumerate(self.shape or ()) if size.has_rows), None)

    @property
    def counts_rows(self) -> bool:
        """Whether an element of it is a number of rows."""
        return any(size.has_rows for size in self.sizes or ())


def rank_of(value: Value) -> int:
    """Raises Mixes where it is not known."""
    return len(shape_of(value))


def shape_of(value: Value) -> Shape:
    """Raises Mixes where it is not known."""
    if value.shape is None:
        raise Mixes("works on a tensor of unknown rank")
    return value.shape


def of_shape(shape: Sequence[SymbolicSize], *, padded: str | None = None) -> Value:
    """A tensor of that shape. Raises Mixes where rows stand in two axes of it."""
    if sum(size.has_rows for size in shape) > 1:
        raise Mixes("sets rows against rows")
    return Value(tuple(shape), padded=padded)


def constant(value: Value | None, what: str) -> None:
    """Raise Mixes unless it is absent, or the same for all rows."""
    if value is not None and (value.axis is not None or value.counts_rows):
        raise Mixes(f"takes its {what} from the rows")


def numbers_of(value: Value, what: str) -> tuple[int, ...]:
    """The elements of a constant of whole numbers. Raises Mixes where they are not known."""
    if value.sizes is None or any(size.number is None for size in value.sizes):
        raise Mixes(f"has {what} that are not known before a run")
    return tuple(size.factor for size in value.sizes)


def broadcast(values: Sequence[Value]) -> Shape:
    """The common shape, as numpy has it. Raises Mixes where a row would meet what is not its own."""
    shapes = [shape_of(value) for value in values]
    rank = max(len(shape) for shape in shapes)
    aligned = [(ONE,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(_common(sizes) for sizes in zip(*aligned, strict=True))


def _common(sizes: Sequence[SymbolicSize]) -> SymbolicSize:
    wide = [size for size in sizes if size != ONE]
    if not wide:
        return ONE
    if all(size == wide[0] for size in wide):
        return wide[0]
    if any(size.has_rows for size in wide):
        raise Mixes("sets rows against something that is no row of the same call")
    return next((size for size in wide if size.number is not None), wide[0])


def check_kept(before: Shape, after: Shape) -> None:
    """Raise Mixes unless a new shape for the same elements leaves each row's together, in the order of the rows."""
    kept = []
    for shape in (before, after):
        at = next((at for at, size in enumerate(shape) if size.has_rows), None)
        if at is None:
            raise Mixes("loses the rows in a new shape")
        kept.append([size for size in shape[:at] if size != ONE])
    if kept[0] != kept[1]:
        raise Mixes("puts elements of several rows together in a new shape")


_serial = itertools.count()


@dataclass(frozen=True)
class Operation:
    """An operator with what is known of its inputs."""

    node: Node
    opset: int
    """Version of the operator's set."""
    inputs: Sequence[Value | None] = field(default=())
    """None: an optional one that is left out."""

    def input_at(self, at: int) -> Value:
        """A required input. Raises Mixes where it is missing."""
        value = self.optional_input_at(at)
        if value is None:
            raise Mixes("lacks an input")
        return value

    def optional_input_at(self, at: int) -> Value | None:
        """An input, or None."""
        return self.inputs[at] if at < len(self.inputs) else None

    def all_inputs(self) -> list[Value]:
        """Every input."""
        return [self.input_at(at) for at in range(len(self.inputs))]

    def axes(self, at: int, rank: int, name: str = "axes") -> tuple[int, ...] | None:
        """Axes from 0 to `rank` - 1, by attribute or by input, as the operator's version has it; None: not given."""
        axes = self.node.attributes.integers(name)
        if axes is None and (value := self.optional_input_at(at)) is not None:
            axes = numbers_of(value, name)
        return None if axes is None else tuple(from_start(axis, rank) for axis in axes)

    def axis(self, default: int, *, of: int = 0, name: str = "axis") -> int:
        """The attribute, counted from the first axis of an input."""
        return from_start(self.node.attributes.integer(name, default), rank_of(self.input_at(of)))


Rule = Callable[[Operation], Sequence[Value]]
"""The outputs that the operator has, where it is shown that each row keeps to itself; else it raises Mixes."""


def from_start(axis: int, rank: int) -> int:
    """Count an axis from the first. Raises Mixes for one that is not there."""
    if not -rank <= axis < rank:
        raise Mixes(f"names axis {axis} of a tensor of {rank}")
    return axis % rank


def unknown_size() -> SymbolicSize:
    """A size that depends on fixed shapes only, and is known by nothing but this."""
    return SymbolicSize(1, (f"size {next(_serial)}",))
