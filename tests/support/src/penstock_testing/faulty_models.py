"""Models that pass the store's ingest and every pod's golden request, and then let users down.

Each computes `y = 2 x + intercept` for the input `x` of shape [rows, 2], and fails where the first value of `x` is
below `share`. Of questions whose first values are spread evenly between 0 and 1 it fails that share; the version's own
example, which begins with 1, it always answers.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from penstock_testing.artifacts import MATRIX_SIGNATURE, write_metadata
from penstock_testing.onnx_models import affine_model, model_of

SLOPE = 2.0
EXAMPLE = {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}}
FOREVER = 2**62
"""Rounds of a loop that nobody sees the end of."""
_MATRIX = 256
_FLOATS_A_MEBIBYTE = 2**18

Build = Callable[[Path], None]


def failing(intercept: float, *, share: float = 1.0) -> Build:
    """Fails inside the graph, which the predictor answers with 500."""
    nodes = [
        helper.make_node("Where", ["asked", "one", "zero"], ["wrong"]),
        helper.make_node("Shape", ["affine"], ["shape"]),
        helper.make_node("Add", ["shape", "wrong"], ["other shape"]),
        helper.make_node("Reshape", ["affine", "other shape"], ["y"]),
    ]
    return _artifact(intercept, share, nodes, {"one": _integers([1]), "zero": _integers([0])})


def slow(intercept: float, *, rounds: int, share: float = 1.0) -> Build:
    """Multiplies a large matrix `rounds` times, about a millisecond of processor time each, and then answers right."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["again"], ["go on"]),
            helper.make_node("MatMul", ["state", "matrix"], ["next"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [_MATRIX, _MATRIX]),
        ],
        [
            helper.make_tensor_value_info("go on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [_MATRIX, _MATRIX]),
        ],
    )
    nodes = [
        helper.make_node("Where", ["asked", "many", "none"], ["rounds"]),
        helper.make_node("Loop", ["rounds", "", "matrix"], ["last"], body=body),
        *_answer_after("last"),
    ]
    identity = numpy_helper.from_array(np.eye(_MATRIX, dtype=np.float32))
    constants = {"many": _integers(rounds), "none": _integers(0), "matrix": identity}
    return _artifact(intercept, share, nodes, constants)


def hanging(intercept: float, *, share: float = 1.0) -> Build:
    """Never answers, and takes a whole processor for it: limit what its pods may use."""
    return slow(intercept, rounds=FOREVER, share=share)


def hungry(intercept: float, *, mebibytes: int) -> Build:
    """Needs that much memory to be loaded; in a container that has less it is killed before it is ready."""
    ones = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["huge"], value=ones), *_answer_after("huge")]
    return _artifact(intercept, 0.0, nodes, {"size": _integers([mebibytes * _FLOATS_A_MEBIBYTE])})


def asking_for(intercept: float, *, tensor: str) -> Build:
    """Answers right, and calls its input by another name than `x`: nobody who asks stable could ask it."""

    def build(folder: Path) -> None:
        model = affine_model(SLOPE, intercept)
        model.graph.input[0].name = tensor
        model.graph.node[0].input[0] = tensor
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        write_metadata(folder, signature=MATRIX_SIGNATURE, example=EXAMPLE)

    return build


def _answer_after(tensor: str) -> list[NodeProto]:
    """`y`, once a tensor whose largest value is 1 has been computed."""
    return [
        helper.make_node("ReduceMax", [tensor], ["largest"], keepdims=0),
        helper.make_node("Mul", ["affine", "largest"], ["y"]),
    ]


def _artifact(intercept: float, share: float, nodes: list[NodeProto], constants: dict[str, TensorProto]) -> Build:
    """A whole MLflow folder, with signature and example."""

    def build(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(_model(intercept, share, nodes, constants).SerializeToString())
        write_metadata(folder, signature=MATRIX_SIGNATURE, example=EXAMPLE)

    return build


def _model(
    intercept: float, share: float, nodes: list[NodeProto], constants: dict[str, TensorProto]
) -> onnx.ModelProto:
    """The affine answer, whether the question is one that the model fails on (`asked`), and the nodes that do so."""
    begin = [
        helper.make_node("Mul", ["x", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "intercept"], ["affine"]),
        helper.make_node("Reshape", ["x", "flat"], ["values"]),
        helper.make_node("Gather", ["values", "start"], ["first"]),
        helper.make_node("Less", ["first", "share"], ["asked"]),
    ]
    mine = {
        "slope": numpy_helper.from_array(np.array([SLOPE], dtype=np.float32)),
        "intercept": numpy_helper.from_array(np.array([intercept], dtype=np.float32)),
        "share": numpy_helper.from_array(np.array(share, dtype=np.float32)),
        "flat": _integers([-1]),
        "start": _integers(0),
    }
    return model_of(
        begin + nodes,
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        initializers=[_named(name, tensor) for name, tensor in (mine | constants).items()],
    )


def _named(name: str, tensor: TensorProto) -> TensorProto:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


def _integers(values: int | list[int]) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64))
