"""The two models that every server serves, the same bytes on every machine of one kind."""

import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.convert import to_onnx
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier

from bench.serving.places import kept

Array = NDArray[np.float32]
SEED, OPSET, ML_OPSET, IR = 6, 17, 3, 8
FEATURES, TREES, DEPTH = 30, 200, 3
IMAGE = (3, 224, 224)
CONVOLUTIONS = ((3, 16, 2), (16, 32, 2), (32, 64, 2), (64, 64, 1))
"""Channels before and after, and the stride."""
TREES_MODEL, CNN_MODEL = "trees", "cnn"


@dataclass(frozen=True, kw_only=True)
class BenchModel:
    """One of them."""

    name: str
    file: Path
    """In a folder of its own, as `model.onnx`."""

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """With one thread: what answers are compared with."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])

    @property
    def input(self) -> str:
        """The name of its one input."""
        return str(self.session.get_inputs()[0].name)

    def examples(self, count: int, rows: int) -> Sequence[Array]:
        """As many different inputs; numbers have six decimals, as in a table that somebody sends."""
        rng = np.random.default_rng(SEED)
        shape = (rows, FEATURES) if self.name == TREES_MODEL else (rows, *IMAGE)
        return [rng.normal(size=shape).round(6).astype(np.float32) for _ in range(count)]


def models() -> dict[str, BenchModel]:
    """Name to model; made where they are not there yet."""
    versions = f"{onnx.__version__} {sys.version}"
    folder = kept("models", (inspect.getsource(sys.modules[__name__]) + versions).encode(), _make)
    return {name: BenchModel(name=name, file=folder / name / "model.onnx") for name in (TREES_MODEL, CNN_MODEL)}


def _make(folder: Path) -> None:
    for name, proto in ((TREES_MODEL, _trees()), (CNN_MODEL, _cnn())):
        (folder / name).mkdir()
        (folder / name / "model.onnx").write_bytes(proto.SerializeToString())


def _trees() -> onnx.ModelProto:
    rows, labels = make_classification(4000, FEATURES, n_informative=12, random_state=SEED)
    kind: Any = GradientBoostingClassifier  # untyped
    forest = kind(n_estimators=TREES, max_depth=DEPTH, random_state=SEED).fit(rows, labels)
    opsets = {"": OPSET, "ai.onnx.ml": ML_OPSET}
    proto = to_onnx(forest, rows[:1].astype(np.float32), options={"zipmap": False}, target_opset=opsets)
    if not isinstance(proto, onnx.ModelProto):
        raise TypeError(f"skl2onnx made a {type(proto).__name__}, not a model: its version is not this bench's")
    return proto


def _cnn() -> onnx.ModelProto:
    """Four convolutions, a pool, a dense layer: some 60 million multiplications an image."""
    rng = np.random.default_rng(SEED)
    weights: list[onnx.TensorProto] = []

    def weight(name: str, *shape: int) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(rng.normal(scale=scale, size=shape).astype(np.float32), name))
        return name

    nodes, last = [], "image"
    for number, (before, after, stride) in enumerate(CONVOLUTIONS, 1):
        kernel = weight(f"kernel-{number}", after, before, 3, 3)
        nodes += [
            helper.make_node("Conv", [last, kernel], [f"conv-{number}"], strides=[stride, stride], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"conv-{number}"], [f"relu-{number}"]),
        ]
        last = f"relu-{number}"
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", weight("dense", 64, 10)], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["rows", *IMAGE])
    classes = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 10])
    graph = helper.make_graph(nodes, "cnn", [image], [classes], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
