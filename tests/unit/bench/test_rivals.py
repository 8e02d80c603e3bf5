"""Flagger's and Argo Rollouts' rules, as their documentation has them."""

from dataclasses import replace

import pytest

from bench.verdicts.rivals import (
    ARGO,
    ARGO_FASTEST,
    FLAGGER,
    FLAGGER_FASTEST,
    PROMOTED,
    RIVALS,
    ROLLED_BACK,
    ArgoSettings,
    FlaggerSettings,
)
from bench.verdicts.traces import CANDIDATE, SECOND, Scene, TrafficTrace

PERFECT = Scene(rate=200, errors=0)
HOPELESS = Scene(rate=200, errors=0, harm=1.0)


def failing_between(since: float, until: float, share: float = 1.0) -> TrafficTrace:
    """A candidate that fails for a while only."""
    trace = PERFECT.trace(1)
    trace.extra[CANDIDATE][round(since * SECOND) : round(until * SECOND)] = share
    return trace


def test_flagger_promotes_after_a_good_check_at_each_of_five_weights() -> None:
    ended = FLAGGER.run(PERFECT.trace(1))
    assert (ended.end, ended.seconds, ended.failures) == (PROMOTED, 300, 0)
    assert ended.tries == pytest.approx(200 * 60 * (0.1 + 0.2 + 0.3 + 0.4 + 0.5), rel=0.02)


def test_flagger_rolls_back_at_the_fifth_failed_check_and_never_raised_the_weight() -> None:
    ended = FLAGGER.run(HOPELESS.trace(1))
    assert (ended.end, ended.seconds) == (ROLLED_BACK, 300)
    assert ended.tries == pytest.approx(200 * 0.1 * 300, rel=0.05)


def test_flagger_halts_while_checks_fail_and_goes_on_after_them() -> None:
    ended = FLAGGER.run(failing_between(60, 240))
    assert (ended.end, ended.seconds) == (PROMOTED, 300 + 3 * 60)


def test_flagger_counts_failed_checks_over_the_whole_attempt() -> None:
    trace = failing_between(0, 120)
    trace.extra[CANDIDATE][round(240 * SECOND) : round(420 * SECOND)] = 1.0
    ended = FLAGGER.run(trace)
    assert (ended.end, ended.seconds) == (ROLLED_BACK, 420)


@pytest.mark.parametrize(("share", "end"), [(0.005, PROMOTED), (0.02, ROLLED_BACK)])
def test_flagger_wants_99_per_cent(share: float, end: str) -> None:
    assert FLAGGER.run(Scene(rate=1000, errors=share).trace(1)).end == end


def test_flagger_takes_no_requests_for_a_failed_check() -> None:
    assert FLAGGER.run(Scene(rate=0, errors=0).trace(1)).end == ROLLED_BACK


def test_flagger_with_other_settings() -> None:
    brief = FlaggerSettings(name="brief", interval=30, threshold=2, step_weight=25, max_weight=50)
    assert brief.run(PERFECT.trace(1)).seconds == 60
    assert brief.run(HOPELESS.trace(1)).seconds == 60
    assert FLAGGER_FASTEST.run(PERFECT.trace(1)).seconds == 100
    assert FLAGGER_FASTEST.run(HOPELESS.trace(1)).seconds == 10


def test_argo_promotes_when_its_steps_are_over() -> None:
    ended = ARGO.run(PERFECT.trace(1))
    assert (ended.end, ended.seconds) == (PROMOTED, 2400)
    assert ended.tries == pytest.approx(200 * 600 * (0.2 + 0.4 + 0.6 + 0.8), rel=0.01)


def test_argo_lets_as_many_measurements_fail_as_the_limit_says() -> None:
    ended = ARGO.run(HOPELESS.trace(1))
    # From the third step on (startingStep: 2), every five minutes; the fourth failure is one too many.
    assert (ended.end, ended.seconds) == (ROLLED_BACK, 600 + 3 * 300)
    assert replace(ARGO, failure_limit=0).run(HOPELESS.trace(1)).seconds == 600


def test_argo_sees_only_what_lies_between_its_last_two_scrapes() -> None:
    assert replace(ARGO, failure_limit=0).run(failing_between(601, 884)).end == PROMOTED
    assert replace(ARGO, failure_limit=0).run(failing_between(885, 900)).seconds == 900


@pytest.mark.parametrize(("share", "end"), [(0.04, PROMOTED), (0.07, ROLLED_BACK)])
def test_argo_wants_95_per_cent(share: float, end: str) -> None:
    assert ARGO.run(Scene(rate=1000, errors=share).trace(1)).end == end


def test_argo_aborts_at_the_fifth_measurement_without_a_value() -> None:
    ended = ARGO.run(Scene(rate=0, errors=0).trace(1))
    assert (ended.end, ended.seconds) == (ROLLED_BACK, 600 + 4 * 300)


def test_argo_at_its_fastest_decides_at_the_first_scrape() -> None:
    ended = ARGO_FASTEST.run(HOPELESS.trace(1))
    assert (ended.end, ended.seconds) == (ROLLED_BACK, 15)
    assert ARGO_FASTEST.run(PERFECT.trace(1)).seconds == 180


def test_every_rival_has_a_name_of_its_own() -> None:
    assert len({rival.name for rival in RIVALS}) == len(RIVALS)
    assert {type(rival) for rival in RIVALS} == {FlaggerSettings, ArgoSettings}
