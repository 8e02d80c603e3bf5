"""Small ONNX graphs, made in the test that uses them: each shows one thing about serving."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_ELEMENT = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
_OPSET = 17
_IR_VERSION = 8
_SLOW_SIZE = 256

Dimension = int | str | None


def tensor(name: str, datatype: str, shape: Sequence[Dimension]) -> onnx.ValueInfoProto:
    """Describe an input or output; a string or None leaves a dimension open."""
    return helper.make_tensor_value_info(name, _ELEMENT[datatype], list(shape))


def save(
    file: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
) -> Path:
    """Write a checked model."""
    graph = helper.make_graph(list(nodes), "tiny", list(inputs), list(outputs), list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))
    return file


def scaled(file: Path, factor: float) -> Path:
    """`y = factor * x`, FP32 of shape [rows, 2]: the answer tells which model gave it."""
    shape = ("rows", 2)
    node = helper.make_node("Mul", ["x", "factor"], ["y"])
    constant = numpy_helper.from_array(np.array(factor, dtype=np.float32), "factor")
    return save(file, [node], [tensor("x", "FP32", shape)], [tensor("y", "FP32", shape)], [constant])


def echo(file: Path, datatype: str) -> Path:
    """`y = x` for one datatype, of shape [rows]."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return save(file, [node], [tensor("x", datatype, ["rows"])], [tensor("y", datatype, ["rows"])])


def mixed_columns(file: Path) -> Path:
    """A column `amount` (FP32) and a column `country` (BYTES), both [rows, 1]; outputs `twice` and `word`."""
    nodes = [
        helper.make_node("Add", ["amount", "amount"], ["twice"]),
        helper.make_node("Identity", ["country"], ["word"]),
    ]
    return save(
        file,
        nodes,
        [tensor("amount", "FP32", ["rows", 1]), tensor("country", "BYTES", ["rows", 1])],
        [tensor("twice", "FP32", ["rows", 1]), tensor("word", "BYTES", ["rows", 1])],
    )


def typed_columns(file: Path) -> Path:
    """Columns of four types, each [rows, 1]: `opposite` of a flag, `next` of a count, `half` an amount, `same` word."""
    nodes = [
        helper.make_node("Not", ["flag"], ["opposite"]),
        helper.make_node("Add", ["count", "one"], ["next"]),
        helper.make_node("Mul", ["amount", "part"], ["half"]),
        helper.make_node("Identity", ["word"], ["same"]),
    ]
    types = ("BOOL", "INT64", "FP64", "BYTES")
    inputs = [
        tensor(name, of, ["rows", 1]) for name, of in zip(("flag", "count", "amount", "word"), types, strict=True)
    ]
    outputs = [
        tensor(name, of, ["rows", 1]) for name, of in zip(("opposite", "next", "half", "same"), types, strict=True)
    ]
    one = numpy_helper.from_array(np.array(1, dtype=np.int64), "one")
    part = numpy_helper.from_array(np.array(0.5, dtype=np.float64), "part")
    return save(file, nodes, inputs, outputs, [one, part])


def doubled(file: Path) -> Path:
    """`y = x + x`, FP16 of shape [rows, 2]: the type that JSON clients leave out."""
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return save(file, [node], [tensor("x", "FP16", ["rows", 2])], [tensor("y", "FP16", ["rows", 2])])


def slow(file: Path) -> Path:
    """As slow as the request asks: `rounds` (INT64, [1]) products of a square matrix; output `y` (FP32, [1])."""
    product = helper.make_node("MatMul", ["state", "matrix"], ["next"])
    body = helper.make_graph(
        [helper.make_node("Identity", ["again"], ["go_on"]), product],
        "round",
        [tensor("round", "INT64", []), tensor("again", "BOOL", []), tensor("state", "FP32", [_SLOW_SIZE, _SLOW_SIZE])],
        [tensor("go_on", "BOOL", []), tensor("next", "FP32", [_SLOW_SIZE, _SLOW_SIZE])],
    )
    nodes = [
        helper.make_node("Squeeze", ["rounds"], ["count"]),
        helper.make_node("Loop", ["count", "", "matrix"], ["last"], body=body),
        helper.make_node("ReduceMax", ["last"], ["largest"], keepdims=0),
        helper.make_node("Reshape", ["largest", "one"], ["y"]),
    ]
    matrix = numpy_helper.from_array(np.eye(_SLOW_SIZE, dtype=np.float32), "matrix")
    one = numpy_helper.from_array(np.array([1], dtype=np.int64), "one")
    return save(file, nodes, [tensor("rounds", "INT64", [1])], [tensor("y", "FP32", [1])], [matrix, one])


def picky(file: Path) -> Path:
    """Fits its own signature, and fails for any number of rows that is not a multiple of three."""
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    shape = numpy_helper.from_array(np.array([-1, 3], dtype=np.int64), "shape")
    return save(file, [node], [tensor("x", "FP32", ["rows"])], [tensor("y", "FP32", ["groups", 3])], [shape])


def lookup(file: Path) -> Path:
    """`y = 10 * x` for `x` (INT64, [rows]) from 0 to 2; one row with another number fails the whole run."""
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    table = numpy_helper.from_array(np.array([0, 10, 20], dtype=np.int64), "table")
    return save(file, [node], [tensor("x", "INT64", ["rows"])], [tensor("y", "INT64", ["rows"])], [table])


def matrix(file: Path) -> Path:
    """`y = x` and `z = -x`, FP32 of shape [rows, columns], both open."""
    shape = ("rows", "columns")
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    return save(file, nodes, [tensor("x", "FP32", shape)], [tensor(name, "FP32", shape) for name in ("y", "z")])


def centred(file: Path) -> Path:
    """`y = x` less the mean over the rows, FP32 of shape [rows, 2]: a row's answer depends on those beside it."""
    shape = ("rows", 2)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    return save(file, nodes, [tensor("x", "FP32", shape)], [tensor("y", "FP32", shape)])


def running_total(file: Path) -> Path:
    """`y` is the sum of `x` (FP32, [rows, 1]) over the rows so far: the first row's answer is that of the row alone."""
    node = helper.make_node("CumSum", ["x", "axis"], ["y"])
    axis = numpy_helper.from_array(np.array(0, dtype=np.int64), "axis")
    return save(file, [node], [tensor("x", "FP32", ["rows", 1])], [tensor("y", "FP32", ["rows", 1])], [axis])


def summed(file: Path) -> Path:
    """`y` (FP32, []) is the sum of `x` (FP32, [rows]): one number for all rows."""
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    return save(file, [node], [tensor("x", "FP32", ["rows"])], [tensor("y", "FP32", [])])


def one_row(file: Path) -> Path:
    """`y = x`, FP32 of shape [1, 2]: the graph has no room for a second row."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return save(file, [node], [tensor("x", "FP32", [1, 2])], [tensor("y", "FP32", [1, 2])])


def only_alone(file: Path) -> Path:
    """`y = x`, FP32 of shape [rows, 2] as its signature says; it fails for any number of rows but one."""
    nodes = [
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("Mul", ["size", "once"], ["kept"]),
        helper.make_node("Add", ["kept", "one"], ["shape"]),  # [1, 2], which no look at the graph finds out
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([0, 1], dtype=np.int64), "once"),
        numpy_helper.from_array(np.array([1, 0], dtype=np.int64), "one"),
    ]
    return save(file, nodes, [tensor("x", "FP32", ["rows", 2])], [tensor("y", "FP32", ["rows", 2])], constants)


def positions(file: Path) -> Path:
    """`y = x + 1`, FP32 of shape [rows, length] as its signature says; there are four positions, and no fifth."""
    nodes = [
        helper.make_node("Shape", ["x"], ["length"], start=1),
        helper.make_node("Slice", ["table", "start", "length", "axis"], ["taken"]),
        helper.make_node("Add", ["x", "taken"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.ones((1, 4), dtype=np.float32), "table"),
        numpy_helper.from_array(np.array([0], dtype=np.int64), "start"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
    ]
    shape = ("rows", "length")
    return save(file, nodes, [tensor("x", "FP32", shape)], [tensor("y", "FP32", shape)], constants)


def two_inputs(file: Path) -> Path:
    """`y = a + b`, with `a` FP32 of shape [rows, 2] and `b` INT64 of shape [rows, 1]."""
    nodes = [helper.make_node("Cast", ["b"], ["c"], to=TensorProto.FLOAT), helper.make_node("Add", ["a", "c"], ["y"])]
    return save(
        file,
        nodes,
        [tensor("a", "FP32", ["rows", 2]), tensor("b", "INT64", ["rows", 1])],
        [tensor("y", "FP32", ["rows", 2])],
    )


def sequence_input(file: Path) -> Path:
    """An input `pieces` that is a sequence, which no inference protocol can send."""
    node = helper.make_node("ConcatFromSequence", ["pieces"], ["y"], axis=0)
    pieces = helper.make_tensor_sequence_value_info("pieces", TensorProto.FLOAT, None)
    return save(file, [node], [pieces], [tensor("y", "FP32", ["rows"])])


def sequence_output(file: Path) -> Path:
    """A tensor `y` and a sequence `pieces`, as a classifier that was converted with ZipMap has."""
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("SequenceConstruct", ["x"], ["pieces"])]
    pieces = helper.make_tensor_sequence_value_info("pieces", TensorProto.FLOAT, None)
    return save(file, nodes, [tensor("x", "FP32", ["rows"])], [tensor("y", "FP32", ["rows"]), pieces])
