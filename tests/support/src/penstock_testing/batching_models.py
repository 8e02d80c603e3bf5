"""Models of many kinds, each under a name that says its kind: do their rows keep to themselves when they share a run?

`mixing` are those in which a row's answer depends on its neighbours by the operators that they have.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from skl2onnx.common.data_types import StringTensorType
from skl2onnx.convert import to_onnx
from sklearn import (
    cluster,
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    linear_model,
    naive_bayes,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
_WIDTH = 6
Rows = Callable[[np.random.Generator, int], dict[str, Any]]


@dataclass(frozen=True)
class Sample:
    """A model with rows that it answers."""

    kind: str
    name: str
    model: bytes
    rows: Rows
    """Random feeds of so many rows, very unlike in size and sign."""
    batched: bool
    """Whether its rows have to be found to keep to themselves."""


def samples() -> Iterator[Sample]:
    """Every one of them."""
    yield from _graphs()
    yield from _mixing()
    yield from _scikit()
    yield from _texts()


def wild(*shape: int) -> Rows:
    """FP32 `x`, each row of a size of its own."""

    def rows(random: np.random.Generator, count: int) -> dict[str, Any]:
        size = 10.0 ** random.integers(-2, 3, (count, *(1 for _ in shape)))
        return {"x": (random.standard_normal((count, *shape)) * size).astype(np.float32)}

    return rows


def integers(limit: int, *shape: int) -> Rows:
    """INT64 `x` from 1 to a limit."""
    return lambda random, count: {"x": random.integers(1, limit, (count, *shape))}


def _weights(*shape: int) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(sum(shape)).standard_normal(shape) / 3).astype(np.float32)


def _built(
    nodes: list[onnx.NodeProto], shape: list[Any], constants: dict[str, Any], *, of: int = FLOAT, out: int = FLOAT
) -> bytes:
    """A graph from `x` to `y`, whose shape nothing declares but its open first dimension."""
    rank = 2 if not constants.get("_rank") else int(constants.pop("_rank"))
    graph = helper.make_graph(
        nodes,
        "sample",
        [helper.make_tensor_value_info("x", of, ["rows", *shape])],
        [helper.make_tensor_value_info("y", out, ["rows", *(None for _ in range(rank - 1))])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def _node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


_NOT_SHOWN = {"GaussianProcessRegressor"}
"""Its distances are found by Scan, which has no rule: in doubt it is not batched."""
_EACH = [
    "Abs",
    "Neg",
    "Relu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Sign",
    "Floor",
    "Ceil",
    "Selu",
    "ThresholdedRelu",
    "Erf",
    "LeakyRelu",
    "Elu",
    "HardSwish",
    "Identity",
    "Exp",
]


def _graphs() -> Iterator[Sample]:
    for name in _EACH:
        yield Sample("elementwise", name, _built([_node(name, "x", "y")], [3], {}), wild(3), batched=True)
    for axis in (1, -1):
        for name in ("Softmax", "LogSoftmax", "LpNormalization", "Hardmax"):
            model = _built([_node(name, "x", "y", axis=axis)], [5], {})
            yield Sample("ranking", f"{name} {axis}", model, wild(5), batched=True)
    for name in ("ReduceMean", "ReduceMax", "ReduceL2", "ReduceMin"):
        model = _built([_node(name, "x", "y", axes=[1], keepdims=1)], [5], {})
        yield Sample("reduction", name, model, wild(5), batched=True)
    top = [_node("TopK", "x k", "y places", axis=1)]
    yield Sample("ranking", "TopK", _built(top, [8], {"k": np.array([3])}), wild(8), batched=True)
    total = [_node("CumSum", "x axis", "y")]
    yield Sample("ranking", "CumSum over values", _built(total, [8], {"axis": np.array(1)}), wild(8), batched=True)
    yield Sample("dense", "two layers", _mlp(), wild(_WIDTH), batched=True)
    yield Sample("images", "convolution", _images(), wild(2, 8, 8), batched=True)
    for name in ("LSTM", "GRU", "RNN"):
        yield Sample("recurrent", name, _recurrent(name), wild(4, 3), batched=True)
    yield Sample("attention", "self-attention", _attention(), wild(4, 8), batched=True)
    yield Sample("masks", "embedding and mask", _masked(), integers(9, 5), batched=True)
    yield Sample("masks", "lengths of a fixed width", _lengths(), integers(6), batched=True)
    yield Sample("quantised", "fixed scales", _static_quantised(), wild(_WIDTH), batched=True)


def _mlp() -> bytes:
    nodes = [_node("Gemm", "x w b", "h"), _node("Relu", "h", "r"), _node("MatMul", "r v", "y")]
    return _built(nodes, [_WIDTH], {"w": _weights(_WIDTH, 8), "b": _weights(8), "v": _weights(8, 2)})


def _images() -> bytes:
    nodes = [
        _node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
        _node("MaxPool", "c", "p", kernel_shape=[2, 2], strides=[2, 2]),
        _node("Reshape", "p flat", "f"),
        _node("Gemm", "f v", "y"),
    ]
    constants = {"w": _weights(3, 2, 3, 3), "flat": np.array([-1, 48]), "v": _weights(48, 2)}
    return _built(nodes, [2, 8, 8], constants)


def _recurrent(name: str) -> bytes:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[name]
    nodes = [
        _node("Transpose", "x", "t", perm=[1, 0, 2]),
        _node(name, "t w r", "every last", hidden_size=5),
        _node("Squeeze", "last axis", "y"),
    ]
    constants = {"w": _weights(1, 5 * gates, 3), "r": _weights(1, 5 * gates, 5), "axis": np.array([0])}
    return _built(nodes, [4, 3], constants)


def _attention() -> bytes:
    nodes = [
        _node("Shape", "x", "shape"),
        _node("Gather", "shape zero", "count", axis=0),
        _node("Unsqueeze", "count zero", "counted"),
        _node("Concat", "counted heads", "split", axis=0),
    ]
    for side in "qkv":
        nodes += [
            _node("MatMul", f"x w{side}", f"{side}1"),
            _node("Reshape", f"{side}1 split", f"{side}2"),
            _node("Transpose", f"{side}2", side, perm=[0, 2, 3, 1] if side == "k" else [0, 2, 1, 3]),
        ]
    nodes += [
        _node("MatMul", "q k", "scores"),
        _node("Softmax", "scores", "weights", axis=-1),
        _node("MatMul", "weights v", "seen"),
        _node("Transpose", "seen", "back", perm=[0, 2, 1, 3]),
        _node("Reshape", "back merged", "joined"),
        _node("LayerNormalization", "joined scale", "y", axis=-1),
    ]
    constants = {f"w{side}": _weights(8, 8) for side in "qkv"} | {"scale": _weights(8), "_rank": 3}
    sizes = {"zero": np.array(0), "heads": np.array([4, 2, 4]), "merged": np.array([0, 0, 8])}
    sizes["zero"] = np.array([0])
    nodes[1] = _node("Gather", "shape zero", "counted", axis=0)
    del nodes[2]
    return _built(nodes, [4, 8], constants | sizes)


def _masked() -> bytes:
    nodes = [
        _node("Gather", "table x", "e", axis=0),
        _node("Greater", "x three", "m"),
        _node("Cast", "m", "f", to=FLOAT),
        _node("Unsqueeze", "f last", "g"),
        _node("Mul", "e g", "masked"),
        _node("ReduceSum", "masked middle", "y", keepdims=0),
    ]
    constants = {"table": _weights(9, 4), "three": np.array(3), "last": np.array([-1]), "middle": np.array([1])}
    return _built(nodes, [5], constants, of=INT64)


def _lengths() -> bytes:
    nodes = [
        _node("Unsqueeze", "x last", "wide"),
        _node("Less", "places wide", "mask"),
        _node("Cast", "mask", "y", to=FLOAT),
    ]
    return _built(nodes, [], {"places": np.arange(6), "last": np.array([-1])}, of=INT64)


def _static_quantised() -> bytes:
    nodes = [
        _node("QuantizeLinear", "x scale zero", "q"),
        _node("MatMulInteger", "q w zero", "i"),
        _node("Cast", "i", "f", to=FLOAT),
        _node("Mul", "f scale", "y"),
    ]
    weights = (np.arange(_WIDTH * 2).reshape(_WIDTH, 2) * 7 % 11).astype(np.int8)
    return _built(nodes, [_WIDTH], {"scale": np.float32(0.5), "zero": np.uint8(128), "w": weights})


def _mixing() -> Iterator[Sample]:
    """Kinds in which a row may get what another row made of it."""
    quantised = io.BytesIO(_mlp())
    target = io.BytesIO()
    quantize_dynamic(onnx.load(quantised), target, weight_type=QuantType.QInt8)  # type: ignore[arg-type]  # a file object too
    yield Sample("quantised", "dynamic scales", target.getvalue(), wild(_WIDTH), batched=False)
    one = _node("DynamicQuantizeLinear", "x", "q scale zero")
    back = _node("DequantizeLinear", "q scale zero", "y")
    yield Sample("quantised", "there and back", _built([one, back], [4], {}), wild(4), batched=False)
    for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2"):
        nodes = [_node(name, "x", "m", axes=[0], keepdims=1), _node("Sub", "x m", "y")]
        yield Sample("reduction", f"{name} over rows", _built(nodes, [3], {}), wild(3), batched=False)
        nodes = [_node(name, "x", "m", keepdims=0), _node("Sub", "x m", "y")]
        yield Sample("reduction", f"{name} over all", _built(nodes, [3], {}), wild(3), batched=False)
    for name in ("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"):
        yield Sample("ranking", f"{name} 0", _built([_node(name, "x", "y", axis=0)], [3], {}), wild(3), batched=False)
    nodes = [_node("CumSum", "x axis", "y")]
    yield Sample("ranking", "CumSum 0", _built(nodes, [3], {"axis": np.array(0)}), wild(3), batched=False)
    nodes = [_node("Transpose", "x", "t"), _node("MatMul", "x t", "s"), _node("MatMul", "s x", "y")]
    yield Sample("attention", "rows look at each other", _built(nodes, [3], {}), wild(3), batched=False)
    gates = {"w": _weights(1, 20, 3), "r": _weights(1, 20, 5), "axis": np.array([1])}
    steps = [_node("LSTM", "x w r", "every", hidden_size=5), _node("Squeeze", "every axis", "y")]
    yield Sample("recurrent", "rows as time", _built(steps, [1, 3], gates | {"_rank": 3}), wild(1, 3), batched=False)
    nodes = [_node("MeanVarianceNormalization", "x", "y", axes=[0, 1])]
    yield Sample("reduction", "normalised over rows", _built(nodes, [3], {}), wild(3), batched=False)
    nodes = [
        *(_node("Shape", "x", "s"), _node("Cast", "s", "f", to=FLOAT), _node("Gather", "f zero", "n")),
        _node("Div", "x n", "y"),
    ]
    counted = _built(nodes, [3], {"zero": np.array(0)})
    yield Sample("reduction", "divided by the number of rows", counted, wild(3), batched=False)
    nodes = [_node("ReduceMax", "x", "m", keepdims=0), _node("Range", "zero m one", "p")]
    nodes += [_node("Unsqueeze", "x last", "wide"), _node("Less", "p wide", "b"), _node("Cast", "b", "y", to=FLOAT)]
    constants = {"zero": np.array(0), "one": np.array(1), "last": np.array([-1])}
    yield Sample("masks", "as long as the longest", _built(nodes, [], constants, of=INT64), integers(9), batched=False)


def _table(random: np.random.Generator, rows: int) -> np.ndarray[Any, Any]:
    return random.standard_normal((rows, 4)).astype(np.float32)


def _scikit() -> Iterator[Sample]:
    random = np.random.default_rng(7)
    x = _table(random, 120)
    y, z = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5), x[:, 0] * 2 - x[:, 3]
    small = {"n_estimators": 5, "random_state": 0}
    classifiers: list[Any] = [
        linear_model.LogisticRegression(),
        linear_model.RidgeClassifier(),
        linear_model.SGDClassifier(random_state=0),
        linear_model.Perceptron(),
        tree.DecisionTreeClassifier(max_depth=4),
        ensemble.RandomForestClassifier(**small),
        ensemble.ExtraTreesClassifier(**small),
        ensemble.GradientBoostingClassifier(**small),
        ensemble.BaggingClassifier(**small),
        ensemble.AdaBoostClassifier(**small),
        naive_bayes.GaussianNB(),
        neural_network.MLPClassifier(hidden_layer_sizes=(5,), max_iter=30, random_state=0),
        svm.SVC(),
        pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        pipeline.make_pipeline(decomposition.PCA(2), tree.DecisionTreeClassifier(max_depth=3)),
        pipeline.make_pipeline(feature_selection.SelectKBest(k=2), naive_bayes.GaussianNB()),
    ]
    regressors: list[Any] = [
        linear_model.LinearRegression(),
        linear_model.Ridge(),
        linear_model.Lasso(0.01),
        linear_model.ElasticNet(0.01),
        linear_model.BayesianRidge(),
        linear_model.HuberRegressor(),
        tree.DecisionTreeRegressor(max_depth=4),
        ensemble.RandomForestRegressor(**small),
        ensemble.GradientBoostingRegressor(**small),
        neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=30, random_state=0),
        svm.SVR(),
        gaussian_process.GaussianProcessRegressor(),
    ]
    others: list[Any] = [
        cluster.KMeans(3, n_init=1, random_state=0),
        decomposition.PCA(2),
        preprocessing.StandardScaler(),
        preprocessing.MinMaxScaler(),
        preprocessing.Normalizer(),
        preprocessing.PolynomialFeatures(2),
        preprocessing.KBinsDiscretizer(3, encode="ordinal"),
        preprocessing.Binarizer(),
        svm.OneClassSVM(),
        ensemble.IsolationForest(n_estimators=5, random_state=0),
    ]
    for kind, estimators, target in (
        ("classifier", classifiers, y),
        ("regressor", regressors, z),
        ("other", others, y),
    ):
        for estimator in estimators:
            fitted = estimator.fit(x, target)
            options = {"zipmap": False} if kind == "classifier" else None
            name = "-".join(type(step).__name__ for _, step in getattr(estimator, "steps", [("", estimator)]))
            model = to_onnx(fitted, x[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString()
            batched = name not in _NOT_SHOWN
            yield Sample(kind, name, model, lambda random, count: {"X": _table(random, count) * 2}, batched=batched)


_WORDS = ["the", "old", "model", "answers", "each", "caller", "with", "what", "another", "one", "asked", "for"]


def _texts() -> Iterator[Sample]:
    """Counted words. The converter wants the texts as one column."""
    random = np.random.default_rng(3)

    def texts(random: np.random.Generator, count: int) -> dict[str, Any]:
        lines = [[" ".join(random.choice(_WORDS, random.integers(1, 9)))] for _ in range(count)]
        return {"X": np.array(lines, dtype=object)}

    lines = texts(random, 40)["X"].ravel()
    target = np.array([line.count("o") > 3 for line in lines]).astype(int)
    for vectorizer in (feature_extraction.text.CountVectorizer(), feature_extraction.text.TfidfVectorizer()):
        fitted = pipeline.make_pipeline(vectorizer, linear_model.LogisticRegression()).fit(lines, target)
        model = to_onnx(
            fitted,
            initial_types=[("X", StringTensorType([None, 1]))],  # type: ignore[list-item]  # says less than it takes
            options={id(fitted): {"zipmap": False}},
            target_opset={"": 16, "ai.onnx.ml": 3, "com.microsoft": 1},
        )
        yield Sample("text", type(vectorizer).__name__, model.SerializeToString(), texts, batched=True)
