"""What is put right in a graph that a converter wrote."""

import onnx
from onnx import TensorProto, helper

from penstock.errors import NotConvertible
from penstock.graph import OnnxGraph, keep_outputs, renamed

_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_EVERYWHERE = "C.UTF-8"
"""A locale that needs no language pack. The images have en_US too, which the operator takes by itself."""


def finished(model: onnx.ModelProto, outputs: tuple[str, ...], *, narrow_trees: bool = False) -> onnx.ModelProto:
    """Name the outputs and make the graph one that any onnxruntime loads, the same in every process."""
    keep_outputs(model, outputs)
    if narrow_trees:
        _narrow_before_trees(model)
    _state_output_types(model)
    for node in model.graph.node:
        if node.op_type == "StringNormalizer" and not any(each.name == "locale" for each in node.attribute):
            node.attribute.append(helper.make_attribute("locale", _EVERYWHERE))
    # skl2onnx keeps these in a set, whose order changes from process to process: equal trees would get unequal digests.
    model.opset_import.sort(key=lambda opset: str(opset.domain))
    return model


def name_inputs(model: onnx.ModelProto, names: list[str]) -> None:
    """Give inputs the columns' own names: skl2onnx writes `amount__EUR_` for `amount (EUR)`."""
    by_bare = {_bare(name): name for name in names}
    if len(by_bare) == len(names):
        found = {each.name: by_bare[_bare(each.name)] for each in model.graph.input if _bare(each.name) in by_bare}
        renamed(model, found)


def _bare(name: str) -> str:
    return "".join(character for character in name if character.isalnum())


def _narrow_before_trees(model: onnx.ModelProto) -> None:
    """Round numbers to float32 before trees, as scikit-learn's trees do themselves; what goes before them is computed
    in float64, as there. Without that a scaler before trees puts rows into other leaves.
    """
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for number, node in enumerate(nodes):
        if node.op_type in _TREES:
            wide, narrow, again = node.input[0], f"{node.input[0]}_narrow_{number}", f"{node.input[0]}_again_{number}"
            model.graph.node.append(helper.make_node("Cast", [wide], [narrow], to=TensorProto.FLOAT))
            model.graph.node.append(helper.make_node("Cast", [narrow], [again], to=TensorProto.DOUBLE))
            node.input[0] = again
        model.graph.node.append(node)


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
