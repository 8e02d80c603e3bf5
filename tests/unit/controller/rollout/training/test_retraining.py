"""Retraining as values: each brake and each end of a Job, what is told of them, and a month of drift that flaps."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock_contracts.api.retrain import RetrainingJob
from penstock_contracts.api.status import CommandOutcome, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.drift import DriftReason
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.decision import Decision, StartJob
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.job_sighting import JobSighting, JobState, JobView
from penstock_controller.rollout.monitor_answer import Monitoring
from penstock_controller.rollout.observation import Observation, Unresolved, Wanted
from penstock_controller.rollout.timestamps import moment
from penstock_controller.rollout.training import retraining
from penstock_controller.rollout.training.job_course import REGISTRY_WAIT
from penstock_testing.rollout_scenes import canary, is_baking, is_paused, pause, until
from penstock_testing.rollout_world import spec, wanted
from penstock_testing.strategies import weight
from penstock_testing.training_world import QUIET, TrainingWorld

TEMPLATE: dict[str, Any] = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "t"}]}}}}
HOUR = 3600.0


def fields(on_drift: str = "Retrain", **retrain: Any) -> dict[str, Any]:
    return {
        "predictor": {"logger": {"mode": "all"}},
        "drift": {"onDrift": on_drift},
        "retrain": {"jobTemplate": TEMPLATE, **retrain},
    }


@dataclass
class JobWorld(TrainingWorld):
    """Beside the rollout: the Jobs that the API server has, and what is known of them."""

    made: list[StartJob] = field(default_factory=list)
    states: dict[str, JobSighting] = field(default_factory=dict)
    """The Jobs that are there."""
    refused: str | None = ""
    refuses_jobs: str = ""
    refusals: dict[str, str] = field(default_factory=dict)

    def observe(self) -> Observation:
        known = self.status.retraining
        job = known.job if known and known.job and known.job.ended_at is None else None
        return replace(super().observe(), jobs=JobView(name="m", sighting=self._seen(job), refused=self.refused))

    def _seen(self, job: RetrainingJob | None) -> JobSighting | None:
        if job is None:
            return None
        if job.name in self.refusals:
            return JobSighting(state=JobState.REFUSED, message=self.refusals[job.name])
        return self.states.get(job.name, JobSighting(state=JobState.MISSING))

    def run_pass(self, *, killed_after: int | None = None, overtaken: bool = False) -> Decision:
        decision = super().run_pass(killed_after=killed_after, overtaken=overtaken)
        start = next((action for action in decision.actions if isinstance(action, StartJob)), None)
        if start and killed_after is None and not overtaken:
            if self.refuses_jobs:
                self.refusals[start.name] = self.refuses_jobs
            elif start.name not in self.states:
                self.made.append(start)
                self.states[start.name] = JobSighting(state=JobState.RUNNING)
        return decision

    def want(self, version: str) -> "JobWorld":
        super().want(version)
        return self

    def edit(self, changed: ModelDeploymentSpec) -> "JobWorld":
        super().edit(changed)
        return self

    def say(self, verb: Verb, version: str = "") -> "JobWorld":
        super().say(verb, version)
        return self

    def ends(self, state: JobState, message: str = "") -> "JobWorld":
        self.states[self.job.name] = JobSighting(state=state, message=message)
        return self.passes()


def serving(**given: Any) -> JobWorld:
    world = JobWorld(spec=spec(**(given or fields())), monitoring=QUIET)
    world.want("1").settle(0.2)
    world.announcements.clear()
    return world


def training(**given: Any) -> JobWorld:
    """The first Job runs."""
    world = serving(**given).drifts().passes()
    assert world.condition.reason == "Running"
    return world


def brought(world: JobWorld, version: str) -> JobWorld:
    """The Job registers a version, moves the alias and ends."""
    world.want(version)
    world.states[world.job.name] = JobSighting(state=JobState.SUCCEEDED)
    return world.passes()


def promoted(**given: Any) -> JobWorld:
    """The first Job brought version 2, which serves; the drift is over."""
    world = brought(training(**given), "2").calms()
    world.settle(0.2)
    assert world.status.stable
    assert world.status.stable.version == "2"
    return world


def rolled_back(**given: Any) -> JobWorld:
    """The first Job brought version 2, which was aborted."""
    world = training(**given)
    world.edit(canary(weight(50), pause(), **{**fields(), **given}))
    brought(world, "2")
    until(world, is_paused)
    world.say(Verb.ABORT).settle(0.2)
    assert world.status.refused
    return world


# --- who does not ask for it, and how it begins


def test_who_does_not_ask_for_it_has_nothing_of_it() -> None:
    world = serving(predictor={"logger": {"mode": "all"}}, drift={}).drifts().passes()
    assert "retraining" not in world.status.model_dump(mode="json", exclude_none=True)
    assert retraining.CONDITION not in {item.type for item in world.status.conditions}
    assert world.made == []


def test_with_alert_drift_starts_nothing_and_a_person_may() -> None:
    world = serving(**fields("Alert")).drifts().passes()
    assert (world.condition.status, world.condition.reason, world.made) == ("False", "NotNeeded", [])
    world.say(Verb.RETRAIN).passes()
    assert [job.reason for job in world.made] == ["ByHand"]


def test_drift_of_the_data_set_starts_one_job_under_the_number_in_status() -> None:
    world = training()
    assert [(job.name, job.reason, job.stable_version) for job in world.made] == [("m-retrain-1", "DatasetDrift", "1")]
    assert (world.job.name, world.job.number, world.job.columns) == ("m-retrain-1", 1, ("amount",))
    assert (world.condition.status, world.condition.reason) == ("True", "Running")
    assert "m-retrain-1" in world.condition.message
    assert "amount" in world.condition.message


@pytest.mark.parametrize("reason", [each for each in DriftReason if each is not DriftReason.DATASET_DRIFT])
def test_nothing_but_drift_of_the_data_set_starts_a_job(reason: DriftReason) -> None:
    world = serving().drifts(reason=reason).passes()
    assert (world.made, world.condition.reason) == ([], "NotNeeded")


def test_the_status_is_written_before_the_job_is_made_and_a_crash_between_starts_no_second() -> None:
    world = serving().drifts()
    world.run_pass(killed_after=1)
    assert (world.job.number, world.made) == (1, [])
    world.resumed = True
    world.run_pass(killed_after=1)
    assert "not made yet" in world.condition.message
    world.passes(5)
    assert [job.name for job in world.made] == ["m-retrain-1"]
    assert len(world.training.starts) == 1


def test_a_job_that_was_made_just_before_a_crash_is_found_again() -> None:
    world = serving().drifts()
    world.run_pass(killed_after=1)
    world.states["m-retrain-1"] = JobSighting(state=JobState.RUNNING)  # made, and nobody was told
    world.resumed = True
    world.passes(5)
    assert (world.made, world.job.seen) == ([], True)


def test_a_pass_that_is_overtaken_makes_no_job_and_says_the_same_words_again() -> None:
    world = serving().drifts()
    lost = world.run_pass(overtaken=True)
    assert world.made == []
    assert world.run_pass().announcements == lost.announcements != ()


def test_after_a_lost_status_numbers_that_were_given_are_left_out() -> None:
    world = serving().drifts()
    world.states["m-retrain-1"] = JobSighting(state=JobState.OTHERS)
    world.states["m-retrain-2"] = JobSighting(state=JobState.OTHERS)
    world.passes(6)
    assert [job.name for job in world.made] == ["m-retrain-3"]


def test_what_the_monitor_said_before_a_restart_starts_nothing() -> None:
    world = serving().drifts()
    finding, world.monitoring = world.monitoring, Monitoring(installed=True)
    world.passes()
    assert world.made == []
    world.monitoring = finding
    assert len(world.passes().made) == 1


@pytest.mark.parametrize("unsure", [{"away": "no answer in 5 s"}, {"is_current": False}], ids=["away", "not current"])
def test_drift_that_nobody_vouches_for_now_starts_nothing(unsure: dict[str, Any]) -> None:
    world = serving().drifts()
    world.monitoring = replace(world.monitoring, **unsure)
    assert world.passes().made == []


# --- brakes


def test_one_job_at_a_time() -> None:
    world = training().drifts("age").waits(48 * HOUR)
    assert (len(world.made), world.condition.reason) == (1, "Running")
    world.say(Verb.RETRAIN).passes()
    assert world.status.command_results["retrain"].outcome is CommandOutcome.DENIED
    assert "m-retrain-1 is under way" in world.status.command_results["retrain"].message
    assert len(world.made) == 1


def test_cooling_down_after_a_job_then_the_next() -> None:
    world = promoted().drifts("age").passes()
    assert (world.condition.status, world.condition.reason, len(world.made)) == ("False", "CoolingDown", 1)
    ended = moment(world.job.ended_at or "")
    assert (ended + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ") in world.condition.message
    due = world.run_pass().requeue_after
    assert due is not None
    assert due <= 6 * HOUR
    assert len(world.waits(5.9 * HOUR).made) == 1
    world.waits(0.1 * HOUR)
    assert [job.name for job in world.made] == ["m-retrain-1", "m-retrain-2"]


def test_a_spent_budget_until_the_oldest_job_leaves_it() -> None:
    world = promoted(**fields(cooldown="0s", budget={"max": 2, "per": "24h"}))
    for version, column in (("3", "b"), ("4", "c")):
        world.drifts(column).waits(60)
        if world.condition.reason == "Running":
            brought(world, version)
            world.settle(0.2)
    assert (len(world.made), world.condition.reason) == (2, "BudgetSpent")
    assert world.waits(23 * HOUR).condition.reason == "BudgetSpent"
    world.waits(HOUR)
    assert (len(world.made), world.condition.reason) == (3, "Running")


def test_no_job_while_an_attempt_runs() -> None:
    world = serving(**fields())
    world.edit(canary(weight(50), pause(), **fields())).want("2")
    until(world, is_paused)
    world.drifts().passes()
    assert (world.made, world.condition.reason) == ([], "AttemptUnderWay")


def test_no_job_while_a_version_bakes() -> None:
    world = serving(**fields())
    world.edit(canary(bake="10m", **fields())).want("2")
    until(world, is_baking)
    world.drifts().passes()
    assert (world.made, world.condition.reason) == ([], "AttemptUnderWay")


def test_no_job_while_a_named_version_waits_to_be_tried() -> None:
    world = serving().drifts()
    world.target = wanted("2")
    fetching = Unresolved(reason="Fetching", message="the model store is fetching version 2")
    observation = replace(world.observe(), target=fetching)
    decision = advance(world.spec, world.status, observation)
    assert not any(isinstance(action, StartJob) for action in decision.actions)
    assert decision.status.retraining
    assert decision.status.retraining.reason == "AttemptUnderWay"


def test_no_job_while_spec_paused_holds() -> None:
    world = serving(**fields(), paused=False)
    world.edit(spec(**fields(), paused=True)).run_pass()
    world.drifts().passes()
    assert (world.made, world.condition.reason) == ([], "Held")


def test_no_job_while_a_person_holds_an_earlier_version() -> None:
    world = serving()
    world.want("2").settle(0.2)
    world.say(Verb.UNDO).settle(0.2)
    assert world.status.hold
    world.drifts().passes()
    assert (world.made, world.condition.reason) == ([], "Held")


def test_a_version_that_was_taken_back_blocks_the_same_drift_until_it_changes() -> None:
    world = rolled_back()
    world.drifts("amount").waits(100 * HOUR)
    assert (len(world.made), world.condition.reason) == (1, "RefusedForThisDrift")
    world.calms().waits(HOUR)
    world.drifts("amount").waits(HOUR)
    assert (len(world.made), world.condition.reason) == (1, "RefusedForThisDrift")
    world.drifts("amount", "age").passes()
    assert (len(world.made), world.condition.reason) == (2, "Running")


def test_a_person_may_retrain_for_a_drift_whose_version_was_taken_back() -> None:
    world = rolled_back().drifts("amount").passes()
    world.say(Verb.RETRAIN).passes()
    assert world.status.command_results["retrain"].outcome is CommandOutcome.ACCEPTED
    assert [job.reason for job in world.made] == ["DatasetDrift", "ByHand"]


def test_the_same_columns_that_drift_again_after_promotion_are_flapping() -> None:
    world = promoted(**fields(cooldown="6h"))
    world.waits(HOUR)
    world.drifts("amount").waits(100 * HOUR)
    assert (len(world.made), world.condition.reason) == (1, "Flapping")
    world.calms().waits(HOUR)
    world.drifts("amount").passes()
    assert (len(world.made), world.condition.reason) == (2, "Running"), "it begins later than one cool-down after"


def test_other_columns_are_no_flapping() -> None:
    world = promoted(**fields(cooldown="6h"))
    world.drifts("age").waits(7 * HOUR)
    assert len(world.made) == 2


def test_back_off_doubles_with_each_job_that_fails_up_to_a_day() -> None:
    world = training(**fields(budget={"max": 100, "per": "720h"}))
    waits = []
    for _ in range(5):
        world.ends(JobState.FAILED, "BackoffLimitExceeded")
        assert world.condition.reason == "JobFailed"
        ended, number = world.now, world.job.number
        while world.job.number == number:
            world.waits(HOUR / 2)
        waits.append(round((world.now - ended).total_seconds() / HOUR))
    assert waits == [6, 12, 24, 24, 24]


def test_back_off_without_a_cool_down_begins_at_a_minute() -> None:
    world = training(**fields(cooldown="0s", budget={"max": 100, "per": "720h"})).ends(JobState.FAILED, "boom")
    assert len(world.made) == 1
    assert len(world.waits(61).made) == 2


def test_not_enough_labels() -> None:
    world = serving(**fields(minLabels=500)).drifts()
    for labelled in (None, 0, 499):
        world.monitoring = replace(world.monitoring, labelled=labelled)
        assert world.passes().condition.reason == "NotEnoughLabels"
    world.monitoring = replace(world.monitoring, labelled=500)
    assert len(world.passes().made) == 1


def test_a_template_that_the_api_server_refuses_is_told_before_any_drift() -> None:
    world = serving()
    world.refused = 'Job "m-retrain-0" is invalid: spec.template.spec.restartPolicy'
    world.passes()
    assert world.condition.reason == "JobRefused"
    assert "restartPolicy" in world.condition.message
    world.drifts().passes()
    assert (world.made, world.condition.reason) == ([], "JobRefused")
    world.refused = None  # another process, and the API server has not answered yet
    assert world.calms().passes().condition.reason == "JobRefused"
    world.refused = ""
    assert world.passes().condition.reason == "NotNeeded"


def test_without_a_named_version_nothing_could_be_newer() -> None:
    world = serving().drifts()
    world.target = Unresolved(reason="RegistryAway", message="no answer")
    world.passes()
    assert (world.made, world.condition.reason) == ([], "VersionUnknown")


def test_a_clock_that_was_set_back_keeps_nothing_waiting_for_ever() -> None:
    world = promoted()
    world.now -= timedelta(days=365)
    world.drifts("age", ago=0).passes()
    assert world.condition.reason == "CoolingDown"
    assert len(world.waits(6 * HOUR + 1).made) == 2


# --- ends


def test_succeeded_when_the_alias_names_a_newer_version() -> None:
    world = training()
    brought(world, "2")
    assert (world.job.end, world.job.version) == ("Succeeded", "2")
    assert world.events[:2] == ["Running", "Succeeded"]
    world.calms().settle(0.2)
    assert (world.condition.status, world.condition.reason) == ("False", "Succeeded")
    assert world.status.stable
    assert world.status.stable.version == "2"


def test_nothing_registered_after_two_minutes_and_not_before() -> None:
    world = training().ends(JobState.SUCCEEDED)
    assert (world.condition.status, world.condition.reason) == ("True", "Running")
    assert world.waits(REGISTRY_WAIT - 1).condition.reason == "Running"
    world.waits(2)
    assert (world.job.end, world.condition.reason) == ("NothingRegistered", "NothingRegistered")
    assert world.training.failures == 1


def test_a_version_that_is_named_late_is_found_within_the_wait() -> None:
    world = training().ends(JobState.SUCCEEDED)
    world.waits(60).want("2").run_pass()
    assert world.job.end == "Succeeded"


def test_the_alias_back_at_an_older_version_is_nothing_new() -> None:
    world = serving()
    world.want("3").settle(0.2)
    world.drifts().passes()
    world.want("2")
    world.ends(JobState.SUCCEEDED).waits(REGISTRY_WAIT + 1)
    assert world.job.end == "NothingRegistered"


def test_a_registry_that_is_away_does_not_say_that_nothing_was_registered() -> None:
    world = training()
    world.target = Unresolved(reason="RegistryAway", message="no answer")
    world.ends(JobState.SUCCEEDED).waits(10 * HOUR)
    assert (world.job.ended_at, world.condition.reason) == (None, "Running")
    world.want("1")
    assert world.passes().job.ended_at is None, "the wait begins when the registry answers"
    assert world.waits(REGISTRY_WAIT + 1).job.end == "NothingRegistered"


ENDS = [
    (JobState.FAILED, "JobFailed", "BackoffLimitExceeded: Job has reached the specified backoff limit"),
    (JobState.TIMED_OUT, "TimedOut", "DeadlineExceeded: Job was active longer than specified deadline"),
    (JobState.GONE, "JobGone", "it was deleted"),
]


@pytest.mark.parametrize(("state", "end", "message"), ENDS)
def test_an_end_without_a_version_is_told_by_its_name_and_stable_stays(state: JobState, end: str, message: str) -> None:
    world = training()
    before = world.status.stable
    world.ends(state, message)
    assert (world.job.end, world.condition.status, world.condition.reason) == (end, "False", end)
    assert message in world.condition.message
    assert world.events == ["Running", end]
    assert world.announcements[-1].type == "Warning"
    assert world.status.stable == before
    assert world.lost == 0
    world.calms().waits(HOUR)
    assert world.condition.reason == end, "what became of the last one stays to be read"


def test_a_job_that_the_api_server_refuses_ends_in_its_words() -> None:
    world = serving().drifts()
    world.refuses_jobs = "create Job m-retrain-1: exceeded quota: count/jobs.batch"
    world.passes()
    assert (world.made, world.job.end, world.condition.reason) == ([], "JobRefused", "JobRefused")
    assert "exceeded quota" in world.condition.message


def test_a_job_that_was_seen_and_is_missing_is_gone() -> None:
    world = training()
    world.passes()
    del world.states[world.job.name]
    world.passes()
    assert (world.job.end, len(world.made)) == ("JobGone", 1)


def test_a_job_that_cleaned_up_after_itself_has_succeeded_when_it_brought_a_version() -> None:
    world = training()
    world.want("2")
    world.ends(JobState.GONE, "it was deleted")
    assert (world.job.end, world.job.version) == ("Succeeded", "2")


def test_a_job_that_cannot_be_looked_at_goes_on() -> None:
    world = training().ends(JobState.UNKNOWN, "list jobs: you lack a right")
    assert (world.condition.reason, world.job.ended_at) == ("Running", None)
    assert "you lack a right" in world.condition.message


def test_a_job_that_waits_in_a_queue_is_told_so() -> None:
    world = training().ends(JobState.SUSPENDED)
    assert "suspended" in world.condition.message


def test_a_resource_that_does_not_ask_any_more_follows_its_job_to_the_end_and_forgets() -> None:
    world = training()
    world.edit(spec(predictor={"logger": {"mode": "all"}}, drift={})).passes()
    assert world.condition.reason == "Running"
    world.ends(JobState.FAILED, "boom")
    assert world.status.retraining is None
    assert world.events == ["Running", "JobFailed"]


# --- by hand


def test_by_hand_neither_cool_down_nor_budget_count() -> None:
    world = promoted(**fields(budget={"max": 1, "per": "720h"}))
    world.say(Verb.RETRAIN).passes()
    assert [job.reason for job in world.made] == ["DatasetDrift", "ByHand"]
    assert "a person said retrain" in world.condition.message


@pytest.mark.parametrize(
    ("given", "refused", "why"),
    [
        ({"predictor": {}}, "", "spec.retrain is not there"),
        (fields(), "no restartPolicy", "no restartPolicy"),
        (fields(minLabels=5), "", "labelled rows"),
    ],
)
def test_by_hand_is_refused_where_no_job_could_help(given: dict[str, Any], refused: str, why: str) -> None:
    world = serving(**given)
    world.refused = refused
    world.say(Verb.RETRAIN).passes()
    answer = world.status.command_results["retrain"]
    assert answer.outcome is CommandOutcome.DENIED
    assert why in answer.message
    assert world.made == []


def test_by_hand_is_heard_once() -> None:
    world = serving()
    world.say(Verb.RETRAIN).passes()
    world.ends(JobState.FAILED, "boom").waits(100 * HOUR)
    assert len(world.made) == 1


# --- by schedule

HOURLY = "0 * * * *"


def to_the_hour(world: JobWorld) -> float:
    """Seconds until the next one."""
    return HOUR - world.now.timestamp() % HOUR


def test_a_schedule_starts_a_job_at_its_time_and_not_before_without_any_drift() -> None:
    world = serving(**fields(schedule=HOURLY)).passes()
    due = world.run_pass().requeue_after
    assert due is not None
    assert due <= to_the_hour(world) + 1
    assert world.waits(to_the_hour(world) - 5).made == []
    world.waits(5)
    assert [job.reason for job in world.made] == ["Schedule"]
    assert "spec.retrain.schedule says so" in world.condition.message
    world.ends(JobState.FAILED, "boom").waits(to_the_hour(world) - 5)
    assert len(world.made) == 1
    assert len(world.waits(5).made) == 2, "its own times are its cool-down"


def test_times_that_were_missed_are_made_up_for_once() -> None:
    world = serving(**fields(schedule=HOURLY)).passes().waits(50.5 * HOUR)
    assert len(world.made) == 1
    world.ends(JobState.FAILED, "boom").passes(10)
    assert len(world.made) == 1


def test_a_schedule_keeps_to_the_budget_and_waits_for_an_attempt_to_end() -> None:
    world = serving(**fields(schedule=HOURLY, budget={"max": 1, "per": "24h"})).passes().waits(HOUR)
    world.ends(JobState.FAILED, "boom").waits(2 * HOUR)
    assert (len(world.made), world.condition.reason) == (1, "BudgetSpent")
    world = serving(**fields(schedule=HOURLY)).passes()
    world.edit(canary(weight(20), pause(), **fields(schedule=HOURLY))).want("2")
    until(world, is_paused)
    world.waits(2 * HOUR)
    assert (world.made, world.condition.reason) == ([], "AttemptUnderWay")


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        ("61 * * * *", "minute"),
        ("0 0 30 2 *", "day-of-month"),
        ("daily", "1 fields, not 5"),
        ("* * * * * *", "6 fields, not 5"),
    ],
)
def test_what_is_no_schedule_is_told_and_drift_starts_jobs_all_the_same(schedule: str, wrong: str) -> None:
    world = serving(**fields(schedule=schedule)).passes()
    assert (world.condition.status, world.condition.reason) == ("False", "BadSchedule")
    assert wrong in world.condition.message
    world.drifts().passes()
    assert [job.reason for job in world.made] == ["DatasetDrift"]


def test_another_schedule_counts_from_when_it_was_written() -> None:
    world = serving(**fields(schedule="0 0 1 1 *")).passes().waits(100.5 * HOUR)
    world.edit(spec(**fields(schedule=HOURLY))).passes()
    assert world.made == []
    assert len(world.waits(to_the_hour(world) + 1).made) == 1


def test_a_schedule_that_is_taken_away_starts_nothing() -> None:
    world = serving(**fields(schedule=HOURLY)).passes()
    world.edit(spec(**fields())).waits(10 * HOUR)
    assert (world.made, world.training.scheduled_since) == ([], None)


# --- what is told


def test_each_transition_is_told_once_by_the_word_of_the_condition() -> None:
    world = training()
    world.ends(JobState.FAILED, "boom").waits(7 * HOUR)
    brought(world, "2")
    world.settle(0.2)
    assert world.events[:4] == ["Running", "JobFailed", "Running", "Succeeded"]
    messages = [told.message for told in world.announcements if told.of_retraining]
    assert len(set(messages)) == len(messages), "the second would be taken for the first, and not told"
    assert world.training.reason == world.condition.reason


def resting_worlds() -> Iterator[Any]:
    yield pytest.param(serving, id="idle")
    yield pytest.param(training, id="running")
    yield pytest.param(lambda: training().ends(JobState.FAILED, "boom"), id="failed")
    yield pytest.param(lambda: promoted().drifts("age").passes(), id="cooling down")
    yield pytest.param(lambda: serving(**fields(schedule="0 0 1 1 *")), id="scheduled")
    yield pytest.param(lambda: serving(**fields(schedule="never")), id="badly scheduled")
    yield pytest.param(lambda: rolled_back().drifts("amount").passes(), id="refused for this drift")
    yield pytest.param(lambda: serving(**fields(minLabels=5)).drifts().passes(), id="labels")


@pytest.mark.parametrize("begin", resting_worlds())
def test_nothing_is_written_while_nothing_changes(begin: Any) -> None:
    world = begin().waits(30).waits(30)
    writes = world.writes
    for _ in range(5):
        world.now += timedelta(seconds=30)
        world.run_pass()
    assert world.writes == writes


@pytest.mark.parametrize("begin", resting_worlds())
def test_a_controller_that_has_just_started_keeps_what_status_said(begin: Any) -> None:
    world = begin().passes()
    kept = json.loads(json.dumps(world.status.model_dump(mode="json", exclude_none=True)))
    world.status = ModelDeploymentStatus.model_validate(kept)
    before, told = world.status, list(world.announcements)
    monitoring, world.monitoring, world.resumed = world.monitoring, Monitoring(installed=True), True
    world.run_pass()
    world.monitoring = monitoring
    world.passes()
    assert world.status.retraining == before.retraining
    assert world.status.conditions == before.conditions
    assert world.announcements == told


# --- a month


@pytest.mark.parametrize("number", range(6))
def test_a_month_of_drift_that_flaps_starts_no_more_jobs_than_the_budget(number: int) -> None:
    """Drift comes and goes every few hours; Jobs fail, hang, bring nothing, or a version that is kept or taken back."""
    dice = random.Random(number)
    world = serving(**fields(cooldown="1h", budget={"max": 3, "per": "24h"}))
    end, version, switches = world.now + timedelta(days=30), 1, world.now
    starts: list[datetime] = []
    while world.now < end:
        if world.now >= switches:
            switches = world.now + timedelta(hours=dice.uniform(0.5, 6))
            columns = dice.sample(["amount", "age", "country"], dice.randint(0, 3))
            world.drifts(*columns) if columns else world.calms()
        before = len(world.made)
        world.now += timedelta(minutes=20)
        world.tick(1.0)
        starts += [world.now] * (len(world.made) - before)
        job = world.training.job
        if job and job.ended_at is None and dice.random() < 0.5:
            version = _fate(world, job, dice, version)
        if dice.random() < 0.05:
            world.resumed = True
    assert len(starts) > 10
    for start in starts:
        assert sum(start <= other < start + timedelta(hours=24) for other in starts) <= 3
    assert world.lost == 0
    assert len({job.name for job in world.made}) == len(world.made)


def _fate(world: JobWorld, job: RetrainingJob, dice: random.Random, version: int) -> int:
    state = dice.choice([JobState.SUCCEEDED] * 3 + [JobState.FAILED, JobState.TIMED_OUT, JobState.GONE])
    brings = state is JobState.SUCCEEDED and dice.random() < 0.8
    if brings:
        version += 1
        revision = f"rev{version}"
        world.broken = {revision} if dice.random() < 0.4 else set()
        target = wanted(str(version), digest=f"sha256:{version:064d}")
        assert isinstance(target, Wanted)
        world.target = target
    world.states[job.name] = JobSighting(state=state, message="its fate")
    return version
