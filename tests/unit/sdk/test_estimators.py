"""Estimators whose conversion needs more than the converter: what was wrong without it."""

# mypy: allow-untyped-calls

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from penstock.conversion import AllowedDifference, Conversion, converted
from penstock.frameworks.recognition import recognised
from penstock.frameworks.scikit_learn import ScikitLearnModel
from penstock.graph import OnnxGraph
from penstock.parity import compared
from penstock.rows import rows_of

ROWS = 1500
EXACT = AllowedDifference(of_number=1e-5, of_rows=0.0)


def payments() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "amount (EUR)": rng.lognormal(3, 1, ROWS).round(2),
            "age": rng.integers(18, 90, ROWS).astype(float),
            "country": rng.choice(["DE", "FR", "US"], ROWS, p=[0.8, 0.19, 0.01]),
            "abroad": rng.random(ROWS) < 0.2,
        }
    )
    table.loc[::7, "age"] = np.nan
    return table


def truth(table: pd.DataFrame) -> "pd.Series[int]":
    return ((table["amount (EUR)"] > 25) ^ (table["age"] > 50)).astype(int)


def conversion(model: Any, given: Any) -> Conversion:
    return converted(recognised(model), rows_of(given), EXACT)


def test_trees_behind_a_scaler_and_an_imputer_answer_alike_in_float64_where_float32_puts_rows_into_other_leaves() -> (
    None
):
    table = payments()
    numbers = table[["amount (EUR)", "age"]]
    steps = make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(20, random_state=0))
    model, rows = ScikitLearnModel(steps.fit(numbers, truth(table))), rows_of(numbers)
    expected = model.answers(rows)
    single = OnnxGraph(model.convert(rows, "float32", tuple(expected)))
    assert compared(expected, single.answers(rows.feeds(single.inputs)), 1e-5).differing > 0

    made = converted(model, rows, EXACT)

    assert made.graph.inputs[0].dtype == np.float64
    assert made.parity is not None
    assert made.parity.differing == 0


def test_columns_keep_their_names_and_flags_and_categories_are_inputs_of_their_own() -> None:
    table = payments().fillna(40)
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(), ["country", "abroad"]), ("numbers", "passthrough", ["amount (EUR)", "age"])]
    )
    made = conversion(make_pipeline(columns, RandomForestClassifier(5)).fit(table, truth(table)), table)
    assert {each.name for each in made.graph.inputs} == set(table.columns)


def test_words_of_other_languages_and_pairs_of_words_are_split_as_scikit_learn_splits_them() -> None:
    words = ["Straße", "café", "I", "a", "e-mail", "don't", "日本", "order", "U.S."]
    rng = np.random.default_rng(0)
    notes = pd.DataFrame({"note": [" ".join(rng.choice(words, 5)) for _ in range(300)]})
    text = ColumnTransformer([("text", TfidfVectorizer(ngram_range=(1, 2)), "note")])
    model = make_pipeline(text, LogisticRegression()).fit(notes, rng.integers(0, 2, 300))
    assert conversion(model, notes).parity is not None


def test_xgboost_is_converted_with_the_names_that_it_keeps() -> None:
    table = payments()
    numbers = table[["amount (EUR)", "age"]]
    model = xgboost.XGBClassifier(n_estimators=5).fit(numbers, truth(table))
    made = conversion(model, numbers)
    assert [each.name for each in made.graph.outputs] == ["label", "probabilities"]
    assert model.get_booster().feature_names == list(numbers.columns)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_a_booster_is_given_the_label_that_it_does_not_answer_itself(kind: str) -> None:
    table = payments()
    numbers, labels = table[["amount (EUR)", "age"]], truth(table)
    if kind == "lightgbm":
        booster: Any = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(numbers, labels), 5)
    else:
        booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(numbers, labels), 5)
    made = conversion(booster, numbers)
    assert made.answers["label"].tolist() == (made.answers["probabilities"][:, 1] > 0.5).astype(int).tolist()


def test_a_boosted_model_in_a_pipeline_is_converted_with_it() -> None:
    table = payments()
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(), ["country"]), ("numbers", StandardScaler(), ["amount (EUR)", "age"])]
    )
    model = make_pipeline(columns, lightgbm.LGBMClassifier(n_estimators=10, verbose=-1)).fit(table, truth(table))
    assert conversion(model, table).parity is not None


def test_several_numbers_a_row_are_stated_as_they_are() -> None:
    numbers = payments()[["amount (EUR)"]]
    model = RandomForestRegressor(5).fit(numbers, np.column_stack([numbers, 2 * numbers]))
    assert conversion(model, numbers).graph.outputs[0].shape == (-1, 2)


def test_a_classifier_without_probabilities_serves_its_labels_alone() -> None:
    numbers = payments()[["amount (EUR)"]].head(200)
    made = conversion(SVC().fit(numbers, (numbers["amount (EUR)"] > 25).astype(str)), numbers)
    assert [(each.name, each.dtype.kind) for each in made.graph.outputs] == [("label", "O")]


def test_what_transforms_can_be_served_too() -> None:
    numbers = payments()[["amount (EUR)"]]
    made = conversion(make_pipeline(StandardScaler()).fit(numbers), numbers)
    assert [each.name for each in made.graph.outputs] == ["transformed"]
