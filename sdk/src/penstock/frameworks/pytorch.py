"""Modules of PyTorch, by torch.onnx."""

import copy
import inspect
import io
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx

from penstock.errors import NotConvertible, RowsRefused
from penstock.graph import Array, one_line
from penstock.parity import PREDICTION, ParityResult
from penstock.rows import MATRIX, Rows, TableRows

_EXPORTED, _TRACED = "torch.export", "torch.jit.trace"
"""The exporter of today, which needs onnxscript, and the one before it."""
_ROWS_AT_ONCE = 1024
_TWO = 2


class PyTorchModel:
    """A `torch.nn.Module`. It is copied to the processor, and asked without dropout and other ways of training."""

    packages = ("torch", "numpy", "pandas")

    def __init__(self, module: Any) -> None:
        self._torch: Any = import_module("torch")  # whoever has a module has it
        self._module = copy.deepcopy(module).cpu().eval()
        self.kind = type(module).__name__

    @property
    def ways(self) -> tuple[str, ...]:
        """See Convertible."""
        today = (
            find_spec("onnxscript") is not None and "dynamo" in inspect.signature(self._torch.onnx.export).parameters
        )
        is_script = isinstance(self._module, self._torch.jit.ScriptModule)
        return (_EXPORTED, _TRACED) if today and not is_script else (_TRACED,)

    def answers(self, rows: Rows) -> dict[str, Array]:
        """See Convertible."""
        parts = [self._answers(rows.at(range(at, min(at + _ROWS_AT_ONCE, len(rows))))) for at in _starts(len(rows))]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _answers(self, rows: Rows) -> dict[str, Array]:
        try:
            with self._torch.no_grad():
                answer = self._module(**self._arguments(rows))
        except Exception as error:  # whatever the user's own code raises
            raise RowsRefused(
                f"{self.kind}.forward itself cannot answer X: {one_line(error)}. X must be a DataFrame of numbers, one "
                "array, or a dict with an array for each of forward's parameters, in the types that it takes"
            ) from error
        return {name: self._array(value) for name, value in self._outputs(answer).items()}

    def _arguments(self, rows: Rows) -> dict[str, Any]:
        """Tensors by the names of forward's parameters."""
        arrays: Mapping[str, Array] = (
            {MATRIX: rows.matrix(np.dtype(np.float32))} if isinstance(rows, TableRows) else rows.arrays
        )
        names = self._parameters()
        if len(arrays) == 1 and names and not set(arrays) <= set(names):
            arrays = {names[0]: next(iter(arrays.values()))}
        return {name: self._tensor(array) for name, array in arrays.items()}

    def _parameters(self) -> list[str]:
        """Names of what forward takes."""
        try:
            return list(inspect.signature(self._module.forward).parameters)
        except ValueError:  # a script says it in its own way; the first is the module itself
            return [each.name for each in self._module.forward.schema.arguments[1:]]

    def _tensor(self, array: Array) -> Any:
        plain = array.astype(np.float32) if array.dtype == np.float64 and self._is_single else array
        return self._torch.tensor(plain)

    @property
    def _is_single(self) -> bool:
        return all(each.dtype != self._torch.float64 for each in self._module.parameters())

    def _outputs(self, answer: Any) -> dict[str, Any]:
        if isinstance(answer, self._torch.Tensor):
            return {PREDICTION: answer}
        if isinstance(answer, Mapping):
            return {str(name): value for name, value in answer.items()}
        return {f"output_{number}": value for number, value in enumerate(answer)}

    @staticmethod
    def _array(value: Any) -> Array:
        plain = value.detach()
        return np.asarray(plain.double().numpy() if plain.is_floating_point() else plain.numpy())

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:
        """See Convertible."""
        few = rows.at([0, 1] if len(rows) > 1 else [0, 0])  # of a single row exporters make a fixed number
        arguments = self._arguments(few)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                write = self._exported if way == _EXPORTED else self._traced
                return write(arguments, outputs)
        except Exception as error:  # exporters have no base for what they raise
            raise NotConvertible(f"torch.onnx cannot write {self.kind} (by {way}): {one_line(error)}") from error

    def _exported(self, arguments: dict[str, Any], outputs: tuple[str, ...]) -> onnx.ModelProto:
        rows = self._torch.export.Dim("rows")
        program = self._torch.onnx.export(
            self._module,
            kwargs=arguments,
            dynamo=True,
            input_names=list(arguments),
            output_names=list(outputs),
            dynamic_shapes={name: {0: rows} for name in arguments},
            external_data=False,
            verbose=False,
        )
        model: onnx.ModelProto = program.model_proto
        return model

    def _traced(self, arguments: dict[str, Any], outputs: tuple[str, ...]) -> onnx.ModelProto:
        file = io.BytesIO()
        older = {"dynamo": False} if "dynamo" in inspect.signature(self._torch.onnx.export).parameters else {}
        self._torch.onnx.export(
            self._module,
            tuple(arguments.values()),
            file,
            input_names=list(arguments),
            output_names=list(outputs),
            dynamic_axes={name: {0: "rows"} for name in (*arguments, *outputs)},
            **older,
        )
        return onnx.load_from_string(file.getvalue())

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible."""
        flavor: Any = import_module("mlflow.pytorch")
        if "serialization_format" in inspect.signature(flavor.save_model).parameters:
            options["serialization_format"] = "pickle"
        flavor.save_model(self._module, path=folder, **options)

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:  # noqa: ARG002 - the same for all
        """See Convertible."""
        return _DIFFERING if parity else _UNWRITTEN


_DIFFERING = (
    "Where the difference is small, the net adds up many numbers in float32: tolerance=1e-4 allows that. Where it is "
    "large, something in forward depends on values or on the number of rows, and was fixed at the export."
)
_UNWRITTEN = (
    "Leave out of forward what depends on the values of tensors (if, for, .item()), or write it with torch.where. "
    "pip install 'penstock-sdk[torch]' brings the exporter of today."
)


def _starts(rows: int) -> range:
    return range(0, rows, _ROWS_AT_ONCE)
