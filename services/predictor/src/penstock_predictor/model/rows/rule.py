"""What a rule is told of one operator."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock_predictor.model.rows.onnx_file import Node
from penstock_predictor.model.rows.values import Mixes, Size, Value, numbers_of, rank_of

_serial = itertools.count()


@dataclass(frozen=True)
class Operation:
    """An operator with what is known of its inputs."""

    node: Node
    opset: int
    """Version of the operator's set."""
    inputs: Sequence[Value | None] = field(default=())
    """None: an optional one that is left out."""

    def given(self, at: int) -> Value:
        """A required input. Raises Mixes where it is missing."""
        value = self.optional(at)
        if value is None:
            raise Mixes("lacks an input")
        return value

    def optional(self, at: int) -> Value | None:
        """An input, or None."""
        return self.inputs[at] if at < len(self.inputs) else None

    def all_given(self) -> list[Value]:
        """Every input."""
        return [self.given(at) for at in range(len(self.inputs))]

    def axes(self, at: int, rank: int, name: str = "axes") -> tuple[int, ...] | None:
        """Axes from 0 to `rank` - 1, by attribute or by input, as the operator's version has it; None: not given."""
        axes = self.node.attributes.integers(name)
        if axes is None and (value := self.optional(at)) is not None:
            axes = numbers_of(value, name)
        return None if axes is None else tuple(from_start(axis, rank) for axis in axes)

    def axis(self, default: int, *, of: int = 0, name: str = "axis") -> int:
        """The attribute, counted from the first axis of an input."""
        return from_start(self.node.attributes.integer(name, default), rank_of(self.given(of)))


Rule = Callable[[Operation], Sequence[Value]]
"""The outputs that the operator has, where it is shown that each row keeps to itself; else it raises Mixes."""


def from_start(axis: int, rank: int) -> int:
    """Count an axis from the first. Raises Mixes for one that is not there."""
    if not -rank <= axis < rank:
        raise Mixes(f"names axis {axis} of a tensor of {rank}")
    return axis % rank


def unknown_size() -> Size:
    """A size that depends on fixed shapes only, and is known by nothing but this."""
    return Size(1, (f"size {next(_serial)}",))
