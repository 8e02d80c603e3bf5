"""What a row lacks, and what stands for what is not found."""

from typing import Any

import pytest

from penstock_contracts.features import FeatureLookup
from penstock_contracts.model_card import Column
from penstock_predictor.errors import DoesNotFit, FeaturesAway
from penstock_predictor.features.completed_rows import FeatureSource
from penstock_predictor.features.online_answer import FoundValue
from penstock_predictor.features.plan import Found, LookupPlan
from penstock_predictor.features.unavailable import Cause, FeaturesUnavailable

NOW = 1_000_000.0
KINDS = ("boolean", "integer", "long", "float", "double", "string")
AWAY = FeaturesUnavailable(Cause.TIMEOUT, "no answer")


def plan(entry: dict[str, Any], kind: str = "double", *, needs_store: bool = False) -> LookupPlan:
    """One looked-up column x beside a column that is given."""
    lookup = {"entities": {"user": "string", "shop": "integer"}, "columns": {"x": {"feature": "v:x"} | entry}}
    columns = [Column(name="given", type="double"), Column(name="x", type=kind)]
    return LookupPlan(FeatureLookup.model_validate(lookup), columns, needs_store=needs_store)


def filled(of: LookupPlan, found: Found) -> tuple[Any, FeatureSource]:
    done = of.complete([{"given": 1, "user": "u", "shop": 1}], {0: (("u", 1), found)}, NOW)
    (source,) = done.found[0].sources
    return done.rows[0]["x"], source


def seen(value: Any, *, age: float = 0.0, too_old: bool = False) -> Found:
    return [FoundValue(value, NOW - age, too_old)]


def test_rows_that_lack_the_column_have_a_key_each_and_others_none() -> None:
    keys = plan({}).keys([{"user": "u", "shop": 1}, {"x": None}, [1, 2], {"user": "v", "shop": 2, "given": 5}])
    assert keys == {0: ("u", 1), 3: ("v", 2)}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"user": "u"}, "row 0: column 'x' is missing: give it, or 'shop'"),
        ({"user": None, "shop": 1}, "row 0: column 'x' is missing: give it, or 'user'"),
        ({"user": 5, "shop": 1}, "row 0: 'user', by which features are looked up: expected a string"),
        ({"user": "u", "shop": True}, "row 0: 'shop', by which features are looked up: expected an integer"),
        ({"user": "u", "shop": 2**63}, "expected an integer of 64 bits"),
        ({"user": "u" * 1025, "shop": 1}, "expected a string of at most 1024 characters"),
    ],
)
def test_a_row_without_a_key_of_its_type_is_refused(row: dict[str, Any], told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        plan({}).keys([row])


def test_keys_that_are_no_columns_are_not_passed_on() -> None:
    done = plan({}).complete([{"given": 1, "x": 2, "user": "u", "shop": 1}, [1, 2]], {}, NOW)
    assert done.rows == [{"given": 1, "x": 2}, [1, 2]]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("long", 3, 3),
        ("integer", 3.0, 3),
        ("double", 3, 3),
        ("float", 2.5, 2.5),
        ("string", "", ""),
        ("boolean", False, False),
    ],
)
def test_a_value_of_the_columns_type_is_taken(kind: str, value: Any, expected: Any) -> None:
    taken, source = filled(plan({}, kind), seen(value))
    assert (taken, type(taken), source) == (expected, type(expected), FeatureSource.FOUND)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("long", 2.5), ("long", "3"), ("long", True), ("double", "NaN"), ("string", 3), ("boolean", 1)],
)
def test_a_value_of_another_type_is_missing(kind: str, value: Any) -> None:
    defaults = {"long": 1, "double": 0.5, "string": "a", "boolean": True}
    default = defaults[kind]
    entry = {"onMissing": "default", "default": default}
    assert filled(plan(entry, kind), seen(value)) == (default, FeatureSource.MISSING)


@pytest.mark.parametrize(
    ("found", "source"),
    [
        ([None], FeatureSource.MISSING),
        (seen(3.0, age=3601), FeatureSource.STALE),
        (seen(3.0, too_old=True), FeatureSource.STALE),
        (AWAY, FeatureSource.UNAVAILABLE),
    ],
    ids=["the store has none", "older than maxAge", "the store says it is too old", "the store gave nothing"],
)
@pytest.mark.parametrize(
    ("entry", "value"), [({"onMissing": "default", "default": 7.5}, 7.5), ({"onMissing": "null"}, None)]
)
def test_the_default_or_null_stands_in(entry: dict[str, Any], value: Any, found: Found, source: FeatureSource) -> None:
    assert filled(plan(entry | {"maxAge": "1h"}), found) == (value, source)


def test_a_value_of_any_age_is_taken_where_no_age_is_said() -> None:
    assert filled(plan({}), seen(3.0, age=1e9)) == (3.0, FeatureSource.FOUND)
    assert filled(plan({"maxAge": "1h"}), seen(3.0, age=3600)) == (3.0, FeatureSource.FOUND)
    assert filled(plan({"maxAge": "1h"}), seen(3.0, age=-60)) == (3.0, FeatureSource.FOUND)


@pytest.mark.parametrize(
    ("found", "told"),
    [([None], "looked up as v:x: the store has no value"), (seen(3.0, age=7200), "the store's value is 7200 s old")],
)
def test_a_value_that_must_be_there_refuses_the_request(found: Found, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        filled(plan({"onMissing": "reject", "maxAge": "1h"}), found)


@pytest.mark.parametrize(
    "of",
    [plan({"onMissing": "reject"}), plan({"onMissing": "null"}, needs_store=True)],
    ids=["the version says reject", "the resource says Reject"],
)
def test_where_the_store_gives_nothing_the_request_is_refused_for_now(of: LookupPlan) -> None:
    with pytest.raises(FeaturesAway, match="column 'x' is not given, and the feature store gave nothing: no answer"):
        filled(of, AWAY)
