"""Models and rows that cannot be served: each is refused before anything is logged, and is told what to change."""

# mypy: allow-untyped-calls

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from onnx import TensorProto, helper
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer

import penstock
from penstock.errors import (
    AnswersDiffer,
    FileNotTrusted,
    ModelRefused,
    NotConvertible,
    RowsRefused,
    UnknownKind,
)

ROWS = 300


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A call of log_model that must fail."""

    name: str
    model: Callable[[], Any]
    refusal: type[ModelRefused]
    said: tuple[str, ...]
    X: Callable[[], Any] | None = None
    """None: numbers()."""
    y: Any = None


class Doubled(TransformerMixin, BaseEstimator):
    """A step of the user's own."""

    def fit(self, rows: Any, y: Any = None) -> "Doubled":
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        return 2 * rows


def numbers(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"amount": rng.lognormal(3, 1, rows).round(2), "age": rng.integers(18, 90, rows)})


def gaps() -> pd.DataFrame:
    return numbers().assign(age=lambda table: table["age"].where(table.index % 3 > 0))


def notes() -> pd.DataFrame:
    words = np.array(["card", "gift", "café", "naïve", "urgent", "12-07", "refund", "thanks", "money"])
    rng = np.random.default_rng(0)
    return pd.DataFrame({"note": [" ".join(rng.choice(words, rng.integers(1, 7))) for _ in range(ROWS)]})


def seconds() -> pd.DataFrame:
    return numbers().assign(at=lambda table: 1_700_000_000 + 997 * table["age"] + table.index)


def categories() -> pd.DataFrame:
    countries = pd.Series(np.random.default_rng(0).choice(["DE", "FR", "US"], ROWS), dtype="category")
    return numbers().assign(country=countries)


def truth(rows: int = ROWS) -> npt.NDArray[np.int64]:
    return (np.random.default_rng(1).random(rows) > 0.5).astype(np.int64)


def classified(*steps: Any, rows: pd.DataFrame | None = None) -> Any:
    return make_pipeline(*steps, LogisticRegression()).fit(numbers() if rows is None else rows, truth())


def of_text(vectorizer: Any, last: Any) -> Any:
    return make_pipeline(ColumnTransformer([("text", vectorizer, "note")]), last).fit(notes(), truth())


def graph(*, rows: int | None = None, output: onnx.ValueInfoProto | None = None, node: str = "Identity") -> Any:
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, [rows, 2])
    made = output or helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, 2])
    domain = "ai.onnx.ml" if node == "ZipMap" else None
    labels: dict[str, Any] = {"classlabels_int64s": [0, 1]} if node == "ZipMap" else {}
    nodes = [helper.make_node(node, ["X"], ["y"], domain=domain, **labels)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph(nodes, "g", [given], [made]), opset_imports=opsets, ir_version=8)


def maps() -> onnx.ValueInfoProto:
    of = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    return helper.make_value_info("y", helper.make_sequence_type_proto(of))


class CatBoostClassifier:
    """Of a library that is not here."""

    __module__ = "catboost.core"


REFUSED = (
    Refused(
        name="trees that learned where values are missing",
        model=lambda: RandomForestClassifier(20, random_state=0).fit(gaps(), truth()),
        X=gaps,
        refusal=ModelRefused,
        said=("SimpleImputer() before the trees", "LightGBM or XGBoost"),
    ),
    Refused(
        name="trees that never saw a missing value",
        model=lambda: RandomForestClassifier(20, random_state=0).fit(numbers(), truth()),
        X=gaps,
        refusal=AnswersDiffer,
        said=("of 300 rows", "The worst is row", "instead of", "age=nan", "Nothing was logged", "SimpleImputer()"),
    ),
    Refused(
        name="histogram gradient boosting",
        model=lambda: HistGradientBoostingClassifier(max_iter=5).fit(numbers(), truth()),
        refusal=NotConvertible,
        said=("HistGradientBoostingClassifier cannot be written as ONNX", "GradientBoostingClassifier, LightGBM"),
    ),
    Refused(
        name="a function in the pipeline",
        model=lambda: classified(FunctionTransformer(np.log1p)),
        refusal=NotConvertible,
        said=("Compute in X what FunctionTransformer computes",),
    ),
    Refused(
        name="a step of the user's own",
        model=lambda: classified(Doubled()),
        refusal=NotConvertible,
        said=("Doubled is a class of", "which has no converter", "compute in X"),
    ),
    Refused(
        name="hashed words",
        model=lambda: of_text(HashingVectorizer(n_features=32), LogisticRegression()),
        X=notes,
        refusal=NotConvertible,
        said=("Use TfidfVectorizer or CountVectorizer",),
    ),
    Refused(
        name="bins as sparse columns",
        model=lambda: classified(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")),
        refusal=NotConvertible,
        said=("encode='onehot-dense'",),
    ),
    Refused(
        name="a target that is transformed back",
        model=lambda: TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp).fit(
            numbers(), numbers()["amount"]
        ),
        refusal=NotConvertible,
        said=("Fit the regressor on the transformed y",),
    ),
    Refused(
        name="an imputer that adds columns",
        model=lambda: classified(SimpleImputer(add_indicator=True), rows=gaps()),
        X=gaps,
        refusal=AnswersDiffer,
        said=("SimpleImputer(add_indicator=True)", "['age_missing'] = X['age'].isna()"),
    ),
    Refused(
        name="several labels a row",
        model=lambda: RandomForestClassifier(3).fit(numbers(), np.column_stack([truth(), truth()])),
        refusal=RowsRefused,
        said=("several labels a row", "log a model for each label"),
    ),
    Refused(
        name="a model that is not fitted",
        model=LogisticRegression,
        refusal=RowsRefused,
        said=("LogisticRegression itself cannot answer X", "Is it fitted"),
    ),
    Refused(
        name="rows that lack a column",
        model=classified,
        X=lambda: numbers()[["amount"]],
        refusal=RowsRefused,
        said=("itself cannot answer X", "does X have the columns that it was fitted on"),
    ),
    Refused(
        name="words without their accents",
        model=lambda: of_text(TfidfVectorizer(strip_accents="unicode"), LogisticRegression()),
        X=notes,
        refusal=NotConvertible,
        said=("Texts are split into words by other rules", "strip_accents", "train with its defaults"),
    ),
    Refused(
        name="categories that LightGBM knows by pandas' codes",
        model=lambda: LGBMClassifier(n_estimators=3, verbose=-1).fit(categories(), truth()),
        X=categories,
        refusal=NotConvertible,
        said=("X has texts (country)", "OneHotEncoder"),
    ),
    Refused(
        name="seconds since 1970 in LightGBM",
        model=lambda: LGBMClassifier(n_estimators=60, min_child_samples=2, verbose=-1).fit(seconds(), truth()),
        X=seconds,
        refusal=AnswersDiffer,
        said=("float32 keeps 7 digits: subtract an offset",),
    ),
    Refused(
        name="text that is missing",
        model=classified,
        X=lambda: numbers().assign(country=pd.Series(["DE"] * (ROWS - 1), dtype=object)),
        refusal=RowsRefused,
        said=("'country' of X has no text in 1 rows", "row 299", "fillna('')"),
    ),
    Refused(
        name="a date",
        model=classified,
        X=lambda: numbers().assign(seen=pd.Timestamp("2026-01-01")),
        refusal=RowsRefused,
        said=("'seen' of X holds times", "train on numbers made of them"),
    ),
    Refused(
        name="a sparse matrix",
        model=classified,
        X=lambda: sparse.csr_matrix(numbers().to_numpy()),
        refusal=RowsRefused,
        said=("sparse matrix", "X.toarray()"),
    ),
    Refused(
        name="fewer labels than rows",
        model=classified,
        y=[1, 0],
        refusal=RowsRefused,
        said=("y has 2 labels, X has 300 rows",),
    ),
    Refused(
        name="the truth among the features",
        model=classified,
        X=lambda: numbers().assign(label=1),
        refusal=RowsRefused,
        said=("column 'label'", "give it as y"),
    ),
    Refused(
        name="no model", model=lambda: {"weights": [1]}, refusal=UnknownKind, said=("builtins.dict", "scikit-learn")
    ),
    Refused(
        name="a model of CatBoost",
        model=CatBoostClassifier,
        refusal=UnknownKind,
        said=("catboost.core.CatBoostClassifier", "model.save_model('model.onnx', format='onnx')"),
    ),
    Refused(
        name="a graph that answers maps",
        model=lambda: graph(output=maps(), node="ZipMap"),
        refusal=NotConvertible,
        said=("options={'zipmap': False}",),
    ),
    Refused(
        name="a graph of one row at a time",
        model=lambda: graph(rows=1),
        refusal=NotConvertible,
        said=("takes 1 rows, never more or fewer", "dynamic_axes={'X': {0: 'rows'}}"),
    ),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_it_is_refused_in_words_that_say_what_to_change(case: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.get_tracking_uri", lambda: "nowhere:")  # nothing may get as far as that
    with pytest.raises(case.refusal) as refused:
        penstock.log_model(case.model(), name="refused", X=(case.X or numbers)(), y=case.y)
    missing = [words for words in case.said if words not in str(refused.value)]
    assert not missing, f"{missing} not in: {refused.value}"


def test_a_pickle_is_not_opened_unless_the_call_says_so(tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(classified()))
    with pytest.raises(FileNotTrusted, match=re.escape("log_model(..., trust_pickle=True)")):
        penstock.log_model(str(file), name="refused", X=numbers())
