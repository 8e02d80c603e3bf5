"""What is put right in a graph that a converter wrote."""

import onnx
from onnx import helper

from penstock.graph import keep_outputs, renamed

_NAME = "model"
_EVERYWHERE = "C.UTF-8"
"""A locale that needs no language pack. The images have en_US too, which the operator takes by itself."""


def finished(model: onnx.ModelProto, outputs: tuple[str, ...]) -> onnx.ModelProto:
    """Name the outputs and make the graph one that any onnxruntime loads, the same in every process."""
    keep_outputs(model, outputs)
    model.graph.name = _NAME  # converters draw one at random: equal models would get unequal digests
    for node in model.graph.node:
        if node.op_type == "StringNormalizer" and not any(each.name == "locale" for each in node.attribute):
            node.attribute.append(helper.make_attribute("locale", _EVERYWHERE))
    # skl2onnx keeps these in a set, whose order changes from process to process.
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
