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
from penstock_controller.analysis.error_rate import ErrorRateLimits, ErrorRateTest
from penstock_controller.analysis.margin import Margin

ALPHA = 0.0025
HEALTHY = Block(CountedTries(100, 0), CountedTries(1900, 2))
OUTAGE = Block(CountedTries(100, 50), CountedTries(1900, 950))
BROKEN = Block(CountedTries(100, 100), CountedTries(1900, 2))


def limits(margin: float = 0.005, relative: float = 0.0, alpha: float = ALPHA) -> ErrorRateLimits:
    """One margin for both sides."""
    one = Margin(margin, relative)
    return ErrorRateLimits(margin=one, pass_margin=one, alpha=alpha)


def seen(*blocks: Block, margin: float = 0.005) -> ErrorRateTest:
    test = ErrorRateTest.begun(limits(margin))
    for block in blocks:
        test = test.after(block)
    return test


def verdict(*blocks: Block, margin: float = 0.005, min_samples: int = 200) -> Verdict:
    return seen(*blocks, margin=margin).verdict(min_samples)


@pytest.mark.parametrize(
    ("blocks", "margin", "expected"),
    [
        pytest.param([], 0.005, Verdict.INCONCLUSIVE, id="nothing was seen"),
        pytest.param([HEALTHY], 0.005, Verdict.INCONCLUSIVE, id="a hundred good tries say little about half a percent"),
        pytest.param([HEALTHY] * 8, 0.005, Verdict.PASS, id="eight hundred do"),
        pytest.param([HEALTHY] * 3, 0.02, Verdict.PASS, id="three hundred do for two percent"),
        pytest.param([BROKEN], 0.005, Verdict.INCONCLUSIVE, id="all fail in one interval, which may be one event"),
        pytest.param([BROKEN] * 3, 0.005, Verdict.FAIL, id="all fail in three"),
        pytest.param(
            [Block(CountedTries(4, 4), CountedTries(4, 0))] * 3,
            0.005,
            Verdict.FAIL,
            id="twelve of twelve fail at half the traffic",
        ),
        pytest.param([Block(CountedTries(52, 41), CountedTries(208, 2))] * 3, 0.005, Verdict.FAIL, id="most fail"),
        pytest.param([OUTAGE] * 20, 0.005, Verdict.INCONCLUSIVE, id="an outage of both blames neither"),
        pytest.param([OUTAGE] * 40, 0.5, Verdict.PASS, id="and excludes what is worse still"),
        pytest.param([HEALTHY] * 20 + [OUTAGE], 0.005, Verdict.PASS, id="a pass outlasts an outage of both"),
        pytest.param([HEALTHY] * 20 + [BROKEN] * 5, 0.005, Verdict.FAIL, id="it breaks after a good start"),
        pytest.param([HEALTHY] * 20 + [BROKEN], 0.005, Verdict.INCONCLUSIVE, id="one bad interval takes back a pass"),
        pytest.param([OUTAGE] * 20 + [BROKEN] * 3, 0.005, Verdict.FAIL, id="it stays broken when the outage ends"),
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
    assert verdict(*[calm, storm] * 4, margin=0.02) is Verdict.FAIL


def test_a_candidate_that_gets_its_traffic_in_the_storm_is_not_blamed_for_it() -> None:
    calm, storm = (
        Block(CountedTries(100, 0), CountedTries(1900, 2)),
        Block(CountedTries(1000, 300), CountedTries(1000, 300)),
    )
    assert verdict(*[calm, storm] * 10) is not Verdict.FAIL


def test_four_failures_never_fail_a_candidate_however_long_the_odds() -> None:
    one = Block(CountedTries(1, 1), CountedTries(10_000, 0))
    test = seen(*[one] * 4)
    assert test.verdict(200) is Verdict.INCONCLUSIVE
    assert test.explain(200).endswith("it seems worse by more than 0.5 %, but only 4 of 5 failures were seen")


@pytest.mark.parametrize("weight", [0.01, 0.05, 0.25, 0.5])
@pytest.mark.parametrize("margin", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("tries", [10, 40])
def test_a_candidate_that_always_fails_is_found_by_three_intervals_of_any_size(
    weight: float, margin: float, tries: int
) -> None:
    stable = round(tries / weight) - tries
    always = Block(CountedTries(tries, tries), CountedTries(stable, stable // 1000))
    assert verdict(*[always] * 2, margin=margin) is Verdict.INCONCLUSIVE
    assert verdict(*[always] * 3, margin=margin) is Verdict.FAIL


@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_a_candidate_that_breaks_after_a_thousand_good_blocks_is_found_soon(weight: float) -> None:
    stable = round(20 / weight) - 20
    healthy, broken = (
        Block(CountedTries(20, 0), CountedTries(stable, 0)),
        Block(CountedTries(20, 20), CountedTries(stable, 0)),
    )
    test = seen(*[healthy] * 1000)
    assert test.verdict(200) is Verdict.PASS
    for _ in range(5):
        test = test.after(broken)
    assert test.verdict(200) is Verdict.FAIL


def test_no_interval_of_failures_is_worth_more_than_half_of_what_a_fail_needs() -> None:
    """Eight requests in flight when a pod crashes are one event."""
    calm = seen(*[HEALTHY] * 10)
    crash = calm.after(Block(CountedTries(100, 100), CountedTries(1900, 0)))
    assert crash.against.total - calm.against.total <= -log(ALPHA) / 2 + ROUNDING


def test_a_pass_is_withdrawn_when_a_long_good_record_ends_mildly() -> None:
    """Two percent begin to fail: long before that is established, it is no longer excluded."""
    test = seen(*[HEALTHY] * 300)
    assert test.verdict(200) is Verdict.PASS
    for _ in range(3):
        test = test.after(Block(CountedTries(100, 2), CountedTries(1900, 2)))
    assert test.verdict(200) is Verdict.INCONCLUSIVE


def test_a_pass_is_withdrawn_also_when_the_candidate_was_known_to_be_a_little_worse() -> None:
    """Nobody who bets may stop and so keep what the past has won."""
    test = seen(*[Block(CountedTries(100, 1), CountedTries(1900, 2))] * 300, margin=0.02)
    assert test.verdict(200) is Verdict.PASS
    for _ in range(8):
        test = test.after(Block(CountedTries(100, 4), CountedTries(1900, 2)))
    assert test.verdict(200) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("together", [2, 8])
def test_where_tries_may_fail_together_a_bet_keeps_the_root_of_what_it_wins(together: int) -> None:
    """Eight requests in flight that share their fate count as one."""
    mild = Block(CountedTries(400, 12), CountedTries(400, 2))
    before = seen(*[HEALTHY] * 3)
    alone, shared = before.after(mild), before.after(mild, together)
    assert shared.against.total < alone.against.total
    assert shared.in_favour == alone.in_favour


def test_a_version_that_breaks_in_its_bake_is_found_though_tries_may_fail_together() -> None:
    test = seen(*[HEALTHY] * 60)
    for _ in range(6):
        test = test.after(Block(CountedTries(2000, 400), CountedTries(400, 0)), together=8)
    assert test.verdict(200) is Verdict.FAIL


def test_intervals_in_which_one_arm_has_no_tries_are_one_block_with_the_next() -> None:
    test = seen(*[HEALTHY] * 3)
    alone = (Block(), Block(CountedTries(10, 10), CountedTries()), Block(CountedTries(5, 0), CountedTries()))
    waiting = test
    for block in alone:
        waiting = waiting.after(block)
        assert (waiting.against, waiting.in_favour, waiting.totals) == (test.against, test.in_favour, test.totals)
    last = Block(CountedTries(), CountedTries(10, 0))
    assert waiting.seen.candidate == CountedTries(315, 10)
    assert waiting.after(last) == test.after(Block(CountedTries(15, 10), CountedTries(10, 0)))


def test_what_waited_for_the_other_arm_is_in_no_block_with_other_shares() -> None:
    waiting = seen(Block(CountedTries(10, 10), CountedTries()))
    moved = waiting.at_another_weight()
    assert moved.seen == waiting.seen
    assert moved.after(HEALTHY).against == seen(HEALTHY).against


def test_at_one_request_a_minute_a_candidate_that_always_fails_is_found_and_a_good_one_passes() -> None:
    """Never both versions in one interval: each of its tries comes alone, between two of stable's."""
    failing, test = [Block(CountedTries(1, 1), CountedTries()), Block(CountedTries(), CountedTries(1, 0))], seen()
    tries = 0
    while test.verdict(20) is Verdict.INCONCLUSIVE and tries < 40:
        test, tries = test.after(failing[0]).after(failing[1]), tries + 1
    assert (test.verdict(20), tries) == (Verdict.FAIL, 7)
    good = [Block(CountedTries(1, 0), CountedTries()), Block(CountedTries(), CountedTries(1, 0))]
    assert seen(*good * 200, margin=0.05).verdict(20) is Verdict.PASS


def test_a_relative_margin_follows_stables_rate_in_earlier_intervals() -> None:
    """Stable fails 5 %: 6 % are within half as many again, 10 % are not; at 0.1 % the absolute part holds."""
    allowed = ErrorRateLimits(margin=Margin(0.001, 0.5), pass_margin=Margin(0.005, 1.0), alpha=ALPHA)

    def judged(candidate: int, stable: int, blocks: int) -> Verdict:
        test = ErrorRateTest.begun(allowed)
        for _ in range(blocks):
            test = test.after(Block(CountedTries(1000, candidate), CountedTries(1000, stable)))
        return test.verdict(200)

    assert judged(60, 50, 30) is Verdict.PASS
    assert judged(100, 50, 30) is Verdict.FAIL
    assert judged(4, 1, 60) is Verdict.FAIL
    assert judged(1, 1, 10) is Verdict.PASS


def test_harm_that_is_tolerated_must_be_less_than_what_is_excluded() -> None:
    with pytest.raises(ValueError, match="passMargin is smaller"):
        ErrorRateLimits(margin=Margin(0.01), pass_margin=Margin(0.005), alpha=ALPHA)


@pytest.mark.parametrize("margin", [-0.01, 1.0, 5.0, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="from 0 to below 1"):
        limits(margin)


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (
            [Block(CountedTries(52, 41), CountedTries(208, 2))] * 3,
            (
                r"failed 123 of 156 \(78.8 %\), stable 6 of 624 \(0.962 %\): "
                r"worse by more than 0.5 %, error level 0.25 %"
            ),
        ),
        ([HEALTHY] * 8, r"worse by less than 0.5 %, error level 5 %"),
        (
            [HEALTHY],
            r"worse by more than 0.5 % \(odds [\d.]+ of 400 needed\) nor worse by less than 0.5 % \(odds [\d.]+ of 20",
        ),
        ([], r"failed 0 of 0, stable 0 of 0: shown neither"),
    ],
)
def test_a_person_is_told_the_numbers(blocks: list[Block], said: str) -> None:
    assert re.search(said, seen(*blocks).explain(200))


def test_a_person_is_told_how_many_tries_are_missing() -> None:
    assert seen(*[HEALTHY] * 8).explain(1000).endswith("but only 800 of 1000 tries were seen")


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
        ErrorRateTest.restored(limits(), test.seen, json.dumps(change(json.loads(test.state()))))


@pytest.mark.parametrize("state", ["", "[", "null", "\x00", "[1,2", "[" * 5000])
def test_a_state_that_is_no_list_of_numbers_is_refused(state: str) -> None:
    with pytest.raises(ValueError, match="error-rate test"):
        ErrorRateTest.restored(limits(), Block(), state)


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
    restored = ErrorRateTest.restored(limits(margin), test.seen, state)
    assert restored == test
    assert restored.after(later) == test.after(later)
    assert len(state) <= 400


@settings(max_examples=30)
@given(history=histories, margin=margins, min_samples=st.integers(0, 2000))
def test_any_counts_give_a_verdict_with_numbers(history: list[Block], margin: float, min_samples: int) -> None:
    test = seen(*history, margin=margin)
    assert all(isfinite(number) for number in json.loads(test.state()))
    assert "nan" not in test.explain(min_samples)
    assert not isnan(test.in_favour.total + test.against.total)


@settings(max_examples=30)
@given(history=histories, margin=margins)
def test_what_speaks_for_a_candidate_never_outweighs_harm_that_is_shown(history: list[Block], margin: float) -> None:
    test = seen(*history, margin=margin)
    shown = test.against.total >= -log(ALPHA)
    assert not shown or test.verdict(0) in (Verdict.FAIL, Verdict.INCONCLUSIVE)


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


SICK = Block(CountedTries(100, 25), CountedTries(1900, 2))
"""One of the candidate's two pods fails half; without it, WELL."""
WELL = Block(CountedTries(50, 0), CountedTries(1900, 2))


def test_tries_that_an_interval_itself_makes_doubtful_win_nothing_for_harm() -> None:
    doubtful = ErrorRateTest.begun(limits()).after(SICK, sure=WELL)
    assert doubtful.against.total <= seen(WELL).against.total
    assert doubtful.totals == SICK
    for _ in range(10):
        doubtful = doubtful.after(SICK, sure=WELL)
    assert doubtful.verdict(200) is Verdict.INCONCLUSIVE
    assert seen(*[SICK] * 11).verdict(200) is Verdict.FAIL


def test_nor_against_it_where_they_are_of_stable() -> None:
    """A sick pod of stable makes a candidate that fails look as good as stable."""
    feigned = Block(CountedTries(100, 5), CountedTries(1900, 95))
    sure = Block(CountedTries(100, 5), CountedTries(1425, 1))
    doubtful = ErrorRateTest.begun(limits(0.02))
    for _ in range(20):
        doubtful = doubtful.after(feigned, sure=sure)
    assert seen(*[feigned] * 20, margin=0.02).verdict(200) is Verdict.PASS
    assert doubtful.verdict(200) is not Verdict.PASS


def test_where_nothing_is_sure_no_bet_wins() -> None:
    doubtful = ErrorRateTest.begun(limits()).after(BROKEN, sure=Block(stable=CountedTries(1900, 2)))
    assert doubtful.against.total <= 0


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from((HEALTHY, OUTAGE, BROKEN, SICK)), st.sampled_from((HEALTHY, WELL, Block())))))
def test_doubt_never_makes_anybody_win_more(history: list[tuple[Block, Block]]) -> None:
    sure, doubtful = ErrorRateTest.begun(limits()), ErrorRateTest.begun(limits())
    for whole, rest in history[:6]:
        before = doubtful
        sure, doubtful = before.after(whole), before.after(whole, sure=rest)
        assert doubtful.against.total <= sure.against.total
        assert doubtful.in_favour.total <= sure.in_favour.total
