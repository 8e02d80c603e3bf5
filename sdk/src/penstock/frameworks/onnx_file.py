"""A graph that is ONNX already: a file of it, or what onnx.load gives."""

from importlib import import_module
from typing import Any

import onnx

from penstock.graph import Array
from penstock.parity import ParityResult
from penstock.rows import Rows


class OnnxModel:
    """A graph."""

    kind = "ONNX model"
    ways = ("as it is",)
    packages = ("onnx", "onnxruntime", "numpy")

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model

    def answers(self, rows: Rows) -> dict[str, Array] | None:  # noqa: ARG002 - has none of its own
        """See Convertible."""
        return None

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:  # noqa: ARG002 - nothing to do
        """See Convertible."""
        return self._model

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible."""
        flavor: Any = import_module("mlflow.onnx")
        flavor.save_model(
            self._model,
            path=folder,
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,
            **options,
        )

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:  # noqa: ARG002 - never asked
        """See Convertible."""
        return ""
