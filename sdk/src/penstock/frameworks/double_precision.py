"""A graph that computes in float64, as scikit-learn does, where converters and onnxruntime know float32 only."""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from penstock.errors import NotConvertible
from penstock.graph import Array, OnnxGraph

_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def compute_in_double(model: onnx.ModelProto, fills: Sequence[Array], *, narrow_trees: bool) -> None:
    """Put right what stands in the way.

    `fills`: what the estimator's imputers put in the place of missing numbers, an array for each. `narrow_trees`: round
    numbers to float32 before trees, as scikit-learn's trees and XGBoost's do themselves. Without that a scaler before
    trees puts rows into other leaves.
    """
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for number, node in enumerate(nodes):
        if node.op_type in _TREES and narrow_trees:
            model.graph.node.extend(_narrowed(node, f"{node.input[0]}_{number}"))
        elif node.op_type == "Imputer":
            model.graph.node.extend(_imputed(node, fills, model.graph))
        else:
            model.graph.node.append(node)
    _state_output_types(model)


def _narrowed(node: onnx.NodeProto, name: str) -> Iterator[onnx.NodeProto]:
    narrow, again = f"{name}_narrow", f"{name}_again"
    yield helper.make_node("Cast", [node.input[0]], [narrow], to=TensorProto.FLOAT)
    yield helper.make_node("Cast", [narrow], [again], to=TensorProto.DOUBLE)
    node.input[0] = again
    yield node


def _imputed(node: onnx.NodeProto, fills: Sequence[Array], graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """ONNX's Imputer in operators that onnxruntime has for float64: those that fill in NaN."""
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    rounded = np.array(attributes.get("imputed_value_floats", []), dtype=np.float32)
    if not rounded.size or not np.isnan(attributes.get("replaced_value_float", 0.0)):
        yield node
        return
    fill, missing = f"{node.output[0]}_fill", f"{node.output[0]}_missing"
    exact = next((each for each in fills if np.array_equal(each.astype(np.float32), rounded)), rounded)
    graph.initializer.append(numpy_helper.from_array(exact.astype(np.float64).reshape(1, -1), fill))
    yield helper.make_node("IsNaN", [node.input[0]], [missing])
    yield helper.make_node("Where", [missing, fill, node.input[0]], [node.output[0]])


def _state_output_types(model: onnx.ModelProto) -> None:
    """State the outputs' types as they are: converters state float64 where trees are asked in it, which answer in
    float32. ONNX's own inference knows no trees, so onnxruntime says which it is.
    """
    stated = [each for each in model.graph.output if each.type.tensor_type.elem_type == TensorProto.DOUBLE]
    if not stated:
        return
    try:
        OnnxGraph(model)
    except NotConvertible:
        for output in stated:
            output.type.tensor_type.elem_type = TensorProto.FLOAT
