"""Rollouts of services with few requests: the candidate answers recorded ones before any user reaches it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from penstock_contracts.api.status import AttemptStage, GateStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.divergence import ReplayProblem, ReplayReport, ReplayWish
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import MissingEvidence, PairedOutputs
from penstock_controller.rollout import paired_outputs
from penstock_controller.rollout.monitor_answer import CountsAnswer
from penstock_testing.rollout_scenes import canary, condition, has, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import ABLE_TO_DO_ALL, RolloutWorld
from penstock_testing.strategies import mirror, replay, weight

GATE = "prediction-divergence"
TICK = 1.0


def quiet(*steps: dict[str, object], gates: tuple[str, ...] = (GATE,), **fields: object) -> ModelDeploymentSpec:
    """Read once a second."""
    named = [{"name": name} for name in gates]
    fields.setdefault("predictor", {"minReplicas": 2, "logger": {"mode": "all"}})
    return canary(*steps, bake="0s", analysis={"interval": "1s", "gates": named}, **fields)


@dataclass
class Records:
    """What the drift monitor keeps, and what it does when it is told to replay."""

    world: RolloutWorld
    kept: int = 1000
    """Requests that stable answered before the attempt."""
    differing: float = 0.0
    """Share of them to which the candidate answers something else."""
    failing: float = 0.0
    """And of those that fail there."""
    problem: ReplayProblem | None = None
    wishes: list[ReplayWish] = field(default_factory=list)
    asked: int = 0

    def look(self) -> tuple[object, ...]:
        """Do what the controller asks for, and tell what was counted."""
        wish = paired_outputs.wish(self.world.spec, self.world.status)
        wanted = wish.replay if wish else None
        if wanted is not None:
            self.wishes.append(wanted)
        if self.problem is not None and self.wishes:
            replay = ReplayReport(problem=self.problem, message="as the monitor says it")
            return (PairedOutputs(since="2026", replay=replay),)
        chosen = min(self.kept, self.wishes[0].max_requests) if self.wishes else 0
        if wish is not None and wanted is not None:
            new = min(chosen - self.asked, round(wanted.per_second * TICK))
            self.world.watcher.replayed(wish.attempt, wish.candidate.revision, new)
            self.asked += new
        return (self.counted(chosen),)

    def counted(self, chosen: int) -> PairedOutputs:
        failed = int(self.asked * self.failing)
        answered = self.asked - failed
        over = bool(self.wishes) and self.asked == chosen
        report = ReplayReport(
            chosen=chosen, answered=answered, failed=failed, failures={"500": failed} if failed else {}, over=over
        )
        return PairedOutputs(
            since="2026",
            candidate_rows=answered,
            pairs=answered,
            classified=answered,
            flips=int(answered * self.differing),
            recorded=answered,
            recorded_pairs=answered,
            failed=failed,
            replay=report if self.wishes else None,
        )


def at_rest(spec: ModelDeploymentSpec, **records: object) -> tuple[RolloutWorld, Records]:
    """A new version of a service that nobody asks."""
    world = on_trial(spec)
    world.requests = 0
    kept = replace(Records(world), **records)  # type: ignore[arg-type]
    world.measured = kept.look
    return world, kept


def gate(world: RolloutWorld) -> GateStatus:
    return next(one for one in world.status.gates if (one.name, one.stage) == (GATE, AttemptStage.TRIAL))


def ticks(world: RolloutWorld, number: int) -> RolloutWorld:
    for _ in range(number):
        world.tick(TICK)
    return world


def seconds_until(world: RolloutWorld, reached: Callable[[RolloutWorld], bool]) -> float:
    began = world.now
    until(world, reached, TICK)
    return (world.now - began).total_seconds()


def ended(world: RolloutWorld) -> bool:
    return world.status.candidate is None and world.status.attempt > 1


def test_at_rest_a_candidate_with_wrong_answers_is_rolled_back_within_a_minute() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s"), weight(50), pause("1s")), differing=0.3)
    assert seconds_until(world, ended) < 60
    record = last(world)
    assert (record.completion, record.reason, stable(world)) == ("RolledBack", "GateFailed", "1")
    assert record.message.startswith("prediction-divergence: ")
    assert "recorded requests: more than 1 %" in record.message


def test_at_rest_an_equal_candidate_is_promoted_within_two_minutes() -> None:
    world, kept = at_rest(quiet(replay(1000), pause("1s")))
    assert seconds_until(world, ended) < 120
    assert (stable(world), last(world).completion) == ("2", "Promoted")
    (found,) = [one for one in last(world).gates if one.name == GATE]
    assert found.verdict is Verdict.PASS
    assert "on " in found.message
    assert "recorded requests" in found.message
    assert kept.asked < 1000


def test_a_candidate_that_fails_what_stable_answered_is_rolled_back() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s")), failing=0.1)
    until(world, ended, TICK)
    assert last(world).reason == "GateFailed"
    assert "recorded requests failed that stable had answered" in last(world).message
    assert "x HTTP 500" in last(world).message


def test_it_is_asked_for_after_the_gate_s_first_look_and_not_while_users_reach_the_candidate() -> None:
    """What the first look finds is no sample, and a request is not replayed twice."""
    world, kept = at_rest(quiet(replay(400), pause("1s"), weight(50), pause("60s")))
    until(world, lambda _: bool(kept.wishes), 0.2)
    assert gate(world).state
    found = kept.wishes[0]
    assert (found.max_requests, found.per_second, found.timeout_seconds, found.lapse_seconds) == (400, 20, 10, 60)
    assert found.test == gate(world).config
    until(world, has(50), TICK)
    told = len(kept.wishes)
    ticks(world, 10)
    assert len(kept.wishes) == told
    wish = paired_outputs.wish(world.spec, world.status)
    assert wish is not None
    assert wish.replay is None


def test_a_long_interval_lets_a_replay_last_for_three_of_them() -> None:
    spec = quiet(replay(400), pause("1s"))
    world, kept = at_rest(evolve(spec, analysis=evolve(spec.analysis, interval="5m")))
    until(world, lambda _: bool(kept.wishes), 60)
    assert kept.wishes[0].lapse_seconds == 900


def test_where_recorded_requests_do_not_suffice_copies_in_the_same_step_make_up_for_them() -> None:
    world, _ = at_rest(quiet(replay(1000), mirror(100), pause("1s")), kept=40)
    ticks(world, 60)
    assert (gate(world).reason, gate(world).samples) == ("ReplayOver", 40)
    assert "100 are needed (minStepSamples)" in world.status.message


def test_where_they_suffice_no_copy_is_waited_for() -> None:
    world, _ = at_rest(quiet(replay(1000), mirror(100), pause("1s")))
    assert seconds_until(world, ended) < 120
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_where_recorded_requests_do_not_suffice_a_later_step_goes_on() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s"), mirror(100), pause("1s"), weight(50), pause("1s")), kept=40)
    until(world, lambda world: world.status.candidate is not None and world.status.candidate.step == 3, TICK)
    assert gate(world).samples == 40


def test_where_nothing_suffices_it_says_so_until_the_deadline_and_promotes_nothing() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s"), weight(50), pause("1s")), kept=40)
    ticks(world, 30)
    assert "all 40 recorded requests were asked; no later step brings it evidence" in world.status.message
    assert world.status.candidate is not None
    assert world.status.candidate.weight == 0
    until(world, ended, 30)
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")


@pytest.mark.parametrize("problem", [ReplayProblem.COLUMNS_NOT_RECORDED, ReplayProblem.NOTHING_RECORDED])
def test_what_cannot_be_replayed_is_told_in_a_condition_and_promotes_nothing(problem: ReplayProblem) -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s")), problem=problem)
    assert ticks(world, 1).status.candidate is not None
    ticks(world, 20)
    assert condition(world, "ReplayAvailable") == ("False", problem.value)
    assert (gate(world).verdict, gate(world).reason) == (Verdict.INCONCLUSIVE, problem.value)
    until(world, ended, 30)
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")


def test_what_cannot_be_replayed_leaves_it_to_the_copies_of_a_later_step() -> None:
    spec = quiet(replay(1000), pause("1s"), mirror(100), pause("1s"))
    world, _ = at_rest(spec, problem=ReplayProblem.NOTHING_RECORDED)
    until(world, lambda world: world.status.candidate is not None and world.status.candidate.step == 3, TICK)


def test_a_candidate_that_is_not_reached_yet_is_waited_for() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s"), mirror(100), pause("1s")))
    world.measured = lambda: (
        PairedOutputs(
            since="2026", replay=ReplayReport(problem=ReplayProblem.REPLAY_NOT_REACHED, message="no pod is reached")
        ),
    )
    ticks(world, 30)
    assert condition(world, "ReplayAvailable") == ("False", "ReplayNotReached")
    assert "no pod is reached" in world.status.message
    assert world.status.candidate is not None
    assert world.status.candidate.step == 1


@pytest.mark.parametrize("problem", [*ReplayProblem, "OfANewerMonitor"])
def test_the_condition_has_the_monitor_s_own_word(problem: str) -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s")))
    found = PairedOutputs(since="2026", replay=ReplayReport(problem=problem, message="why"))
    world.measured = lambda: (found,)
    ticks(world, 3)
    assert condition(world, "ReplayAvailable") == ("False", problem)


def test_a_provider_that_copies_nothing_can_be_replayed_through() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s")))
    world.capabilities = replace(ABLE_TO_DO_ALL, mirror=False)
    until(world, ended, TICK)
    assert (stable(world), last(world).completion) == ("2", "Promoted")


# The condition.


def test_who_asks_for_no_replay_has_no_condition() -> None:
    world = RolloutWorld(spec=quiet(mirror(100), pause("1s"))).want("1").settle(0.2)
    assert "ReplayAvailable" not in {one.type for one in world.status.conditions}


@pytest.mark.parametrize(
    ("logger", "status", "reason"),
    [
        ({}, "True", "NotAsked"),
        ({"exclude": ["age"]}, "Unknown", "ColumnsNotRecorded"),
        ({"hash": ["user"]}, "Unknown", "ColumnsNotRecorded"),
    ],
)
def test_at_rest_it_says_what_the_spec_alone_tells(logger: dict[str, object], status: str, reason: str) -> None:
    recorded = {"minReplicas": 2, "logger": {"mode": "all", **logger}}
    world = RolloutWorld(spec=quiet(replay(9), pause("1s"), predictor=recorded)).want("1").settle(0.2)
    assert condition(world, "ReplayAvailable") == (status, reason)


def test_without_a_monitor_it_says_so_at_rest() -> None:
    spec = quiet(replay(9), pause("1s"))
    world = RolloutWorld(spec=spec)
    missing = paired_outputs.part(spec, world.status, CountsAnswer(installed=False))
    assert isinstance(missing, MissingEvidence)
    world.not_measured = {PairedOutputs: missing}
    world.want("1").settle(0.2)
    assert condition(world, "ReplayAvailable") == ("False", "NoMonitor")


def test_while_it_goes_on_the_condition_does_not_change_with_each_look() -> None:
    world, kept = at_rest(quiet(replay(1000), pause("1s")))
    until(world, lambda _: kept.asked > 20, TICK)
    first = [one for one in world.status.conditions if one.type == "ReplayAvailable"]
    world.tick(TICK)
    assert first == [one for one in world.status.conditions if one.type == "ReplayAvailable"]
    assert condition(world, "ReplayAvailable") == ("True", "Replaying")


# The forecast.


def forecast(world: RolloutWorld) -> tuple[float, int, str]:
    until(world, lambda world: bool(world.status.candidate and world.status.candidate.forecast), TICK)
    assert world.status.candidate
    found = world.status.candidate.forecast
    assert found
    return found.requests_per_second, found.seconds, found.message


def test_at_rest_the_forecast_is_by_recorded_requests_alone() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s")))
    rate, seconds, message = forecast(world)
    assert rate == 0
    assert 10 < seconds < 40
    assert "by recorded requests alone a good version takes about" in message


def test_at_rest_nothing_is_foretold_where_a_gate_needs_users_too() -> None:
    world, _ = at_rest(quiet(replay(1000), pause("1s"), weight(50), pause("1s"), gates=(GATE, "error-rate")))
    ticks(world, 60)
    assert world.status.candidate
    assert world.status.candidate.forecast is None


def test_at_rest_nothing_is_foretold_where_recorded_requests_do_not_suffice() -> None:
    world, _ = at_rest(quiet(replay(200), pause("1s")))
    ticks(world, 60)
    assert world.status.candidate
    assert world.status.candidate.forecast is None


def test_with_few_requests_the_forecast_is_shorter_by_what_was_recorded() -> None:
    seconds = {}
    for first in (replay(1000), weight(0)):
        world, _ = at_rest(quiet(first, mirror(100), pause("1s")))
        world.requests = 1
        seconds[str(first)] = forecast(world)[1]
    quick, slow = seconds.values()
    assert 10 < quick < slow / 4
