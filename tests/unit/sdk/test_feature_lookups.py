"""What a caller says of a feature store: the bytes that go with the version, or a refusal that says what to change."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penstock
from penstock import ViewLookup
from penstock.errors import FeaturesRefused
from penstock.feature_lookups import Features, features_json
from penstock.rows import Rows, rows_of
from penstock_contracts.features import FeatureColumn, FeatureLookup, OnMissing
from penstock_testing.code_blocks import code_blocks

USERS = ViewLookup("users", key="user_id", columns=["age", "score"], defaults={"age": 40, "score": None}, max_age="26h")
AGE = {"feature": "users:age", "onMissing": "default", "default": 40}


def rows() -> Rows:
    return rows_of(pd.DataFrame({"age": [20, 30], "score": [0.5, 1.5], "country": ["DE", "FR"], "new": [True, False]}))


def of_users(**more: Any) -> ViewLookup:
    return ViewLookup("users", **{"key": "user_id", "columns": ["age"]} | more)


def file(columns: Any, **more: Any) -> dict[str, Any]:
    return {"entities": {"user_id": "string"}, "columns": columns} | more


def written(features: Features) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(features_json(features, rows()))
    return document


def test_a_view_is_written_column_by_column_as_the_model_store_reads_it() -> None:
    assert features_json(USERS, rows()) == (
        b'{\n  "entities": {\n    "user_id": "string"\n  },\n  "columns": {\n'
        b'    "age": {\n      "feature": "users:age",\n      "onMissing": "default",\n      "default": 40,\n'
        b'      "maxAge": "26h"\n    },\n'
        b'    "score": {\n      "feature": "users:score",\n      "onMissing": "null",\n      "maxAge": "26h"\n    }\n'
        b"  }\n}\n"
    )


def test_views_with_a_key_of_numbers_several_keys_and_other_names_stand_in_one_file() -> None:
    cards = ViewLookup("cards", key={"user_id": str, "card": int}, columns={"country": "issued_in"})
    lookup = FeatureLookup.model_validate_json(features_json([USERS, cards], rows()))
    assert lookup.entities == {"user_id": "string", "card": "integer"}
    assert list(lookup.columns) == ["age", "score", "country"]
    assert lookup.columns["country"] == FeatureColumn(feature="cards:issued_in", on_missing=OnMissing.REJECT)
    assert lookup.service is None


def test_several_keys_in_a_list_are_texts() -> None:
    assert written(of_users(key=["user_id", "shop"]))["entities"] == {"user_id": "string", "shop": "string"}


def test_defaults_may_be_numbers_as_pandas_computes_them() -> None:
    table = pd.DataFrame({"age": [20, 30], "score": [0.5, 1.5], "new": [True, False]})
    defaults = {"age": table["age"].max(), "score": table["score"].median(), "new": np.bool_(False)}
    columns = written(of_users(columns=list(defaults), defaults=defaults))["columns"]
    assert {name: entry["default"] for name, entry in columns.items()} == {"age": 30, "score": 1.0, "new": False}


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(hours=26), "26h"),
        (timedelta(days=2), "48h"),
        (timedelta(minutes=90), "5400s"),
        (timedelta(milliseconds=250), "250ms"),
        ("1h30m", "1h30m"),
    ],
)
def test_an_age_is_a_time_of_python_or_a_duration(age: str | timedelta, shown: str) -> None:
    assert written(of_users(max_age=age))["columns"]["age"]["maxAge"] == shown


def test_a_file_or_its_content_is_taken_as_it_is_with_the_service_that_it_names(tmp_path: Path) -> None:
    given = file({"age": AGE | {"maxAge": "26h"}}, service="fraud_detector")
    there = tmp_path / "features.json"
    there.write_text(json.dumps(given))
    assert written(given) == written(there) == written(str(there)) == given


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (of_users(columns=["hat"]), "the signature has no column 'hat': it has ['age', 'country', 'new', 'score']"),
        (of_users(columns="hat"), "the signature has no column 'hat'"),
        (of_users(defaults={"score": 1.0}), "users has a default for 'score', which is none of its columns: age"),
        (file({"age": AGE | {"default": None}}), "'age' (long) has onMissing: default and no default"),
        (of_users(defaults={"age": None}), "'age' (long) cannot be null, only a number with a point can"),
        (of_users(defaults={"age": 40.0}), "'age' (long) has the default 40.0, which is no value of that type: give a"),
        (of_users(columns=["new"], defaults={"new": 1}), "give true or false"),
        (of_users(columns=["score"], defaults={"score": float("nan")}), "default nan, which is no value of that type"),
        (of_users(columns=["country"], defaults={"country": 1}), "'country' (string) has the default 1"),
        (of_users(defaults={"age": timedelta(1)}), "is a timedelta, which features.json cannot hold"),
        (of_users(max_age="1 day"), "maxAge: '1 day' is not a duration: write it like 90s, 10m or 1h30m"),
        (of_users(max_age=timedelta(0)), "maxAge: 0h is no time"),
        (of_users(max_age=timedelta(hours=-1)), "maxAge: '-1h' is not a duration"),
        (of_users(max_age=26), "columns.age.maxAge: Input should be a valid string"),
        (of_users(key={"user_id": float}), "keys are texts or whole numbers, {'user_id': str} or {'user_id': int}"),
        (of_users(key="age"), "'age' is an entity key and looked up by itself"),
        (of_users(key=[]), "entities: Dictionary should have at least 1 item"),
        (of_users(columns=[]), "columns: Dictionary should have at least 1 item"),
        ([], "entities: Dictionary should have at least 1 item"),
        ([of_users(), of_users(key={"user_id": int})], "'user_id' stands in two look-ups, once as string and once as"),
        ([of_users(), of_users(max_age="1h")], "'age' stands in two look-ups"),
        (ViewLookup("my users", key="user_id", columns=["age"]), "columns.age.feature: String should match pattern"),
        (file({"age": AGE}, servce="fraud"), "servce: Extra inputs are not permitted"),
        (["age"], "features is a list of something else: give penstock.ViewLookup(view, key=..., columns=[...])"),
        ("absent.json", "features: absent.json cannot be read (No such file or directory): give the path of a"),
    ],
)
def test_what_cannot_be_looked_up_is_refused_in_words_that_say_what_to_change(features: Features, said: str) -> None:
    with pytest.raises(FeaturesRefused) as refused:
        features_json(features, rows())
    assert said in str(refused.value)


def test_rows_without_names_have_no_columns_to_look_up() -> None:
    with pytest.raises(FeaturesRefused, match="give X as a DataFrame"):
        features_json(USERS, rows_of(np.ones((3, 2))))


def test_features_are_refused_before_the_model_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.get_tracking_uri", lambda: "nowhere:")
    with pytest.raises(penstock.ModelRefused, match="no column 'hat'"):
        penstock.log_model(None, name="refused", X=pd.DataFrame({"age": [1]}), features=of_users(columns=["hat"]))


def test_the_look_ups_on_the_page_write_the_file_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "docs/how-to/feature-store.md"
    python = next(block for block in code_blocks("python") if block.page == page)
    shown = json.loads(next(block for block in code_blocks("json") if block.page == page).text)
    table = pd.DataFrame({"account_age_days": [1], "minutes_since_last_transaction": [1.5], "card_country": ["DE"]})
    given: dict[str, Any] = {}
    monkeypatch.setattr(penstock, "log_model", lambda _, **arguments: given.update(arguments))

    exec(python.text, {"penstock": penstock, "model": None, "X": table, "y": None})  # noqa: S102 - what the page says

    assert json.loads(features_json(given["features"], rows_of(given["X"]))) | {"service": shown["service"]} == shown
