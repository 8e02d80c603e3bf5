import numpy as np
import pytest
from numpy.random import default_rng

from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Sample


def test_a_sample_without_rows_or_columns_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="no rows"):
        Reference.of({"amount": np.empty(0)})
    with pytest.raises(ValueError, match="no columns"):
        Reference.of({})


def test_columns_of_unequal_length_are_named() -> None:
    with pytest.raises(ValueError, match="'b' has 2 values"):
        Reference.of({"a": np.ones(3), "b": ["x", "y"]})
    reference = Reference.of({"a": np.ones(3)})
    with pytest.raises(ValueError, match="'c' has 2 dimensions"):
        reference.count({"c": np.ones((3, 2)), "a": np.ones(3)})


def test_numbers_are_in_ten_bins_of_equally_many() -> None:
    sample = {"x": default_rng(1).normal(size=1000)}
    counts = Reference.of(sample).count(sample)
    assert counts.bins.tolist() == [pytest.approx([100] * 10, abs=1)]


def test_a_value_that_many_rows_share_has_a_bin_alone() -> None:
    rng = default_rng(1)
    sample = {"x": np.where(rng.random(1000) < 0.6, 0.0, rng.normal(size=1000))}
    reference = Reference.of(sample)
    zeros = reference.count({"x": np.zeros(10)}).bins[0]
    near = reference.count({"x": np.array([-0.05, 0.05])}).bins[0]
    assert zeros.max() == 10
    assert near[zeros.argmax()] == 0


def test_doubles_of_the_sample_meet_singles_of_the_model() -> None:
    reference = Reference.of({"rate": np.array([0.1, 0.2, 0.3] * 100)})
    live = reference.count({"rate": np.array([0.1, 0.2, 0.3], np.float32).astype(np.float64)})
    assert live.unseen.tolist() == [0]
    assert reference.count({"rate": np.array([0.1, 0.25])}).unseen.tolist() == [1]


def test_a_number_beyond_single_precision_is_in_the_outermost_bin() -> None:
    reference = Reference.of({"x": default_rng(1).normal(size=1000)})
    counts = reference.count({"x": np.array([1e300, -1e300])})
    assert (counts.bins[0, 0], counts.bins[0, -1], counts.non_finite[0]) == (1, 1, 0)


def test_what_is_absent_broken_or_of_another_kind_is_counted_apart() -> None:
    reference = Reference.of({"x": np.arange(100.0), "word": ["a", "b"] * 50, "gone": np.arange(100.0)})
    counts = reference.count({"x": np.array([np.nan, np.inf, 5.0]), "word": ["a", None, "new"], "other": np.ones(3)})
    assert counts.rows == 3
    assert counts.missing.tolist() == [1, 1, 3]
    assert counts.non_finite.tolist() == [1, 0, 0]
    assert counts.unseen.tolist() == [0, 1, 0]
    assert counts.bins.sum(axis=1).tolist() == [1, 2, 0]
    swapped = reference.count({"x": ["5", None, "b"], "word": np.array([1.0, np.nan, 2.0])})
    assert (swapped.non_finite[0], swapped.missing[0]) == (2, 1)
    assert (swapped.unseen[1], swapped.missing[1]) == (2, 1)


def numbers_and_words(rows: int) -> Sample:
    rng = default_rng(2)
    return {"x": rng.normal(size=rows), "word": [str(word) for word in rng.integers(0, 30, rows)]}


def test_counts_add_up_to_those_of_all_rows() -> None:
    sample = numbers_and_words(300)
    reference = Reference.of(sample)
    total = reference.count(sample)
    parts = [reference.count({name: values[i : i + 7] for name, values in sample.items()}) for i in range(0, 300, 7)]
    added = sum(parts[1:], parts[0])
    assert added.rows == total.rows
    assert np.array_equal(added.bins, total.bins)
    assert np.array_equal(added.unseen, total.unseen)


def test_only_some_columns_are_judged_as_within_all() -> None:
    rng = default_rng(3)
    sample = {name: rng.normal(size=200) for name in ("a", "b", "c")}
    reference = Reference.of(sample)
    some = reference.only(["c", "a", "no such column"])
    assert (some.columns, some.rows) == (("a", "c"), 200)
    assert np.array_equal(some.count(sample).bins, reference.count(sample).bins[[0, 2]])


def test_rows_without_any_known_column_count_as_rows() -> None:
    counts = Reference.of({"x": np.arange(100.0)}).count({"y": np.ones(4)})
    assert (counts.rows, counts.missing.tolist()) == (4, [4])


@pytest.mark.parametrize("atoms", [2, 5, 20, 300])
def test_rounding_in_the_last_places_moves_no_value_to_another_bin(atoms: int) -> None:
    """A sample's predictions are computed by the trainer in double, live ones by onnxruntime in single precision."""
    rng = default_rng(3)
    leaves = np.sort(rng.random(atoms))
    sample = rng.choice(leaves, 2000)
    reference = Reference.of({"prediction": sample})
    expected = reference.count({"prediction": sample}).bins
    for off in (1 - 5e-7, 1 + 5e-7):
        counts = reference.count({"prediction": sample * off})
        assert counts.unseen.tolist() == [0]
        assert np.abs(counts.bins - expected).sum() <= 20, off  # of 300 values some lie that close together


def test_a_value_between_a_few_known_ones_is_unseen() -> None:
    reference = Reference.of({"grade": np.repeat([1.0, 2.0, 3.0], 500)})
    assert reference.count({"grade": np.array([1.0, 2.5, 2.01, 3.0])}).unseen.tolist() == [2]


def test_a_constant_zero_is_itself_and_nothing_else_is() -> None:
    reference = Reference.of({"zero": np.zeros(2000)})
    assert reference.count({"zero": np.array([0.0, -0.0, 1e-9, 0.001])}).unseen.tolist() == [1]


@pytest.mark.parametrize("off", [1 - 5e-7, 1 + 5e-7])
def test_a_value_at_the_end_that_many_rows_share_stays_in_its_bin(off: float) -> None:
    rng = default_rng(4)
    ends = np.where(rng.random(2000) < 0.3, 0.2, np.where(rng.random(2000) < 0.3, 0.9, rng.uniform(0.3, 0.8, 2000)))
    reference = Reference.of({"score": ends})
    for end in (0.2, 0.9):
        exact, moved = (reference.count({"score": np.array([value])}).bins for value in (end, end * off))
        assert exact.tolist() == moved.tolist()
