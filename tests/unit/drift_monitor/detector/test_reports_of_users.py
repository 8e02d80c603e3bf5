"""What users reported of other drift monitors, each with the answer that ours must give."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from penstock_drift_monitor.detector.detector import Detector
from penstock_drift_monitor.detector.finding import ColumnFinding
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Sample


@pytest.fixture
def rng() -> Generator:
    return default_rng(11)


def judged(reference: Sample, live: Sample, block: int = 100) -> dict[str, ColumnFinding]:
    """Findings by column after all live rows, in looks of `block` rows."""
    sample = Reference.of(reference)
    detector = Detector(sample, period_seconds=0)
    rows = max(len(values) for values in live.values())
    for start in range(0, rows, block):
        look = {name: values[start : start + block] for name, values in live.items()}
        detector.add(sample.count(look), at=1000.0 + start)
    return {finding.column: finding for finding in detector.findings()}


def words(rng: Generator, words: Sequence[str], rows: int, shares: Sequence[float] | None = None) -> list[str | None]:
    return [str(word) for word in rng.choice(words, rows, p=shares)]


def test_eight_live_rows_against_150_are_insufficient_data(rng: Generator) -> None:
    found = judged({"x": rng.normal(size=150)}, {"x": rng.normal(5, 1, size=8)})  # evidently#509
    assert (found["x"].judged, found["x"].drifted, found["x"].score) == (False, False, 0.0)


def test_one_live_row_against_100_is_insufficient_data(rng: Generator) -> None:
    found = judged({"x": rng.normal(size=100)}, {"x": np.array([50.0])})  # evidently#450
    assert not found["x"].judged


@pytest.mark.parametrize("rows", [500, 100_000])
def test_a_shift_of_a_twentieth_deviation_has_one_answer_in_few_and_in_many_rows(rng: Generator, rows: int) -> None:
    found = judged({"x": rng.normal(size=3000)}, {"x": rng.normal(0.05, 1, size=rows)}, block=500)  # evidently#50
    assert found["x"].judged
    assert not found["x"].drifted


def test_one_column_that_is_empty_leaves_the_others_judged(rng: Generator) -> None:
    reference = {"empty": rng.normal(size=1000), "moved": rng.normal(size=1000)}
    found = judged(reference, {"empty": np.full(500, np.nan), "moved": rng.normal(1, 1, size=500)})  # evidently#1480
    assert (found["empty"].test, found["empty"].drifted) == ("missing", True)
    assert (found["moved"].quality, found["moved"].drifted) == (False, True)


def test_no_nulls_and_then_thirty_percent_is_a_matter_of_quality(rng: Generator) -> None:
    live = np.where(rng.random(300) < 0.3, np.nan, rng.normal(size=300))  # evidently#187
    found = judged({"x": rng.normal(size=1000)}, {"x": live})
    assert (found["x"].test, found["x"].quality, found["x"].drifted) == ("missing", True, True)


def test_samples_that_do_not_touch_are_as_far_apart_as_can_be_told(rng: Generator) -> None:
    near, far = {"x": rng.normal(100, 10, 1000)}, {"x": rng.normal(10_000, 10, 100)}  # evidently#494
    assert Reference.of(near).count(far).bins.tolist() == [[0] * 9 + [100]]
    assert judged(near, far)["x"].drifted


def test_good_and_bad_in_other_proportions_are_drift(rng: Generator) -> None:
    reference: Sample = {"credit": ["good"] * 130 + ["bad"] * 370}  # whylogs#491
    live = words(rng, ["good"] * 240 + ["bad"] * 260, 500)
    found = judged(reference, {"credit": live})
    assert (found["credit"].test, found["credit"].drifted) == ("shape", True)


def test_the_same_data_ten_times_have_one_answer(rng: Generator) -> None:
    reference, live = {"x": rng.normal(size=800)}, {"x": rng.normal(0.3, 1, size=1000)}  # whylogs#684
    assert len({tuple(judged(reference, live).items()) for _ in range(10)}) == 1


def test_two_samples_of_5000_of_one_law_are_no_drift(rng: Generator) -> None:
    found = judged({"x": rng.exponential(size=5000)}, {"x": rng.exponential(size=5000)})  # whylogs#461
    assert (found["x"].judged, found["x"].drifted) == (True, False)


def test_a_text_column_with_5000_values_has_a_score_and_no_alarm(rng: Generator) -> None:
    names = [f"customer {number}" for number in range(5000)]  # nannyml#292
    found = judged({"name": words(rng, names, 3000)}, {"name": words(rng, names, 5000)})
    assert np.isfinite(found["name"].score)
    assert not found["name"].drifted


def test_a_column_all_missing_in_the_reference_is_named_and_the_others_judged(rng: Generator) -> None:
    reference = {"never": np.full(1000, np.nan), "x": rng.normal(size=1000)}  # nannyml#339
    still = judged(reference, {"never": np.full(500, np.nan), "x": rng.normal(1, 1, size=500)})
    assert (still["never"].judged, still["never"].drifted, still["x"].drifted) == (True, False, True)
    filled = judged(reference, {"never": rng.normal(size=500), "x": rng.normal(size=500)})
    assert (filled["never"].test, filled["never"].drifted, filled["x"].drifted) == ("missing", True, False)


def test_zeros_and_ones_are_judged_as_two_values(rng: Generator) -> None:
    reference = {"flag": (rng.random(1000) < 0.3).astype(np.float64)}  # nannyml#171
    more = judged(reference, {"flag": (rng.random(1000) < 0.5).astype(np.float64)})
    assert (more["flag"].drifted, more["flag"].quality) == (True, False)
    sevens = judged(reference, {"flag": np.where(rng.random(1000) < 0.2, 7.0, 0.0)})
    assert (sevens["flag"].test, sevens["flag"].drifted) == ("unseen", True)


def test_nan_among_numbers_makes_no_nan_of_the_score(rng: Generator) -> None:
    holes = np.where(rng.random(2000) < 0.3, np.nan, rng.normal(size=2000))  # alibi-detect#221
    found = judged({"x": holes[:1000]}, {"x": holes[1000:]})
    assert np.isfinite(found["x"].score)
    assert not found["x"].drifted


def test_a_text_column_with_nan_and_numbers_in_it_is_judged(rng: Generator) -> None:
    values = np.array(["red", "green", float("nan"), None, 7], dtype=object)  # deepchecks#1833
    reference: Sample = {"colour": list(rng.choice(values, 1000))}
    found = judged(reference, {"colour": list(rng.choice(values, 500))})
    assert (found["colour"].judged, found["colour"].drifted) == (True, False)


def test_seven_and_its_text_are_one_category(rng: Generator) -> None:
    reference: Sample = {"label": ["7", "8"] * 500}  # trustyai-explainability#601
    mixed: list[object] = [7, "8"] * 250
    found = judged(reference, {"label": mixed})  # type: ignore[dict-item]
    assert not found["label"].drifted


def test_label_numbers_against_texts_are_unseen_and_the_other_way_round_no_numbers() -> None:
    texts, numbers = ["7", "8"] * 500, np.array([7.0, 8.0] * 500)
    assert judged({"label": texts}, {"label": numbers})["label"].test == "unseen"
    assert judged({"label": numbers}, {"label": texts})["label"].test == "non-finite"


def test_one_value_of_a_billion_in_5000_hides_no_shift_and_is_none(rng: Generator) -> None:
    reference, spoilt = {"x": rng.normal(size=2000)}, rng.normal(size=5000)
    spoilt[17] = 1e9
    assert not judged(reference, {"x": spoilt})["x"].drifted
    assert judged(reference, {"x": spoilt[:500] + 1})["x"].drifted
    outlier = {"x": np.append(reference["x"], 1e9)}
    assert judged(outlier, {"x": rng.normal(1, 1, size=500)})["x"].drifted


def test_a_long_tail_of_categories_is_no_wave_of_unseen_values() -> None:
    weights = 1 / np.arange(1, 2001) ** 1.1
    for seed in range(5):
        rng = default_rng(seed)
        names = [f"shop {number}" for number in range(2000)]
        tail = words(rng, names, 10_500, list(weights / weights.sum()))
        found = judged({"shop": tail[:500]}, {"shop": tail[500:]})
        assert not found["shop"].drifted, seed


def test_equally_frequent_categories_are_not_drift_though_the_sample_chose_its_largest() -> None:
    for seed in range(5):
        rng = default_rng(seed)
        values = words(rng, [f"shop {number}" for number in range(50)], 12_000)
        found = judged({"shop": values[:2000]}, {"shop": values[2000:]})
        assert not found["shop"].drifted, seed


def test_a_reference_of_500_rows_does_not_alarm_by_its_own_noise() -> None:
    for seed in range(5):
        rng = default_rng(seed)
        reference = {f"column {number}": rng.normal(size=500) for number in range(10)}
        live = {name: rng.normal(size=10_000) for name in reference}
        assert not any(finding.drifted for finding in judged(reference, live).values()), seed
