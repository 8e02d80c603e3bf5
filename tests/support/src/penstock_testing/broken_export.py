"""A version with a flaw that nobody sees before users do: its graph fails on values above those it was tried with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_FLAWED = "before the flaw"


def try_out_on_smallest(artifact: Path, column: str) -> float:
    """Keep only the row with the smallest value of `column` in a version's input example; answers that value."""
    plain, serving = artifact / "input_example.json", artifact / "serving_input_example.json"
    example = json.loads(plain.read_text())
    index = example["columns"].index(column)
    row = min(example["data"], key=lambda each: each[index])
    alone = {"columns": example["columns"], "data": [row]}
    plain.write_text(json.dumps(alone))
    serving.write_text(json.dumps({"dataframe_split": alone}))
    return float(row[index])


def failing_above(original: Path, column: str, limit: float, *, factor: float) -> Callable[[Path], None]:
    """Build a copy of a version's artifact that fails where `column` is above `limit` in any row.

    Elsewhere its last output, the probabilities, is `factor` times the original's and for the rest even, so that its
    answers can be told apart.
    `original`: the version's `.onnx` file inside its whole artifact. `column`: a float input of shape [rows, 1].
    """

    def build(folder: Path) -> None:
        shutil.copytree(original.parent, folder, dirs_exist_ok=True)
        model = onnx.load(original)
        _spoil(model.graph, column, limit, factor)
        onnx.checker.check_model(model)
        (folder / original.name).write_bytes(model.SerializeToString())

    return build


def _spoil(graph: onnx.GraphProto, column: str, limit: float, factor: float) -> None:
    """The last output goes through a reshape to a size that it has only while all values are in the table."""
    output = graph.output[-1].name
    even = (1 - factor) / graph.output[-1].type.tensor_type.shape.dim[-1].dim_value
    for node in graph.node:
        node.output[:] = [_FLAWED if name == output else name for name in node.output]
    constants = {"flaw: limit": limit, "flaw: factor": factor, "flaw: even": even}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, dtype=np.float32), name) for name, value in constants.items()
    )
    graph.node.extend(
        [
            helper.make_node("Greater", [column, "flaw: limit"], ["flaw: above"]),
            helper.make_node("Cast", ["flaw: above"], ["flaw: each"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["flaw: each"], ["flaw: any"], keepdims=0),
            helper.make_node("Shape", [_FLAWED], ["flaw: shape"]),
            helper.make_node("Add", ["flaw: shape", "flaw: any"], ["flaw: wrong shape"]),
            helper.make_node("Mul", [_FLAWED, "flaw: factor"], ["flaw: less"]),
            helper.make_node("Add", ["flaw: less", "flaw: even"], ["flaw: other"]),
            helper.make_node("Reshape", ["flaw: other", "flaw: wrong shape"], [output]),
        ]
    )
