import math

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from penstock_drift_monitor.detector.detector import LEAST_ROWS, Detector
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Sample, Values

DAY = 86_400.0


@pytest.fixture
def rng() -> Generator:
    return default_rng(5)


@pytest.fixture
def reference(rng: Generator) -> Reference:
    return Reference.of(rows(rng, 2000))


def rows(rng: Generator, number: int, shift: float = 0.0) -> Sample:
    return {
        "amount": rng.normal(shift, 1, size=number),
        "age": rng.exponential(size=number),
        "shop": [f"shop {place}" for place in rng.integers(0, 5, size=number)],
    }


def part(sample: Sample, start: int, end: int) -> Sample:
    return {name: values[start:end] for name, values in sample.items()}


def drifted(detector: Detector) -> set[str]:
    return {finding.column for finding in detector.findings() if finding.drifted}


def test_before_the_first_row_nothing_is_judged_and_nothing_is_odd(reference: Reference) -> None:
    findings = Detector(reference, period_seconds=0).findings()
    assert [finding.column for finding in findings] == ["amount", "age", "shop"]
    assert all((f.judged, f.drifted, f.score, f.rows, f.since) == (False, False, 0.0, 0, None) for f in findings)


def test_only_the_moved_column_drifts_and_since_the_block_that_showed_it(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=0)
    moments = iter(range(1000, 10_000))
    for _ in range(20):
        detector.add(reference.count(rows(rng, 100)), at=next(moments))
    assert drifted(detector) == set()
    while not drifted(detector):
        at = next(moments)
        detector.add(reference.count(rows(rng, 100, shift=1)), at=at)
    amount, age, shop = detector.findings()
    assert (amount.since, age.since, shop.since) == (at, None, None)
    assert amount.test == "location"
    assert at < 1030
    detector.add(reference.count(rows(rng, 100, shift=1)), at=at + 50)
    assert detector.findings()[0].since == at


def test_a_look_after_every_record_equals_a_look_after_each_fifty(reference: Reference, rng: Generator) -> None:
    live, single, fifties = rows(rng, 400, shift=0.4), *(Detector(reference, period_seconds=0) for _ in range(2))
    for row in range(400):
        single.add(reference.count(part(live, row, row + 1)), at=row)
    for start in range(0, 400, LEAST_ROWS):
        fifties.add(reference.count(part(live, start, start + LEAST_ROWS)), at=start + LEAST_ROWS - 1)
    assert single.findings() == fifties.findings()
    assert single.to_bytes() == fifties.to_bytes()


def test_the_order_of_rows_within_a_block_does_not_matter(reference: Reference, rng: Generator) -> None:
    live, mixed = rows(rng, 300, shift=0.4), [int(place) for place in rng.permutation(300)]
    shuffled: dict[str, Values] = {}
    for name, values in live.items():
        shuffled[name] = values[mixed] if isinstance(values, np.ndarray) else [values[place] for place in mixed]
    ends = []
    for sample in (live, shuffled):
        detector = Detector(reference, period_seconds=0)
        detector.add(reference.count(sample), at=1)
        ends.append(detector.to_bytes())
    assert ends[0] == ends[1]


def test_when_drift_ends_the_alarm_ends_within_a_thousand_rows(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=0)
    for at in range(200):  # long enough to win any odds, were they not capped
        detector.add(reference.count(rows(rng, 100, shift=1)), at=at)
    assert drifted(detector) == {"amount"}
    needed = 0
    while drifted(detector) and needed < 1000:
        detector.add(reference.count(rows(rng, 50)), at=1000 + needed)
        needed += 50
    assert needed < 1000
    assert detector.findings()[0].since is None


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_when_values_come_back_the_alarm_of_quality_ends(reference: Reference, rng: Generator, broken: float) -> None:
    detector = Detector(reference, period_seconds=0)
    for at in range(50):
        detector.add(reference.count({**rows(rng, 100), "age": np.full(100, broken)}), at=at)
    assert drifted(detector) == {"age"}
    for at in range(50, 80):
        detector.add(reference.count(rows(rng, 50)), at=at)
    assert drifted(detector) == set()


def test_a_column_that_vanishes_is_found_in_its_first_block(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=DAY)
    live = {name: values for name, values in rows(rng, LEAST_ROWS).items() if name != "age"}
    detector.add(reference.count(live), at=60)
    age = detector.findings()[1]
    assert (age.test, age.drifted, age.quality, age.judged, age.since) == ("missing", True, True, True, 60)


def test_infinities_are_non_finite_and_not_drift_of_the_numbers(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=0)
    amount = np.where(rng.random(200) < 0.2, np.inf, rng.normal(size=200))
    detector.add(reference.count({**rows(rng, 200), "amount": amount}), at=1)
    finding = detector.findings()[0]
    assert (finding.test, finding.drifted) == ("non-finite", True)


def test_fewer_missing_values_than_in_the_reference_are_a_change_too(rng: Generator) -> None:
    holes = np.where(rng.random(2000) < 0.4, np.nan, rng.normal(size=2000))
    reference = Reference.of({"x": holes})
    detector = Detector(reference, period_seconds=0)
    for at in range(10):
        detector.add(reference.count({"x": rng.normal(size=100)}), at=at)
    assert detector.findings()[0].test == "missing"
    assert drifted(detector) == {"x"}


def wave(rng: Generator, day: float, number: int, shift: float = 0.0) -> Sample:
    """Rows of one moment of a day of length 1."""
    return {"amount": rng.normal(shift + 0.5 * math.sin(2 * math.pi * day), 1, size=number)}


def days(rng: Generator, number: int) -> Sample:
    moments = rng.random(number)
    return {"amount": rng.normal(0.5 * np.sin(2 * np.pi * moments), 1)}


@pytest.mark.parametrize("began", [0.0, 0.3])
def test_a_daily_wave_is_no_drift_by_whole_days_whenever_they_begin(rng: Generator, began: float) -> None:
    reference = Reference.of(days(rng, 3000))
    detector = Detector(reference, period_seconds=DAY)
    unusual = 0
    for look in range(30 * 20):
        day = began + look / 20
        detector.add(reference.count(wave(rng, day, 150)), at=day * DAY)
        unusual += detector.findings()[0].unusual
        assert not drifted(detector), day
    assert unusual > 0  # half of the wave is unusual, and says so without an alarm


def test_a_daily_wave_is_drift_when_judged_at_once(rng: Generator) -> None:
    reference = Reference.of(days(rng, 3000))
    detector = Detector(reference, period_seconds=0)
    alarms = False
    for look in range(50):
        detector.add(reference.count(wave(rng, look / 50, 60)), at=look)
        alarms = alarms or bool(drifted(detector))
    assert alarms


@pytest.mark.parametrize("shift", [0.25, 0.5, 1.0])
def test_a_shift_on_top_of_the_wave_is_found_after_one_day(rng: Generator, shift: float) -> None:
    reference = Reference.of(days(rng, 3000))
    detector = Detector(reference, period_seconds=DAY)
    for look in range(50 * 2 + 1):
        moved = shift if look >= 50 else 0.0
        detector.add(reference.count(wave(rng, look / 50, 60, moved)), at=look / 50 * DAY)
    assert drifted(detector) == {"amount"}
    assert detector.findings()[0].since == pytest.approx(99 / 50 * DAY)


def test_no_whole_day_is_insufficient_data(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=DAY)
    detector.add(reference.count(rows(rng, 5000, shift=1)), at=0)
    detector.add(reference.count(rows(rng, 5000, shift=1)), at=DAY - 1)
    assert not any(finding.judged for finding in detector.findings())
    detector.add(reference.count(rows(rng, 1)), at=DAY)
    amount = detector.findings()[0]
    assert (amount.judged, amount.drifted, amount.rows, amount.since) == (True, True, 10_000, DAY - 1)


def test_a_day_with_few_rows_goes_on_in_the_next(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=DAY)
    for day in range(5):
        detector.add(reference.count(rows(rng, 10)), at=day * DAY)
        assert not detector.findings()[0].judged
    detector.add(reference.count(rows(rng, 10)), at=5 * DAY)
    assert detector.findings()[0].judged


def test_after_a_gap_a_day_begins_with_the_first_row(reference: Reference, rng: Generator) -> None:
    detector = Detector(reference, period_seconds=DAY)
    detector.add(reference.count(rows(rng, 100)), at=0)
    detector.add(reference.count(rows(rng, 100)), at=3.5 * DAY)
    detector.add(reference.count(rows(rng, 100)), at=4.4 * DAY)
    assert detector._state.block_rows == 100
    detector.add(reference.count(rows(rng, 100)), at=4.5 * DAY)
    assert detector._state.block_rows == 300


def test_the_state_survives_at_any_instant_with_the_same_end(reference: Reference, rng: Generator) -> None:
    for period in (0.0, 7.0):
        live = [reference.count(rows(rng, 30, shift=0.02 * look)) for look in range(40)]
        whole = Detector(reference, period_seconds=period)
        saved = Detector(reference, period_seconds=period)
        for at, counts in enumerate(live):
            whole.add(counts, at=at)
            saved = Detector.from_bytes(reference, saved.to_bytes(), period_seconds=period)
            saved.add(counts, at=at)
            assert saved.findings() == whole.findings()
        assert saved.to_bytes() == whole.to_bytes()


def test_the_state_of_twenty_columns_is_small(rng: Generator) -> None:
    reference = Reference.of({f"column {number}": rng.normal(size=500) for number in range(20)})
    assert len(Detector(reference, period_seconds=0).to_bytes()) < 40_000


def test_a_state_of_another_reference_period_or_format_is_refused(reference: Reference, rng: Generator) -> None:
    data = Detector(reference, period_seconds=0).to_bytes()
    with pytest.raises(ValueError, match="another reference"):
        Detector.from_bytes(Reference.of(rows(rng, 2000)), data, period_seconds=0)
    with pytest.raises(ValueError, match="another reference"):
        Detector.from_bytes(reference.only(["age"]), data, period_seconds=0)
    with pytest.raises(ValueError, match="period"):
        Detector.from_bytes(reference, data, period_seconds=60)
    with pytest.raises(ValueError, match="format"):
        Detector.from_bytes(reference, b"something else", period_seconds=0)
    with pytest.raises(ValueError, match="bytes of numbers"):
        Detector.from_bytes(reference, data[:-3], period_seconds=0)
    with pytest.raises(ValueError, match="head cannot be read"):
        Detector.from_bytes(reference, data[:30], period_seconds=0)


def test_counts_of_another_reference_and_times_that_are_none_are_refused(reference: Reference) -> None:
    detector = Detector(reference, period_seconds=0)
    with pytest.raises(ValueError, match="not one reference"):
        detector.add(reference.only(["age"]).count({"age": np.ones(3)}), at=1)
    with pytest.raises(ValueError, match="Unix time"):
        detector.add(reference.count({"age": np.ones(3)}), at=math.nan)
    with pytest.raises(ValueError, match="period"):
        Detector(reference, period_seconds=-1)


def test_streams_without_drift_do_not_alarm() -> None:
    for seed in range(4):
        rng = default_rng(100 + seed)
        reference = Reference.of(rows(rng, 1000))
        detector = Detector(reference, period_seconds=0)
        for at in range(200):
            detector.add(reference.count(rows(rng, 50)), at=at)
            assert not drifted(detector), (seed, at)
