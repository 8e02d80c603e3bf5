"""What evidence does to a trial, and what the lack of it does."""

import re
from dataclasses import replace

import pytest

from penstock_contracts.api.status import Completion, GateResult, GateStatus, Phase
from penstock_contracts.base import evolve
from penstock_contracts.evidence import TryReason
from penstock_contracts.verbs import Verb
from penstock_controller.rollout import reading_times
from penstock_controller.rollout.observation import Unresolved
from penstock_testing.rollout_counters import GatewayCounters
from penstock_testing.rollout_scenes import (
    asked,
    canary,
    condition,
    error_rate,
    has,
    is_baking,
    last,
    on_trial,
    pause,
    stable,
    until,
)
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

HALF = (weight(50), pause("5s"))


def _gated(*steps: dict[str, object], **analysis: object) -> RolloutWorld:
    world = on_trial(canary(*(steps or HALF), analysis=error_rate(**analysis), progressDeadline="60s"))
    world.requests = 200
    return world


def _gate(world: RolloutWorld) -> GateStatus:
    return next(gate for gate in world.status.gates if gate.name == "error-rate")


def _recorded(world: RolloutWorld) -> GateResult:
    return next(gate for gate in last(world).gates if gate.name == "error-rate")


def _figure(gate: GateResult, name: str) -> float:
    return next(figure.candidate for figure in gate.figures if figure.name == name)


def test_a_healthy_candidate_passes_and_its_record_holds_the_numbers() -> None:
    world = _gated().settle()
    assert stable(world) == "2"
    gate = _recorded(world)
    assert gate.verdict == "pass"
    assert gate.samples >= 50
    assert "worse by less than 0.5 %" in last(world).message


def test_a_candidate_that_fails_gets_no_request_before_its_pods_go() -> None:
    world = until(_gated(weight(20), pause("60s")), has(20))
    world.failing = {"rev2": 1.0}
    world.silent = {"gw-1"}
    until(world, lambda world: world.status.phase is Phase.ROLLING_BACK)
    for _ in range(10):
        world.tick()
    assert asked(world)["rev2"] == 0
    assert world.workloads["rev2"].ready
    assert "gw-1" in world.status.message
    world.silent = set()
    world.settle()
    assert world.workloads.keys() == {"rev1"}
    assert world.lost == 0


def test_a_rollback_is_recorded_with_numbers_and_told_once() -> None:
    world = until(_gated(weight(20), pause("60s")), has(20))
    world.failing = {"rev2": 0.8}
    world.settle()
    record = last(world)
    assert (record.completion, record.reason) == (Completion.ROLLED_BACK, "GateFailed")
    assert "worse by more than 0.1 %" in record.message
    assert "500" in record.message
    assert _figure(_recorded(world), "failures") >= 5
    assert [told.completion for told in world.announcements if told.completion] == ["RolledBack"]
    assert condition(world, "Stalled") == ("True", "RolledBack")
    assert condition(world, "Ready") == ("True", "Serving")
    assert condition(world, "Reconciling")[0] == "False"


def _after_the_first_looks(world: RolloutWorld) -> RolloutWorld:
    """Past the readings that follow a change of shares."""
    for _ in range(3):
        world.tick()
    return world


def test_after_an_interval_that_looks_bad_the_counters_are_read_again_after_a_quarter_of_it() -> None:
    world = _after_the_first_looks(until(_gated(weight(20), pause("60s")), has(20)))
    world.requests = 20
    world.failing = {"rev2": 1.0}
    world.tick()
    assert _gate(world).verdict == "inconclusive"
    assert reading_times.next_due(world.spec, world.status, world.now) == 0.25
    world.failing = {}
    world.tick(0.25)
    assert reading_times.next_due(world.spec, world.status, world.now) == 1.0


def test_an_outage_that_both_versions_share_does_not_look_bad() -> None:
    world = _after_the_first_looks(until(_gated(weight(50), pause("60s")), has(50)))
    world.requests = 10
    world.failing = {"rev1": 1.0, "rev2": 1.0}
    world.tick()
    assert reading_times.next_due(world.spec, world.status, world.now) == 1.0


def test_a_share_that_was_lowered_rises_again_only_when_every_gateway_pod_has_the_lower_one() -> None:
    world = until(_gated(weight(50), pause("60s")), has(50))
    world.silent = {"gw-0"}
    world.edit(canary(weight(5), pause("60s"), analysis=error_rate())).tick()
    world.edit(canary(weight(20), pause("60s"), analysis=error_rate())).tick()
    assert asked(world)["rev2"] == 5
    world.silent = set()
    until(world, has(20))


def test_a_candidate_that_always_fails_reads_as_100_per_cent_while_users_see_nothing() -> None:
    world = _gated(weight(20), pause("60s"))
    world.failing = {"rev2": 1.0}
    world.settle()
    numbers = r"failed (\d+) of \1 \(100 %\), stable 0 of \d+"
    why = r"worse by more than 0.1 %, error level 0.5 %; \1 x HTTP 500"
    assert re.fullmatch(f"error-rate: {numbers}: {why}", last(world).message)
    assert world.lost == 0


def test_a_version_that_failed_is_not_tried_again_until_the_spec_is_edited() -> None:
    world = until(_gated(), has(50))
    world.failing = {"rev2": 1.0}
    world.settle()
    world.failing = {}
    world.settle()
    assert world.status.attempt == 2
    world.edit(world.spec).settle()
    assert stable(world) == "2"


def test_an_edit_while_the_version_is_taken_away_allows_another_try() -> None:
    world = on_trial(canary(weight(50), pause("2s"), analysis=error_rate()))
    world.failing = {"rev2": 1.0}
    until(world, lambda world: world.status.phase is Phase.ROLLING_BACK)
    world.silent = {"gw-0"}
    world.tick()
    world.failing = {}
    world.edit(canary(weight(50), pause("3s"), analysis=error_rate()))
    world.silent = set()
    world.settle()
    assert (stable(world), world.status.attempt) == ("2", 3)


def test_a_version_that_failed_while_the_registry_was_away_is_not_tried_again_when_it_is_back() -> None:
    world = until(_gated(), has(50))
    there = world.target
    world.target = Unresolved(reason="RegistryAway", message="registry 'default' does not answer")
    world.failing = {"rev2": 1.0}
    world.settle()
    world.target = there
    world.settle()
    assert world.status.attempt == 2
    assert stable(world) == "1"


def test_a_version_that_was_registered_anew_under_the_same_number_is_tried() -> None:
    world = until(_gated(), has(50))
    world.failing = {"rev2": 1.0}
    world.settle()
    assert not isinstance(world.target, Unresolved)
    world.target = replace(world.target, created_at_ms=world.target.created_at_ms + 1)
    world.settle()
    assert world.status.attempt == 3


def test_without_requests_it_waits_and_is_taken_back_at_the_deadline() -> None:
    world = _gated()
    world.requests = 0
    until(world, has(50))
    for _ in range(30):
        world.tick()
    assert stable(world) == "1"
    assert "has seen 0 tries in this step, 10 are needed" in world.status.message
    world.settle()
    assert last(world).reason == "ProgressDeadlineExceeded"


def test_the_deadline_counts_no_pause() -> None:
    world = _gated(weight(50), pause("10m"), pause("20m"))
    world.settle(10)
    assert stable(world) == "2"


def test_the_deadline_counts_no_time_for_a_person_and_no_time_paused() -> None:
    world = until(_gated(weight(50), pause()), lambda world: world.status.phase is Phase.PAUSED)
    world.tick(3600 * 48)
    world.edit(evolve(world.spec, paused=True)).tick()
    world.tick(3600 * 48)
    world.edit(evolve(world.spec, paused=False))
    world.words[Verb.PROMOTE] = "2/1"
    world.settle()
    assert stable(world) == "2"


def test_the_deadline_adds_up_all_waits() -> None:
    world = _gated(weight(5), pause("1s"), weight(50), pause("1s"))
    world.broken = {"rev2"}
    for _ in range(40):
        world.tick()
    world.broken = set()
    until(world, has(5))
    world.requests = 0
    for _ in range(30):
        world.tick()
    assert last(world).reason == "ProgressDeadlineExceeded"


def test_each_step_that_is_tried_needs_samples_of_its_own() -> None:
    world = until(_gated(weight(10), pause("1s"), weight(50), pause("1s"), minStepSamples=100), has(10))
    world.requests = 200
    until(world, has(50))
    before = _gate(world).samples
    assert before >= 100
    until(world, lambda world: world.status.phase is Phase.PROMOTING)
    assert _gate(world).samples - before >= 100


def test_a_step_before_any_request_needs_no_samples() -> None:
    world = _gated(pause("1s"), weight(50), pause("1s"))
    world.settle()
    assert stable(world) == "2"


def _undecided(word: str, **analysis: object) -> RolloutWorld:
    """Three failures in a hundred against two: a gate cannot say."""
    world = _gated(onInconclusive=word, **{"margin": {"absolute": "1%"}, "passMargin": {"absolute": "1%"}, **analysis})
    world.failing = {"rev1": 0.02, "rev2": 0.03}
    return world


def test_undecided_is_waited_out_until_the_deadline() -> None:
    world = _undecided("Pause").settle()
    assert last(world).reason == "ProgressDeadlineExceeded"
    assert "shown neither to be worse by more than 1 %" in last(world).message


def test_undecided_promotes_where_the_user_says_so() -> None:
    world = _undecided("Promote").settle()
    assert stable(world) == "2"
    assert _recorded(world).verdict == "inconclusive"


def test_undecided_rolls_back_where_the_user_says_so() -> None:
    world = _undecided("Rollback").settle()
    assert last(world).reason == "Inconclusive"
    assert stable(world) == "1"


@pytest.mark.parametrize("word", ["Promote", "Rollback"])
def test_no_evidence_at_all_never_decides(word: str) -> None:
    world = _undecided(word, minSamples=1)
    world.requests = 0
    until(world, has(50))
    for _ in range(30):
        world.tick()
    assert world.status.candidate
    world.settle()
    assert last(world).reason == "ProgressDeadlineExceeded"


@pytest.mark.parametrize("word", ["Pause", "Promote", "Rollback"])
def test_gateways_that_do_not_answer_never_promote_and_never_blame(word: str) -> None:
    world = until(_undecided(word), has(50))
    for _ in range(3):
        world.tick()
    world.deaf = True
    for _ in range(30):
        world.tick()
    assert _gate(world).verdict == "error"
    assert stable(world) == "1"
    assert world.status.candidate
    assert world.status.candidate.ending is None


def test_a_margin_that_was_edited_begins_its_test_anew() -> None:
    world = until(_gated(weight(50), pause()), lambda world: world.status.phase is Phase.PAUSED)
    until(world, lambda world: any(one.stage == "trial" and one.verdict == "pass" for one in world.status.gates))
    world.words[Verb.PROMOTE] = "2/1"
    world.edit(canary(weight(50), pause(), analysis=error_rate(margin={"absolute": "0.2%"}), progressDeadline="60s"))
    world.run_pass()
    assert world.status.phase is not Phase.PROMOTING
    world.settle()
    assert stable(world) == "2"
    assert _recorded(world).samples > 0


def test_a_candidate_without_a_ready_pod_for_two_intervals_is_taken_back_whatever_its_counts() -> None:
    world = until(_gated(weight(50), pause("5m")), has(50))
    world.requests = 0
    world.broken = {"rev2"}
    began = world.now
    until(world, lambda world: world.status.refused is not None)
    assert last(world).reason == "CandidateUnavailable"
    # Intervals of a second: probes have five seconds to say that pods are back.
    assert 5 <= (world.now - began).total_seconds() <= 6


def test_a_node_that_seems_lost_with_all_pods_is_not_the_candidates_fault() -> None:
    world = until(_gated(weight(50), pause("5m")), has(50))
    world.requests = 0
    world.broken = {"rev1", "rev2"}
    for _ in range(20):
        world.tick()
    assert world.status.candidate
    world.broken = {"rev2"}
    for _ in range(3):
        world.tick()
    world.broken = set()
    world.requests = 100
    for _ in range(5):
        world.tick()
    assert has(50)(world)


def test_a_candidate_whose_pods_are_back_within_two_intervals_goes_on() -> None:
    world = until(_gated(weight(50), pause("5m")), has(50))
    world.broken = {"rev2"}
    world.requests = 0
    world.tick(0.5)
    world.tick(1)
    world.broken = set()
    world.requests = 100
    for _ in range(5):
        world.tick()
    assert has(50)(world)


def test_a_first_version_needs_no_evidence() -> None:
    world = RolloutWorld(spec=canary(*HALF, analysis=error_rate(), bake="5m")).want("1").settle()
    assert stable(world) == "1"
    assert not is_baking(world)


def test_a_first_version_whose_pods_die_while_the_gateway_moves_to_it_gives_way() -> None:
    world = RolloutWorld(spec=canary(analysis=error_rate())).want("1")
    until(world, lambda world: world.status.phase is Phase.PROMOTING)
    world.broken, world.silent = {"rev1"}, {"gw-1"}
    for _ in range(5):
        world.tick()
    world.silent = set()
    world.settle()
    assert last(world).reason == "CandidateUnavailable"
    assert world.workloads == {}
    world.want("2").settle()
    assert stable(world) == "2"


def _tries(world: RolloutWorld) -> int:
    """The candidate's tries that gateway pods served in this attempt."""
    return sum(
        counters.tries[2, "rev2", arm]
        for counters in world.counters.values()
        for arm in (TryReason.USERS, TryReason.SHADOW)
    )


def _read(world: RolloutWorld) -> int:
    """All tries so far, as evidence has them after one more reading."""
    world.requests = 0
    world.tick(1.0)
    return _gate(world).samples


def _begun() -> RolloutWorld:
    """Every gateway pod has the candidate's share, and its counters were read a moment ago."""
    world = until(_gated(weight(50), pause("1h")), has(50))
    return until(
        world, lambda world: bool(world.status.evidence and world.status.evidence.shares.startswith("rev2 50"))
    )


def _gathering() -> RolloutWorld:
    world = _begun()
    for _ in range(3):
        world.tick()
    return world


def test_all_tries_at_one_share_are_counted_once_and_none_of_those_while_it_changed() -> None:
    world = _begun()
    while_it_changed = _tries(world)
    assert while_it_changed > 0
    for _ in range(3):
        world.tick()
    assert _read(world) == _tries(world) - while_it_changed


def test_a_gateway_that_restarts_begins_at_0_and_nothing_is_taken_back() -> None:
    world = _gathering()
    world.tick(1.0)
    before = _gate(world).samples
    world.counters["gw-0"].restart()
    world.let_users_ask()
    assert _read(world) == before + 200


def test_a_gateway_pod_that_leaves_takes_nothing_back_and_one_that_joins_counts_from_its_start() -> None:
    world = _gathering()
    before = _read(world)
    del world.gateways["gw-0"]
    world.gateways["gw-9"] = world.gateways["gw-1"]
    world.requests = 100
    world.tick()
    assert _read(world) == before + 100


def test_a_gateway_pod_that_was_silent_is_made_up_for() -> None:
    world = _begun()
    while_it_changed = _tries(world)
    world.silent = {"gw-1"}
    for _ in range(5):
        world.tick()
    assert _gate(world).samples < _tries(world) - while_it_changed
    world.silent = set()
    assert _read(world) == _tries(world) - while_it_changed


def test_what_the_counters_said_before_the_attempt_belongs_to_nobody() -> None:
    """The status was lost, and attempt 2 is counted for the second time."""
    world = _gated(weight(50), pause("1h"))
    for name in world.gateways:
        world.counters[name] = GatewayCounters(name)
        world.counters[name].tries[2, "rev2", TryReason.USERS] = 10_000
    _after_the_first_looks(until(world, has(50)))
    assert 0 < _read(world) < 1_000


def test_rescues_compare_with_nothing() -> None:
    world = until(_gated(weight(50), pause("1h")), has(50))
    world.failing = {"rev2": 0.01}
    for _ in range(3):
        world.tick()
    _read(world)
    users = sum(counters.tries[2, "rev1", TryReason.USERS] for counters in world.counters.values())
    tries = next(figure for figure in _gate(world).figures if figure.name == "tries")
    assert tries.stable is not None
    assert tries.stable <= users


def test_counters_that_went_back_count_as_nothing() -> None:
    world = _gathering()
    world.tick(1.0)
    before = _gate(world).samples
    for counters in world.counters.values():
        counters.tries.clear()
        counters.failures.clear()
    assert _read(world) == before
