"""Traffic from a seed has the rates that its scene names."""

import numpy as np
import pytest

from bench.verdicts.traces import CANDIDATE, COPIES, SECOND, SLOT, STABLE, Routed, Scene, SlotCounts


def means(scene: Scene, routed: Routed, seeds: int = 40, seconds: int = 780) -> tuple[list[float], list[float]]:
    """Tries per second of candidate, stable and copies, and the share of each that failed."""
    drawn = [scene.trace(seed).slots(routed, 0, seconds * SECOND) for seed in range(seeds)]
    tries = sum(counts.tries.sum(axis=1) for counts in drawn)
    failures = sum(counts.failures.sum(axis=1) for counts in drawn)
    return (tries / seeds / seconds).tolist(), (failures / np.maximum(tries, 1)).tolist()


@pytest.mark.parametrize("weight", [5, 25, 50])
def test_each_version_gets_its_share_and_fails_as_often_as_it_should(weight: int) -> None:
    tries, failed = means(Scene(rate=200, errors=0.01, harm=0.02), Routed(weight=weight))
    assert tries[CANDIDATE] == pytest.approx(2 * weight, rel=0.01)
    assert tries[STABLE] == pytest.approx(200 - 2 * weight, rel=0.01)
    assert tries[COPIES] == 0
    assert failed[CANDIDATE] == pytest.approx(0.0298, rel=0.05)
    assert failed[STABLE] == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "happens",
    ["shared:0.2", "own:0.05", "clusters:2", "clusters:8", "sticky-few:1000,3", "sticky-own:1000,0.1"],
)
def test_what_only_moves_errors_about_leaves_their_mean(happens: str) -> None:
    tries, failed = means(Scene(rate=200, errors=0.01, happens=happens), Routed(weight=50), seeds=100, seconds=600)
    assert tries[CANDIDATE] + tries[STABLE] == pytest.approx(200, rel=0.01)
    shares = [tries[arm] * failed[arm] for arm in (CANDIDATE, STABLE)]
    assert sum(shares) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("happens", ["", "sticky-few:1000,3", "sticky-own:200,0.1", "outages"])
def test_copies_fail_at_stable_as_often_as_the_requests_at_the_candidate(happens: str) -> None:
    scene = Scene(rate=200, errors=0.01, happens=happens)
    tries, failed = means(scene, Routed(weight=50, copies=100), seconds=120)
    assert tries[COPIES] == tries[CANDIDATE]
    assert failed[COPIES] == pytest.approx(failed[CANDIDATE], rel=0.1)


def test_a_fifth_of_the_requests_is_copied_in_a_bake() -> None:
    tries, failed = means(Scene(rate=200, errors=0.01, harm=0.1), Routed(weight=100, copies=20))
    assert tries[CANDIDATE] == pytest.approx(200, rel=0.01)
    assert tries[STABLE] == 0
    assert tries[COPIES] == pytest.approx(40, rel=0.01)
    assert failed[CANDIDATE] == pytest.approx(0.109, rel=0.02)
    assert failed[COPIES] == pytest.approx(0.01, rel=0.05)


def test_a_candidate_that_always_fails_fails_every_try() -> None:
    counts = drawn(Scene(rate=200, errors=0.001, harm=1.0))
    assert counts.failures[CANDIDATE].sum() == counts.tries[CANDIDATE].sum() > 70_000


def drawn(scene: Scene, *, weight: int = 50, seed: int = 1, pods: int = 1, seconds: int = 780) -> SlotCounts:
    routed = Routed(weight=weight, candidate_pods=pods, stable_pods=pods)
    return scene.trace(seed).slots(routed, 0, seconds * SECOND)


def test_the_same_seed_gives_the_same_traffic_in_any_order() -> None:
    one, two = (Scene(rate=50, errors=0.01, happens="outage").trace(7) for _ in range(2))
    late, early = Routed(weight=50), Routed(weight=5)
    one.slots(late, 900, 1000)
    assert one.slots(early, 470, 490).tries.tolist() == two.slots(early, 470, 490).tries.tolist()
    parts = [two.slots(late, 900, 955), two.slots(late, 955, 1000)]
    assert one.slots(late, 900, 1000).failures.tolist() == parts[0].plus(parts[1]).failures.tolist()


def test_another_seed_gives_other_traffic() -> None:
    scene = Scene(rate=50, errors=0.01)
    assert drawn(scene, seed=1).tries.tolist() != drawn(scene, seed=2).tries.tolist()


def test_beyond_the_horizon_there_is_no_traffic() -> None:
    trace = Scene(rate=1, errors=0).trace(1)
    assert trace.horizon * SLOT > 24 * 3600
    with pytest.raises(ValueError, match="slots from 0"):
        trace.slots(Routed(weight=5), 0, trace.horizon + 1)


def test_an_outage_hits_both_versions_at_the_same_time() -> None:
    counts = drawn(Scene(rate=2000, errors=0, happens="outage"))
    failing = counts.failures > 0
    assert 10 <= failing[CANDIDATE].sum() / SECOND <= 41
    assert (failing[CANDIDATE] == failing[STABLE]).mean() > 0.99


def test_an_outage_at_a_change_of_weight_is_within_ten_seconds_of_one() -> None:
    for seed in range(30):
        failing = drawn(Scene(rate=2000, errors=0, happens="outage-at-change"), seed=seed).failures[STABLE] > 0
        slots = np.flatnonzero(failing)
        if len(slots):
            first, last = slots[0] / SECOND, slots[-1] / SECOND
            assert min(abs(edge - change) for edge in (first, last) for change in (0, 60, 120, 180)) <= 10.5


def test_failures_that_come_together_are_multiples_of_their_number() -> None:
    counts = drawn(Scene(rate=200, errors=0.01, happens="clusters:8"))
    assert counts.failures[CANDIDATE].any()
    assert not (counts.failures % 8).any()


def test_a_sick_pod_fails_half_of_what_one_pod_gets() -> None:
    for pods, share in ((1, 0.5), (4, 0.125)):
        counts = drawn(Scene(rate=2000, errors=0, happens=f"sick-pod:{pods}"), pods=pods)
        arm = CANDIDATE if counts.failures[CANDIDATE].any() else STABLE
        sick = counts.failures[arm] > 0
        assert 5 <= sick.sum() / SECOND <= 31
        assert counts.failures[arm][sick].sum() / counts.tries[arm][sick].sum() == pytest.approx(share, rel=0.1)
        assert not counts.failures[1 - arm].any()
        assert np.count_nonzero(counts.pod_failures.sum(axis=1)) == 1


def test_a_pod_that_takes_the_place_of_a_sick_one_is_well() -> None:
    trace = Scene(rate=2000, errors=0, happens="sick-pod:2,0.5,900,901,1").trace(1)
    (sick,) = trace.sick
    assert trace.replaced_by({(sick.version, 0): sick.begins - 1, (1 - sick.version, 0): sick.begins + 1}) == ()
    replaced = trace.replaced_by({(sick.version, 0): sick.begins + 40})
    for gone, failing in (((), True), (replaced, False)):
        routed = Routed(weight=50, candidate_pods=2, stable_pods=2, replaced=gone)
        assert trace.slots(routed, 100, 200).failures.any() == failing


def test_requests_come_to_each_pod_alike_and_failures_at_once_to_one() -> None:
    routed = Routed(weight=50, copies=50, candidate_pods=2, stable_pods=4)
    counts = Scene(rate=400, errors=0.01, happens="clusters:8").trace(1).slots(routed, 0, 780 * SECOND)
    for pods, rows in ((2, slice(0, 2)), (4, slice(2, 6)), (4, slice(6, 10))):
        tries = counts.pod_tries[rows].sum(axis=1)
        assert tries.tolist() == pytest.approx([tries.sum() / pods] * pods, rel=0.02)
    assert not (counts.pod_failures[:6] % 8).any()


def test_a_sticky_user_who_has_the_candidate_keeps_it_while_its_weight_grows() -> None:
    users = Scene(rate=200, errors=0.01, happens="sticky-own:1000,0.1").trace(3).users
    assert users
    shares = [users.of_candidate(weight)[0] for weight in (0, 5, 25, 50, 100)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert set(np.flatnonzero(users.places < 0.05)) <= set(np.flatnonzero(users.places < 0.25))


def test_few_sticky_users_cause_all_errors() -> None:
    users = Scene(rate=200, errors=0.01, happens="sticky-few:1000,3").trace(5).users
    assert users
    assert (users.rates > 0).sum() == 3
    assert float((users.shares * users.rates).sum()) == pytest.approx(0.01)


def test_a_warm_up_ends_and_a_leak_grows() -> None:
    warm = drawn(Scene(rate=2000, errors=0, happens="warm-up:0.2,20")).failures[CANDIDATE]
    assert warm[: 20 * SECOND].all()
    assert not warm[20 * SECOND :].any()
    leak = drawn(Scene(rate=2000, errors=0, happens="leak:10"), seconds=600)
    late = slice(-60 * SECOND, None)
    share = leak.failures[CANDIDATE][late].sum() / leak.tries[CANDIDATE][late].sum()
    assert share == pytest.approx(0.095, rel=0.05)


def test_bursts_bring_more_load_and_more_errors() -> None:
    calm, bursts = (means(Scene(rate=200, errors=0.01, happens=kind), Routed(weight=50)) for kind in ("", "bursts"))
    assert bursts[0][STABLE] > 1.2 * calm[0][STABLE]
    assert bursts[1][STABLE] > 2 * calm[1][STABLE]
