"""An ONNX graph that can be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime

from penstock.errors import NotConvertible

Array = np.ndarray[Any, np.dtype[Any]]

_DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(bool)": np.dtype(np.bool_),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16),
    "tensor(uint32)": np.dtype(np.uint32),
    "tensor(uint64)": np.dtype(np.uint64),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
    "tensor(string)": np.dtype(np.object_),
}
_LOGS_NOTHING = 4


@dataclass(frozen=True, kw_only=True)
class GraphTensor:
    """An input or output of the graph."""

    name: str
    dtype: np.dtype[Any]
    """Texts are objects."""
    shape: tuple[int, ...]
    """-1: any size."""


class OnnxGraph:
    """A graph in onnxruntime, on the processor."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Raise NotConvertible where onnxruntime does not take it."""
        self.model = model
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _LOGS_NOTHING
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has no base for what it raises
            raise NotConvertible(f"onnxruntime cannot load its ONNX form: {one_line(error)}") from error
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))

    def answers(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute every output. Raises NotConvertible where it fails on these."""
        self._check_open_rows(feeds)
        try:
            values = self._session.run(None, dict(feeds))
        except Exception as error:
            raise NotConvertible(f"onnxruntime fails on these rows: {one_line(error)}") from error
        return {tensor.name: np.asarray(value) for tensor, value in zip(self.outputs, values, strict=True)}

    def _check_open_rows(self, feeds: Mapping[str, Array]) -> None:
        for each in self.inputs:
            rows = each.shape[0] if each.shape else 0
            if rows > 0 and rows != len(feeds[each.name]):
                raise NotConvertible(
                    f"input {each.name} of the graph takes {rows} rows, never more or fewer. Export it with an open "
                    f"first dimension: torch.onnx.export(..., dynamic_axes={{{each.name!r}: {{0: 'rows'}}}}), or in "
                    "skl2onnx FloatTensorType([None, ...])"
                )


def renamed(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Give tensors of the graph, its inputs and outputs among them, other names."""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def keep_outputs(model: onnx.ModelProto, names: Sequence[str]) -> None:
    """Call the first outputs by these names, and drop the others with what only they need."""
    del model.graph.output[len(names) :]
    before = [value.name for value in model.graph.output]
    inner = {name: f"{name}_within" for name in names if name not in before}
    renamed(model, inner | dict(zip(before, names, strict=False)))
    needed = {value.name for value in model.graph.output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            kept.insert(0, node)
            needed.update(node.input)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def state_output_shapes(model: onnx.ModelProto, answers: Mapping[str, Array]) -> bool:
    """State what shapes answers have where the graph states others; answers whether it did. The rows stay open."""
    changed = False
    for output in model.graph.output:
        stated = [each.dim_value for each in output.type.tensor_type.shape.dim]
        shape = answers[output.name].shape
        if len(stated) != len(shape) or any(is_ and is_ != size for is_, size in zip(stated, shape, strict=True)):
            output.type.tensor_type.shape.Clear()
            output.type.tensor_type.shape.dim.add()
            for size in shape[1:]:
                output.type.tensor_type.shape.dim.add(dim_value=size)
            changed = True
    return changed


def one_line(error: BaseException) -> str:
    """The message of a library in one line of bounded length."""
    text = " ".join(str(error).split())
    for end in (
        " and attributes=",
        " It usually means",
        " You may raise an is",
    ):  # onnx's and skl2onnx's own, at length
        text = text.partition(end)[0]
    return text[:300]


def _tensor(tensor: Any) -> GraphTensor:
    if tensor.type not in _DTYPES:
        raise NotConvertible(
            f"its ONNX form has {tensor.name} of type {tensor.type}, which is no plain tensor: a classifier is "
            "converted with options={'zipmap': False}"
        )
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in tensor.shape)
    return GraphTensor(name=tensor.name, dtype=_DTYPES[tensor.type], shape=shape)
