import numpy as np
import pytest

from penstock_drift_monitor.reports.columns import Categories, Numbers, Values, has_a_value, pair, taken, thinned


def _categories(column: Numbers | Categories) -> list[str | None]:
    assert isinstance(column, Categories)
    listed = [*column.names, None]
    return [listed[place] for place in np.frombuffer(column.int32, "<i4")]


def _numbers(column: Numbers | Categories) -> list[float]:
    assert isinstance(column, Numbers)
    return list(np.frombuffer(column.float64, "<f8").tolist())


def test_numbers_stay_numbers_and_what_is_not_finite_is_missing() -> None:
    reference, current = pair([1, 2.5], np.array([np.inf, -3], dtype=np.float32), 30)

    assert _numbers(reference) == [1.0, 2.5]
    assert str(_numbers(current)) == "[nan, -3.0]"


@pytest.mark.parametrize("flags", [[True, False], np.array([True, False])])
def test_booleans_are_categories(flags: Values) -> None:
    assert _categories(pair(flags, flags, 30)[0]) == ["true", "false"]


def test_a_column_that_is_text_on_one_side_is_text_on_both() -> None:
    reference, current = pair([1.0, float("nan")], ["1.0", None], 30)

    assert _categories(reference) == _categories(current) == ["1.0", None]


def test_an_integer_too_large_for_a_float_is_missing() -> None:
    assert str(_numbers(pair([10**400], [1], 30)[0])) == "[nan]"


def test_of_many_categories_the_frequent_are_kept_and_the_rest_are_one() -> None:
    many = ["often"] * 5 + [f"once-{number}" for number in range(10_000)]

    shown = _categories(pair(many, ["often"], 4)[0])

    assert len(set(shown)) == 4
    assert shown.count("(other: 9998 values)") == 9998
    assert shown.count("often") == 5


def test_a_category_that_is_called_as_the_rest_is_counted_with_it() -> None:
    many = ["(other: 3 values)"] * 3 + ["a", "a", "b", "c"]

    assert set(_categories(pair(many, many, 2)[0])) <= {"(other: 3 values)", "a"}


def test_categories_that_look_alike_stay_two() -> None:
    shown = _categories(pair(["<", "‹"], ["<"], 30)[0])  # noqa: RUF001 - on purpose

    assert len(set(shown)) == 2


@pytest.mark.parametrize(
    ("values", "has"),
    [([float("nan"), float("inf")], False), ([float("nan"), 0.0], True), ([None, None], False), (["", None], True)],
)
def test_a_column_has_a_value_or_none(values: Values, has: bool) -> None:
    assert has_a_value(pair(values, values, 30)[0]) is has


@pytest.mark.parametrize(("rows", "most"), [(0, 5), (5, 5), (6, 5), (1_000_003, 5000)])
def test_rows_are_thinned_evenly(rows: int, most: int) -> None:
    places = thinned(rows, most)

    assert len(places) == min(rows, most)
    assert sorted(set(places.tolist())) == places.tolist()
    assert all(0 <= place < rows for place in places)
    assert len(set(np.diff(places).tolist())) <= 2


def test_the_chosen_rows_are_taken_of_lists_and_arrays_alike() -> None:
    places = thinned(4, 2)

    assert list(taken(["a", "b", "c", None], places)) == ["a", "c"]
    assert list(taken(np.arange(4), places)) == [0, 2]
