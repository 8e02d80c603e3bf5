"""What a model of any framework can do here."""

from typing import Any, Protocol

import onnx

from penstock.graph import Array
from penstock.parity import ParityResult
from penstock.rows import Rows


class Convertible(Protocol):
    """A trained model of one framework."""

    @property
    def kind(self) -> str:
        """The model's class, for messages."""
        ...

    @property
    def ways(self) -> tuple[str, ...]:
        """How it may be converted: each is tried in this order, until one gives a graph that answers alike."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that whoever loads the model in its own form needs, as pip names them."""
        ...

    def answers(self, rows: Rows) -> dict[str, Array] | None:
        """The model's own answers, by the names that the graph's outputs are to have, in their order.

        None: the model is a graph already, and has no other form. Raises RowsRefused where it cannot answer these rows.
        """
        ...

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:
        """Write the graph with these outputs. Raises NotConvertible or ExtraMissing."""
        ...

    def save(self, folder: str, **options: Any) -> None:
        """Save the model in its own form, as its MLflow flavor does; `options` are those that all flavors have."""
        ...

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:
        """What to change where the graph answers otherwise; None: where there is none. Sentences."""
        ...
