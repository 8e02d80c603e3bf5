import json
from typing import Any

import pytest

from penstock_contracts.features import OnMissing
from penstock_contracts.model_card import Column
from penstock_model_store.canonical import canonical_features
from penstock_model_store.errors import BadFeatures
from penstock_model_store.features import lookup_of

COLUMNS = (
    Column(name="age", type="long"),
    Column(name="small", type="integer"),
    Column(name="amount", type="double"),
    Column(name="word", type="string"),
)
AGE = {"feature": "users:age", "onMissing": "default", "default": 40, "maxAge": "26h"}


def text(columns: Any, **more: Any) -> bytes:
    return json.dumps({"entities": {"user_id": "string"}, "columns": columns} | more).encode()


def test_the_file_is_read_as_it_was_written() -> None:
    lookup = lookup_of(text({"age": AGE, "amount": {"feature": "users:amount"}}, service="fraud"), COLUMNS)
    assert (lookup.service, lookup.entities) == ("fraud", {"user_id": "string"})
    assert (lookup.columns["age"].default, lookup.columns["age"].max_age) == (40, "26h")
    assert lookup.columns["amount"].on_missing is OnMissing.REJECT


def test_equal_meaning_has_equal_bytes_and_another_default_has_others() -> None:
    spaced = json.dumps(json.loads(text({"age": AGE})), indent=4).encode()
    assert canonical_features(lookup_of(text({"age": AGE}), COLUMNS)) == (
        b'{"columns":{"age":{"default":40,"feature":"users:age","maxAge":"26h","onMissing":"default"}},'
        b'"entities":{"user_id":"string"}}\n'
    )
    assert canonical_features(lookup_of(spaced, COLUMNS)) == canonical_features(lookup_of(text({"age": AGE}), COLUMNS))
    other = lookup_of(text({"age": AGE | {"default": 41}}), COLUMNS)
    assert canonical_features(other) != canonical_features(lookup_of(text({"age": AGE}), COLUMNS))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[]", "the file: Input should be an object"),
        (b"{", "the file: Invalid JSON"),
        (text({}), "columns: Dictionary should have at least 1 item"),
        (text({"age": AGE}, entities={}), "entities: Dictionary should have at least 1 item"),
        (text({"age": AGE}, entities={"user_id": "double"}), "entities.user_id: Input should be 'string' or 'integer'"),
        (text({"age": AGE}, servce="fraud"), "servce: Extra inputs are not permitted"),
        (text({"age": AGE | {"maxage": "1h"}}), "columns.age.maxage: Extra inputs are not permitted"),
        (text({"age": AGE | {"feature": "age"}}), "columns.age.feature: String should match"),
        (text({"hat": AGE}), "the signature has no column 'hat': it has"),
        (text({"age": AGE | {"default": None}}), "'age' (long) has onMissing: default and no default"),
        (text({"age": AGE | {"onMissing": "reject"}}), "'age' (long) has a default that is never used"),
        (text({"age": {"feature": "u:a", "onMissing": "null"}}), "'age' (long) cannot be null"),
        (text({"age": AGE | {"default": 1.5}}), "'age' (long) has the default 1.5, which is no value of that type"),
        (text({"age": AGE | {"default": True}}), "'age' (long) has the default True"),
        (text({"small": AGE | {"default": 2**31}}), "'small' (integer) has the default 2147483648"),
        (text({"amount": AGE | {"default": float("nan")}}), "'amount' (double) has the default nan, which is no value"),
        (text({"word": AGE | {"default": "x" * 2**20}}), "bytes, more than 1048576"),
        (text({"word": AGE}), "'word' (string) has the default 40"),
        (text({"age": AGE | {"maxAge": "1 day"}}), "'1 day' is not a duration: write it like 90s"),
        (text({"age": AGE | {"maxAge": "0s"}}), "maxAge: 0s is no time"),
        (text({"age": AGE}, entities={"age": "integer"}), "'age' is an entity key and looked up by itself"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_place(body: bytes, told: str) -> None:
    with pytest.raises(BadFeatures) as refused:
        lookup_of(body, COLUMNS)
    assert told in str(refused.value)


def test_a_model_without_named_columns_looks_none_up() -> None:
    with pytest.raises(BadFeatures, match="the model's signature names none: log the model with a"):
        lookup_of(text({"age": AGE}), None)
