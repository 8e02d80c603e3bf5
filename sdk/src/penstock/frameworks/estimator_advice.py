"""What to change in an estimator that cannot be written as ONNX, or answers otherwise there."""

from typing import Any

import numpy as np

from penstock.columns import ColumnKind
from penstock.frameworks.estimator_parts import parts_of
from penstock.parity import ParityResult
from penstock.rows import Rows, TableRows

WORDS = r"(?u)\b\w\w+\b"
"""scikit-learn's own rule of what a word is."""
_LARGEST_EXACT = 2.0**24
"""Whole numbers up to this are float32 too."""
_FEW = 0.01
_OWN_CODE = ("sklearn", "lightgbm", "xgboost")
_WAYS_OUT = {
    "HistGradientBoostingClassifier": "Use GradientBoostingClassifier, LightGBM or XGBoost in its place.",
    "HistGradientBoostingRegressor": "Use GradientBoostingRegressor, LightGBM or XGBoost in its place.",
    "TransformedTargetRegressor": "Fit the regressor on the transformed y, and transform its answers back where they "
    "are used.",
    "FunctionTransformer": "Compute in X what FunctionTransformer computes, before training, or use a step of "
    "scikit-learn's own that does it.",
    "LinearSVC": "Use LogisticRegression or SVC(kernel='linear') in its place.",
    "HashingVectorizer": "Use TfidfVectorizer or CountVectorizer in its place.",
    "KBinsDiscretizer": "Use KBinsDiscretizer(encode='onehot-dense') or encode='ordinal'.",
    "GaussianProcessClassifier": "Use GradientBoostingClassifier or a support vector machine in its place.",
}
"""By the class that has no converter, or not for all that it can do."""


def way_out(estimator: Any, rows: Rows) -> str:
    """Name the part that is likely at fault, and what to use in its place."""
    parts = list(parts_of(estimator))
    texts = _texts(rows)
    if texts and not any(type(part).__name__ == "ColumnTransformer" for part in parts):
        return (
            f"X has texts ({', '.join(texts[:5])}), which trees in ONNX do not take: put OneHotEncoder or "
            "OrdinalEncoder for them into a ColumnTransformer before the model."
        )
    found = next(filter(None, map(_way_out_of, parts)), None)
    if found is not None:
        return found
    foreign = next((part for part in parts if not type(part).__module__.startswith(_OWN_CODE)), None)
    if foreign is not None:
        return (
            f"{type(foreign).__name__} is a class of {type(foreign).__module__}, which has no converter: compute in X "
            "what it computes, before training, or use steps of scikit-learn's own."
        )
    return "Use steps that skl2onnx converts: https://onnx.ai/sklearn-onnx/supported.html"


def _way_out_of(part: Any) -> str | None:
    if type(part).__name__ in _WAYS_OUT:
        return _WAYS_OUT[type(part).__name__]
    if getattr(part, "add_indicator", False):
        return _INDICATORS
    if _splits_otherwise(part):
        return _TEXT
    return _GAPS if hasattr(part, "tree_") and np.isinf(part.tree_.threshold).any() else None


def differing_advice(estimator: Any, rows: Rows, parity: ParityResult) -> str:
    """Say what to change, from what the estimator is made of and from the rows."""
    parts = list(parts_of(estimator))
    names = {type(part).__name__ for part in parts}
    trees = any(hasattr(part, "tree_") for part in parts) or not names.isdisjoint(_BOOSTED)
    said = [
        advice
        for applies, advice in (
            (any(getattr(part, "add_indicator", False) for part in parts), _INDICATORS),
            (trees and _has_gaps(rows) and names.isdisjoint({"SimpleImputer", *_BOOSTED}), _TREES_AND_GAPS),
            (trees and "TfidfVectorizer" in names, _WEIGHTS_AND_TREES),
            (any(_splits_otherwise(part) for part in parts), _TEXT),
            (_largest(rows) > _LARGEST_EXACT, _LARGE),
            (any(type(part).__module__.startswith("lightgbm") for part in parts), _LIGHTGBM),
            (parity.share < _FEW, _few(parity)),
        )
        if applies
    ]
    return " ".join(said or [_STEP_BY_STEP])


_GAPS = "Put SimpleImputer() before the trees and train again, or use LightGBM or XGBoost."
_TREES_AND_GAPS = f"X has missing values, and scikit-learn's trees lose their branches for those in ONNX. {_GAPS}"
_INDICATORS = (
    "SimpleImputer(add_indicator=True) has no form in ONNX: leave that out, and make the indicators columns of X, for "
    "example X['age_missing'] = X['age'].isna()."
)
_BOOSTED = frozenset({"LGBMClassifier", "LGBMRegressor", "XGBClassifier", "XGBRegressor"})
_WEIGHTS_AND_TREES = (
    "TfidfVectorizer's weights are float32 in ONNX, and trees split between weights that differ by less: use "
    "CountVectorizer before trees, which need no weights."
)
_TEXT = (
    "Texts are split into words by other rules in ONNX where the vectorizer has a token_pattern, preprocessor, "
    "tokenizer or strip_accents of its own: train with its defaults, or with analyzer='char'."
)
_LARGE = (
    "X has numbers beyond 16,777,216, of which float32 keeps 7 digits: subtract an offset (seconds since a fixed day "
    "instead of since 1970), and leave out columns that are names written as numbers."
)
_LIGHTGBM = (
    "LightGBM's thresholds become float32 in ONNX: train on X.astype('float32'), so that no row lies between the two."
)
_STEP_BY_STEP = (
    "To find the step at fault, log the pipeline's beginning: penstock.log_model(pipeline[:-1], ...) compares what it "
    "makes of the same rows."
)


def _splits_otherwise(part: Any) -> bool:
    """A vectorizer with rules of its own."""
    own = (getattr(part, name, None) for name in ("preprocessor", "tokenizer", "strip_accents"))
    return hasattr(part, "token_pattern") and (part.token_pattern != WORDS or any(each is not None for each in own))


def _few(parity: ParityResult) -> str:
    return (
        "These rows lie at the edge between two leaves. Where that many may be answered otherwise: "
        f"allow_differing_rows={1.5 * parity.share:.1g}."
    )


def _texts(rows: Rows) -> list[str]:
    return [each.name for each in rows.columns if each.kind is ColumnKind.TEXT] if isinstance(rows, TableRows) else []


def _has_gaps(rows: Rows) -> bool:
    if isinstance(rows, TableRows):
        return any(column.missing for column in rows.columns)
    return any(array.dtype.kind == "f" and bool((array != array).any()) for array in rows.arrays.values())  # noqa: PLR0124 - NaN


def _largest(rows: Rows) -> float:
    if isinstance(rows, TableRows):
        return float(rows.frame.select_dtypes("number").abs().max().max())
    return max(float(abs(array).max()) for array in rows.arrays.values() if array.dtype.kind in "iuf")
