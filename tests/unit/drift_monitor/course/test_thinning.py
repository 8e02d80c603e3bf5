"""Which points of a course become one, and what is left of a peak."""

from itertools import pairwise

import numpy as np
import pytest

from penstock_drift_monitor.course.levels import as_levels, as_scores, highest
from penstock_drift_monitor.course.thinning import KEPT_SECONDS, MOST_POINTS, Merge, Slot, merges, slot_of

NOW = 1_800_000_000
DAY = 86_400


def aged(slots: set[Slot], now: float) -> set[Slot]:
    for merge in merges(slots, now):
        slots = slots - set(merge.parts) | {merge.into}
    return {slot for slot in slots if slot.start >= now - KEPT_SECONDS}


def test_a_point_of_a_second_keeps_its_second_for_a_minute_and_then_shares_ten() -> None:
    young = [slot_of(NOW + second) for second in range(10)]
    assert merges(young, NOW + 60) == []
    assert merges(young, NOW + 100) == [Merge(Slot(NOW, 10), tuple(young))]


def test_points_that_come_late_join_the_slot_that_is_there() -> None:
    made, late = Slot(NOW, 10), Slot(NOW + 3, 1)
    assert merges([late, made], NOW + 100) == [Merge(made, (made, late))]
    assert merges([made], NOW + 100) == []


def test_months_of_a_point_each_ten_seconds_leave_a_few_hundred_that_follow_on_one_another() -> None:
    slots: set[Slot] = set()
    now = NOW
    for age in (70 * DAY, 8 * DAY, DAY, 7200, 3600, 600):
        # Denser towards the end, as noting it all would take a test too long.
        steps = 150
        for step in range(steps):
            now = NOW - age + step * age // (2 * steps)
            slots = aged(slots | {slot_of(now)}, now)
            assert len(slots) <= MOST_POINTS
    kept = sorted(slots)
    assert all(before.start < after.start for before, after in pairwise(kept))
    assert kept[0].length == 12 * 3600
    assert {slot.length for slot in kept} >= {1, 10, 900, 7200}


def test_a_continuous_course_is_bounded_whatever_its_pace() -> None:
    # What is left once every slot that may be there is there: the worst that a series can be.
    slots = {slot_of(NOW - second) for second in range(2 * 3600)}
    slots |= {Slot((NOW - age) // 60 * 60, 60) for age in range(3600, 2 * DAY, 60)}
    slots |= {Slot((NOW - age) // 900 * 900, 900) for age in range(DAY, 61 * DAY, 900)}
    assert 300 < len(aged(slots, NOW)) <= MOST_POINTS


@pytest.mark.parametrize(("score", "kept"), [(0.0, 0.0), (0.999, 0.99), (1.0, 1.0), (0.29, 0.29), (9.0, 2.54)])
def test_a_score_is_kept_to_hundredths_of_its_threshold_so_that_drift_stays_drift(score: float, kept: float) -> None:
    assert as_scores(as_levels(np.array([score]))) == [pytest.approx(kept)]


def test_a_column_that_was_not_judged_has_no_score() -> None:
    assert as_scores(as_levels(np.array([np.nan, 0.0]))) == [None, 0.0]


def test_a_peak_outlasts_its_point_also_where_columns_have_changed_places() -> None:
    older, newer = as_levels(np.array([1.5, 0.2])), as_levels(np.array([0.3, np.nan, 0.1]))
    both = highest(older, ("amount", "gone"), newer, ("new", "age", "amount"))
    assert as_scores(both) == [0.3, None, 1.5]
    assert as_scores(highest(older, ("a", "b"), as_levels(np.array([0.1, 0.4])), ("a", "b"))) == [1.5, 0.4]
