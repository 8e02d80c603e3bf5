"""The gate error-rate: worked cases and properties."""

import json
import re
from collections.abc import Callable
from math import isfinite, isnan, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import ErrorRateTest

ALPHA = 0.0025
HEALTHY = Block(CountedTries(100, 0), CountedTries(1900, 2))
OUTAGE = Block(CountedTries(100, 50), CountedTries(1900, 950))
BROKEN = Block(CountedTries(100, 100), CountedTries(1900, 2))


def seen(*blocks: Block, margin: float = 0.005) -> ErrorRateTest:
    test = ErrorRateTest.begun(margin)
    for block in blocks:
        test = test.after(block)
    return test


def verdict(*blocks: Block, margin: float = 0.005, min_samples: int = 200) -> Verdict:
    return seen(*blocks, margin=margin).verdict(min_samples, ALPHA)


@pytest.mark.parametrize(
    ("blocks", "margin", "expected"),
    [
        pytest.param([], 0.005, Verdict.INCONCLUSIVE, id="nothing was seen"),
        pytest.param([HEALTHY], 0.005, Verdict.INCONCLUSIVE, id="a hundred good tries say little about half a percent"),
        pytest.param([HEALTHY] * 8, 0.005, Verdict.PASS, id="eight hundred do"),
        pytest.param([HEALTHY] * 3, 0.02, Verdict.PASS, id="three hundred do for two percent"),
        pytest.param([BROKEN], 0.005, Verdict.FAIL, id="all fail"),
        pytest.param(
            [Block(CountedTries(10, 10), CountedTries(10, 0))],
            0.005,
            Verdict.FAIL,
            id="ten of ten fail at half the traffic",
        ),
        pytest.param([Block(CountedTries(52, 41), CountedTries(208, 2))], 0.005, Verdict.FAIL, id="most fail"),
        pytest.param([OUTAGE] * 20, 0.005, Verdict.INCONCLUSIVE, id="an outage of both blames neither"),
        pytest.param([OUTAGE] * 40, 0.5, Verdict.PASS, id="and excludes what is worse still"),
        pytest.param([HEALTHY] * 20 + [OUTAGE], 0.005, Verdict.PASS, id="a pass outlasts an outage of both"),
        pytest.param([HEALTHY] * 20 + [BROKEN], 0.005, Verdict.FAIL, id="it breaks after a good start"),
        pytest.param([OUTAGE] * 20 + [BROKEN], 0.005, Verdict.FAIL, id="it stays broken when the outage ends"),
        pytest.param(
            [Block(CountedTries(1900, 0), CountedTries(100, 20))] * 5,
            0.0,
            Verdict.PASS,
            id="better than stable, no margin",
        ),
        pytest.param(
            [Block(CountedTries(500, 1), CountedTries(500, 1))] * 100,
            0.0,
            Verdict.INCONCLUSIVE,
            id="as good as stable, no margin",
        ),
        pytest.param(
            [Block(CountedTries(100, 4), CountedTries(1900, 2))] * 20,
            0.005,
            Verdict.FAIL,
            id="four percent fail, for long",
        ),
    ],
)
def test_the_verdict_on(blocks: list[Block], margin: float, expected: Verdict) -> None:
    assert verdict(*blocks, margin=margin) is expected


def test_a_good_candidate_waits_for_its_min_samples() -> None:
    assert verdict(*[HEALTHY] * 10, min_samples=1001) is Verdict.INCONCLUSIVE
    assert verdict(*[HEALTHY] * 10, min_samples=1000) is Verdict.PASS


def test_a_candidate_that_is_worse_when_weights_change_is_not_saved_by_pooling() -> None:
    """Pooled, both fail 11 %: the candidate got its traffic in the calm, at twice stable's failure rate."""
    calm = Block(CountedTries(5000, 500), CountedTries(5000, 250))
    storm = Block(CountedTries(100, 60), CountedTries(1900, 570))
    assert verdict(calm, storm, margin=0.02) is Verdict.FAIL


def test_a_candidate_that_gets_its_traffic_in_the_storm_is_not_blamed_for_it() -> None:
    calm, storm = (
        Block(CountedTries(100, 0), CountedTries(1900, 2)),
        Block(CountedTries(1000, 300), CountedTries(1000, 300)),
    )
    assert verdict(*[calm, storm] * 10) is not Verdict.FAIL


def test_two_failures_never_fail_a_candidate_however_long_the_odds() -> None:
    test = seen(Block(CountedTries(2, 2), CountedTries(10_000, 0)))
    assert test.verdict(200, ALPHA) is Verdict.INCONCLUSIVE
    assert test.explain(200, ALPHA).endswith("seems established, but only 2 of 5 failures of the candidate were seen")


@pytest.mark.parametrize("weight", [0.01, 0.05, 0.25, 0.5])
@pytest.mark.parametrize("margin", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("tries", [10, 40])
def test_a_candidate_that_always_fails_is_found_in_the_first_block(weight: float, margin: float, tries: int) -> None:
    stable = round(tries / weight) - tries
    assert (
        verdict(Block(CountedTries(tries, tries), CountedTries(stable, stable // 1000)), margin=margin) is Verdict.FAIL
    )


@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_a_candidate_that_breaks_after_a_thousand_good_blocks_is_found_in_the_next(weight: float) -> None:
    stable = round(20 / weight) - 20
    healthy, broken = (
        Block(CountedTries(20, 0), CountedTries(stable, 0)),
        Block(CountedTries(20, 20), CountedTries(stable, 0)),
    )
    test = seen(*[healthy] * 1000)
    assert test.verdict(200, ALPHA) is Verdict.PASS
    assert test.after(broken).verdict(200, ALPHA) is Verdict.FAIL


def test_a_pass_is_withdrawn_when_a_long_good_record_ends_mildly() -> None:
    """Two percent begin to fail: long before that is established, it is no longer excluded."""
    test = seen(*[HEALTHY] * 300)
    assert test.verdict(200, ALPHA) is Verdict.PASS
    for _ in range(3):
        test = test.after(Block(CountedTries(100, 2), CountedTries(1900, 2)))
    assert test.verdict(200, ALPHA) is Verdict.INCONCLUSIVE


def test_a_pass_is_withdrawn_also_when_the_candidate_was_known_to_be_a_little_worse() -> None:
    """Nobody who bets may stop and so keep what the past has won."""
    test = seen(*[Block(CountedTries(100, 1), CountedTries(1900, 2))] * 300, margin=0.02)
    assert test.verdict(200, ALPHA) is Verdict.PASS
    for _ in range(8):
        test = test.after(Block(CountedTries(100, 4), CountedTries(1900, 2)))
    assert test.verdict(200, ALPHA) is Verdict.INCONCLUSIVE


def test_intervals_in_which_one_arm_has_no_tries_change_nothing() -> None:
    test = seen(*[HEALTHY] * 3)
    for block in (Block(), Block(CountedTries(10, 10), CountedTries()), Block(CountedTries(), CountedTries(10, 0))):
        assert test.after(block) is test


@pytest.mark.parametrize("margin", [-0.01, 1.0, 5.0, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="from 0 to below 1"):
        ErrorRateTest.begun(margin)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (
            [Block(CountedTries(52, 41), CountedTries(208, 2))],
            (
                r"candidate failed 41 of 52 tries \(78.8 %\), stable 2 of 208 tries \(1.0 %\): "
                r"harm beyond the margin of 0.5 % is established \(odds [\d.e+]+ against 400 needed\)"
            ),
        ),
        ([HEALTHY] * 8, r"margin of 0.5 % is excluded \(odds \d+ against 20 needed\)"),
        ([HEALTHY], r"is neither shown \(odds [\d.]+ of 400 needed\) nor excluded \(odds [\d.]+ of 20 needed\)"),
        ([], r"candidate failed 0 of 0 tries, stable 0 of 0 tries: harm .* is neither shown"),
    ],
)
def test_a_person_is_told_the_numbers(blocks: list[Block], said: str) -> None:
    assert re.search(said, seen(*blocks).explain(200, ALPHA))


def test_a_person_is_told_how_many_tries_are_missing() -> None:
    assert seen(*[HEALTHY] * 8).explain(1000, ALPHA).endswith("but only 800 of 1000 tries were seen")


@pytest.mark.parametrize(
    "change",
    [
        lambda numbers: numbers[:0],
        lambda numbers: numbers[:-1],
        lambda numbers: [*numbers, 0],
        lambda numbers: [-1, *numbers[1:]],
        lambda numbers: [1.5, *numbers[1:]],
        lambda numbers: [True, *numbers[1:]],
        lambda numbers: [*numbers[:-1], "0"],
        lambda numbers: [*numbers[:-1], None],
        lambda numbers: [*numbers[:-1], 10**350],
        lambda numbers: [10**350, *numbers[1:]],
        lambda numbers: [*numbers[:-1], float("nan")],
        lambda numbers: [*numbers[:-1], 1e6],
        lambda numbers: [numbers[0], 5.0, 6.0, *numbers[3:]],
        lambda numbers: {"blocks": numbers},
        lambda numbers: numbers[0],
    ],
)
def test_a_state_that_no_test_wrote_is_refused(change: Callable[[list[object]], object]) -> None:
    test = seen(HEALTHY)
    with pytest.raises(ValueError, match="error-rate test"):
        ErrorRateTest.restored(0.005, test.totals, json.dumps(change(json.loads(test.state()))))


@pytest.mark.parametrize("state", ["", "[", "null", "\x00", "[1,2", "[" * 5000])
def test_a_state_that_is_no_list_of_numbers_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match="error-rate test"):
        ErrorRateTest.restored(0.005, Block(), state)


def arms(most: int) -> st.SearchStrategy[CountedTries]:
    return st.integers(0, most).flatmap(
        lambda tries: st.builds(CountedTries, st.just(tries), st.integers(0, tries) | st.sampled_from((0, tries)))
    )


blocks = st.builds(Block, arms(10**9), arms(10**9)) | st.builds(Block, arms(200), arms(200))
margins = st.floats(0, 1, exclude_max=True) | st.sampled_from((0.0, 1e-9, 0.005, 0.05, 1 - 1e-9))
histories = st.lists(blocks, max_size=6)


@settings(max_examples=30)
@given(history=histories, later=blocks, margin=margins)
def test_what_was_written_down_goes_on_as_if_it_had_never_stopped(
    history: list[Block], later: Block, margin: float
) -> None:
    test = seen(*history, margin=margin)
    state = test.state()
    restored = ErrorRateTest.restored(margin, test.totals, state)
    assert restored == test
    assert restored.after(later) == test.after(later)
    assert len(state) <= 400


@settings(max_examples=30)
@given(history=histories, margin=margins, min_samples=st.integers(0, 2000))
def test_any_counts_give_a_verdict_with_numbers(history: list[Block], margin: float, min_samples: int) -> None:
    test = seen(*history, margin=margin)
    assert all(isfinite(number) for number in json.loads(test.state()))
    assert "nan" not in test.explain(min_samples, ALPHA)
    assert not isnan(test.in_favour.total + test.against.total)


@settings(max_examples=30)
@given(history=histories, margin=margins)
def test_what_speaks_for_a_candidate_never_outweighs_harm_that_is_shown(history: list[Block], margin: float) -> None:
    test = seen(*history, margin=margin)
    shown = test.against.total >= -log(ALPHA)
    assert not shown or test.verdict(0, ALPHA) in (Verdict.FAIL, Verdict.INCONCLUSIVE)


ROUNDING = 1e-4
"""Each stake is kept to six digits."""


@settings(max_examples=20)
@given(
    history=st.lists(st.just(HEALTHY) | st.just(OUTAGE), max_size=5), fewer=st.integers(0, 19), more=st.integers(1, 20)
)
def test_more_failures_of_the_candidate_never_help_it(history: list[Block], fewer: int, more: int) -> None:
    test = seen(*history)
    better = test.after(Block(CountedTries(40, fewer), CountedTries(400, 2)))
    worse = test.after(Block(CountedTries(40, fewer + more), CountedTries(400, 2)))
    assert worse.in_favour.total <= better.in_favour.total + ROUNDING
