"""Tiny ONNX models whose answers are known by arithmetic."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
ML_OPSET = 3
IR_VERSION = 10
COUNTRIES = {"CH": 1.0, "DE": 2.0, "FR": 3.0}
"""What the named-columns model adds for a country; 0 for any other."""


def affine_model(slope: float, intercept: float, width: int = 2) -> onnx.ModelProto:
    """Make `y = x * slope + intercept`, elementwise, for float `x` of shape [rows, width]."""
    return model_of(
        [
            helper.make_node("Mul", ["x", "slope"], ["scaled"]),
            helper.make_node("Add", ["scaled", "intercept"], ["y"]),
        ],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, width])],
        initializers=[_constant("slope", [slope]), _constant("intercept", [intercept])],
    )


def columns_model(intercept: float) -> onnx.ModelProto:
    """Make `score = amount * 2 + COUNTRIES[country] + intercept`; float and string inputs of shape [rows, 1]."""
    return model_of(
        [
            helper.make_node(
                "LabelEncoder",
                ["country"],
                ["encoded"],
                domain="ai.onnx.ml",
                keys_strings=list(COUNTRIES),
                values_floats=list(COUNTRIES.values()),
                default_float=0.0,
            ),
            helper.make_node("Mul", ["amount", "two"], ["doubled"]),
            helper.make_node("Add", ["doubled", "encoded"], ["sum"]),
            helper.make_node("Add", ["sum", "intercept"], ["score"]),
        ],
        inputs=[
            helper.make_tensor_value_info("amount", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("country", TensorProto.STRING, [None, 1]),
        ],
        outputs=[helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        initializers=[_constant("two", [2.0]), _constant("intercept", [intercept])],
    )


def model_of(
    nodes: list[onnx.NodeProto],
    *,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    initializers: list[onnx.TensorProto] | None = None,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Put a model together without checking it: bad ones are made here too."""
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers or [])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def save_with_external_data(model: onnx.ModelProto, path: Path, location: str) -> None:
    """Write a model with all tensors in one data file beside it."""
    onnx.save_model(
        model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=location, size_threshold=0
    )


def external_tensor(name: str, location: str, size: int = 4) -> onnx.TensorProto:
    """A float tensor of one element that claims to lie in a file, wherever that may be."""
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[size // 4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(size)}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def _constant(name: str, values: list[float]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.float32), name)
