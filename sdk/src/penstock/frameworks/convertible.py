"""What a model of any framework can do here."""

from enum import StrEnum
from typing import Any, Protocol

import onnx

from penstock.graph import Array
from penstock.rows import Rows


class Precision(StrEnum):
    """In which numbers a graph computes."""

    SINGLE = "float32"
    DOUBLE = "float64"


class Convertible(Protocol):
    """A trained model of one framework."""

    @property
    def kind(self) -> str:
        """The model's class, for messages."""
        ...

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What to try, in this order."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that whoever loads the model in its own form needs, as pip names them."""
        ...

    def answers(self, rows: Rows) -> dict[str, Array]:
        """The model's own answers, by the names that the graph's outputs are to have, in their order.

        Raises RowsRefused where it cannot answer these rows.
        """
        ...

    def convert(self, rows: Rows, precision: Precision, outputs: tuple[str, ...]) -> onnx.ModelProto:
        """Write the graph with these outputs. Raises NotConvertible or ExtraMissing."""
        ...

    def save(self, folder: str, **options: Any) -> None:
        """Save the model in its own form, as its MLflow flavor does; `options` are those that all flavors have."""
        ...
