"""A pod that fails far more often than its siblings is found, and one that does not hardly ever is."""

from itertools import pairwise, product
from math import comb, exp, log
from random import Random

import pytest

from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.sick_pod import MARGIN, NEEDED, PodEvidence

NOTHING = CountedTries()
WELL = CountedTries(tries=1000, failures=1)


def evidence(*readings: tuple[CountedTries, CountedTries], earlier: CountedTries = WELL) -> PodEvidence:
    found = PodEvidence()
    for pod, siblings in readings:
        found = found.after(pod, siblings, earlier)
    return found


def tries(number: int, failures: int) -> CountedTries:
    return CountedTries(tries=number, failures=failures)


def test_a_pod_that_fails_half_is_suspected_after_one_reading_and_sick_after_three() -> None:
    reading = (tries(12, 6), tries(36, 0))
    one, two, three = (evidence(*[reading] * number) for number in (1, 2, 3))
    assert (one.is_suspected, one.is_sick) == (True, False)
    assert (two.is_suspected, two.is_sick) == (True, False)
    assert three.is_sick


def test_failures_that_come_at_once_are_one_event_however_many_they_are() -> None:
    crash = (tries(2000, 1000), tries(6000, 0))
    assert not evidence(crash, crash).is_sick
    assert evidence(crash).is_suspected
    assert not evidence(crash, (tries(60, 0), tries(180, 0))).is_suspected


def test_what_is_a_little_above_the_siblings_is_not_sick() -> None:
    assert not evidence(*[(tries(1000, 45), tries(3000, 6))] * 200).is_suspected


@pytest.mark.parametrize(("own", "others"), [(600, 1800), (20, 60), (0, 0)])
def test_an_outage_that_hits_all_pods_names_none(own: int, others: int) -> None:
    assert not evidence(*[(tries(1000, own), tries(3000, others))] * 50).is_suspected


def test_siblings_that_were_not_tried_tell_nothing_and_neither_does_a_pod_that_was_not() -> None:
    before = evidence((tries(4, 3), tries(12, 0)))
    assert before.log_odds > 0
    assert before.after(tries(10, 10), NOTHING, WELL) == before
    assert before.after(NOTHING, tries(10, 0), WELL) == before


def test_where_all_fail_nothing_can_be_far_above_and_nobody_is_named() -> None:
    assert not evidence(*[(tries(10, 10), tries(30, 30))] * 40, earlier=tries(1000, 999)).is_suspected


def test_a_pod_that_is_well_again_is_cleared() -> None:
    ill, well = (tries(12, 6), tries(36, 0)), (tries(12, 0), tries(36, 0))
    assert evidence(ill).is_suspected
    assert not evidence(ill, *[well] * 3).is_suspected
    assert evidence(ill, *[well] * 30) == PodEvidence()


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.02, 0.3, 0.8])
@pytest.mark.parametrize("odds", [-20.0, 0.0, 2.0, 9.0])
def test_what_is_won_grows_by_at_most_one_in_the_mean_while_the_pod_is_within_the_margin(
    rate: float, odds: float
) -> None:
    """Exact, for a pod at the very margin: every outcome of a small reading by its probability."""
    pod, siblings = 5, 4
    mean = 0.0
    for (i, p), (k, q) in product(outcomes(pod, min(1.0, rate + MARGIN)), outcomes(siblings, rate)):
        mean += p * q * exp(PodEvidence(odds).after(tries(pod, i), tries(siblings, k), WELL).log_odds)
    assert mean <= exp(odds) + 1 + 1e-9


def outcomes(number: int, rate: float) -> list[tuple[int, float]]:
    return [(k, comb(number, k) * rate**k * (1 - rate) ** (number - k)) for k in range(number + 1)]


def test_of_many_pods_at_the_margin_few_are_ever_suspected_and_none_is_named() -> None:
    dice = Random(7)
    highest = []
    for _ in range(100):
        found, odds = PodEvidence(), []
        for _ in range(60):
            own, others = (sum(dice.random() < rate for _ in range(20)) for rate in (0.01 + MARGIN, 0.01))
            found = found.after(tries(20, own), tries(20, others), WELL)
            odds.append(found.log_odds)
        highest.append(max(odds))
    assert max(highest) < log(NEEDED)
    assert sum(odds >= log(30) for odds in highest) <= 10


def test_the_more_a_pod_fails_the_more_speaks_against_it() -> None:
    odds = [evidence((tries(12, bad), tries(36, 0))).log_odds for bad in range(13)]
    assert all(less <= more for less, more in pairwise(odds))
