from itertools import pairwise

import pytest

from penstock_testing.schedule import MAX_REQUESTS, MAX_SECONDS, Arrivals, Schedule


def test_a_fixed_rate_is_counted_from_the_start_so_that_rounding_does_not_add_up() -> None:
    offsets = list(Schedule(rate=3, seconds=1000).offsets())
    assert len(offsets) == 3000
    assert offsets[2997] == pytest.approx(999.0, abs=1e-9)


def test_nothing_is_due_at_or_after_the_end() -> None:
    assert list(Schedule(rate=2, seconds=1.5).offsets()) == [0.0, 0.5, 1.0]


def test_poisson_arrivals_repeat_with_their_seed_and_differ_with_another() -> None:
    first, again, other = (
        list(Schedule(rate=100, seconds=10, arrivals=Arrivals.POISSON, seed=seed).offsets()) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_poisson_arrivals_have_the_mean_and_the_spread_of_independent_users() -> None:
    offsets = list(Schedule(rate=100, seconds=200, arrivals=Arrivals.POISSON, seed=1).offsets())
    gaps = [later - earlier for earlier, later in pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(0.01, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05)
    assert all(gap >= 0 for gap in gaps)


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [(0, 1), (-1, 1), (1, 0), (1, -1), (1, MAX_SECONDS + 1), (MAX_REQUESTS, 2), (float("nan"), float("nan"))],
)
def test_a_schedule_that_sends_nothing_or_has_no_bound_is_refused(rate: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="a traffic run"):
        Schedule(rate=rate, seconds=seconds)
