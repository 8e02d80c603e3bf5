"""Operators beside the standard's: scikit-learn's and tree models' (ai.onnx.ml), text, and onnxruntime's own."""

from collections.abc import Mapping

from penstock_predictor.model.rows.compute_rules import each_element, elements_together, normalize_behind
from penstock_predictor.model.rows.operation import (
    ONE,
    Mixes,
    Operation,
    Rule,
    Shape,
    SymbolicSize,
    Value,
    constant,
    of_shape,
    product,
    rank_of,
    shape_of,
    unknown_size,
)

ML_DOMAIN = "ai.onnx.ml"
ORT_DOMAIN = "com.microsoft"


def _table(value: Value) -> Shape:
    """One row a line. A tensor of one axis is one row of many values to these operators, not many rows."""
    if value.axis not in (0, None) or rank_of(value) != 2:  # noqa: PLR2004 - rows and values
        raise Mixes("works on what is no table by rows")
    return shape_of(value)


def _same_table(op: Operation) -> list[Value]:
    return [of_shape(_table(op.input_at(0)))]


def _classify(op: Operation) -> list[Value]:
    rows = _table(op.input_at(0))[0]
    labels = [op.node.attributes.integers(name) or () for name in ("classlabels_ints", "classlabels_int64s")]
    count = max(*map(len, labels), len(op.node.attributes.texts("classlabels_strings")))
    # Of two classes some operators write one column.
    width = SymbolicSize(count) if count > 2 else unknown_size()  # noqa: PLR2004 - two classes
    return [of_shape((rows,)), of_shape((rows, width))][: len(op.node.outputs)]


def _regress(op: Operation) -> list[Value]:
    targets = op.node.attributes.integer("n_targets", op.node.attributes.integer("targets", 0))
    return [of_shape((_table(op.input_at(0))[0], SymbolicSize(targets) if targets else unknown_size()))]


def _one_hot(op: Operation) -> list[Value]:
    """One more axis; an unknown word is an error or zeros, of its own row alone."""
    words = op.node.attributes.texts("cats_strings") or op.node.attributes.integers("cats_int64s") or ()
    return [of_shape((*shape_of(op.input_at(0)), SymbolicSize(len(words))))]


def _pick_features(op: Operation) -> list[Value]:
    values, places = op.input_at(0), op.input_at(1)
    shape = shape_of(values)
    count = product(shape_of(places))
    if values.axis is None:
        if len(shape) != 1:
            raise Mixes("picks from a constant table by rows")
        _check_leading(places)
        return [of_shape((ONE, count))]
    if len(shape) == 1 or values.axis == len(shape) - 1:
        raise Mixes("picks some of the rows")
    constant(places, "places")
    return [of_shape((*shape[:-1], count))]


def _check_leading(places: Value) -> None:
    if places.axis is not None and any(size != ONE for size in shape_of(places)[: places.axis]):
        raise Mixes("puts elements of several rows together in a new shape")


def _join_features(op: Operation) -> list[Value]:
    shapes = [_table(value) for value in op.all_inputs()]
    if len({shape[0] for shape in shapes}) > 1:
        raise Mixes("puts several numbers of rows together")
    return [of_shape((shapes[0][0], unknown_size()))]


def _normalize_words(op: Operation) -> list[Value]:
    """Without words to leave out each is changed by itself; with them the rest of the rows moves up."""
    if op.node.attributes.texts("stopwords"):
        raise Mixes("leaves out words, and so rows")
    return [of_shape(shape_of(op.input_at(0)))]


def _count_words(op: Operation) -> list[Value]:
    value = op.input_at(0)
    shape = _table(value)
    if value.padded is not None and value.padded in op.node.attributes.texts("pool_strings"):
        raise Mixes("counts the words that fill up shorter rows")
    places = op.node.attributes.integers("ngram_indexes") or ()
    return [of_shape((shape[0], SymbolicSize(max(places, default=-1) + 1)))]


def _split_words(op: Operation) -> list[Value]:
    """Rows with fewer words than the longest of the run are filled up."""
    padding = op.node.attributes.text("pad_value", "")
    value = op.input_at(0)
    if value.axis not in (0, None):
        raise Mixes("works on what is no table by rows")
    return [of_shape((*shape_of(value), unknown_size()), padded=padding)]


def _add_and_normalize(op: Operation) -> list[Value]:
    """SkipLayerNormalization: the two summed have one shape."""
    left, right = op.input_at(0), op.input_at(1)
    if left.axis != right.axis or shape_of(left) != shape_of(right) or left.axis == rank_of(left) - 1:
        raise Mixes("sets rows against what is not of the same row")
    for at in range(2, len(op.inputs)):
        constant(op.optional_input_at(at), "weights")
    if len([name for name in op.node.outputs if name]) > 1:
        raise Mixes("has outputs that this does not know")
    return [of_shape(shape_of(left))]


ML_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("Imputer", "Scaler", "Normalizer"), _same_table),
    **dict.fromkeys(("Binarizer", "CategoryMapper", "LabelEncoder"), each_element),
    **dict.fromkeys(("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"), _classify),
    **dict.fromkeys(("LinearRegressor", "SVMRegressor", "TreeEnsembleRegressor", "TreeEnsemble"), _regress),
    "ArrayFeatureExtractor": _pick_features,
    "FeatureVectorizer": _join_features,
    "OneHotEncoder": _one_hot,
}
TEXT_RULES: Mapping[str, Rule] = {"StringNormalizer": _normalize_words, "TfIdfVectorizer": _count_words}
ORT_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("BiasGelu", "FastGelu"), elements_together),
    **dict.fromkeys(("Gelu", "QuickGelu"), each_element),
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu", "QuantizeLinear", "DequantizeLinear"), each_element),
    **dict.fromkeys(("LayerNormalization", "SimplifiedLayerNormalization"), normalize_behind),
    "SkipLayerNormalization": _add_and_normalize,
    "Tokenizer": _split_words,
}
PADDED_WELCOME = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "TfIdfVectorizer", "Unsqueeze"})
"""Operators to which the length of a padded axis makes no difference."""
