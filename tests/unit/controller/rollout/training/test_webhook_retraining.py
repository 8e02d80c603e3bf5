"""Training by a webhook as values: when it is called, what its answers mean, and how a training ends."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from penstock_contracts.api.retrain import Means, RetrainingJob
from penstock_contracts.api.status import CommandOutcome
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.decision import CallWebhook, Decision, StartJob
from penstock_controller.rollout.job_sighting import JobSighting, JobState, JobView
from penstock_controller.rollout.observation import Observation, Unresolved
from penstock_controller.rollout.training.pipeline_state import state_of
from penstock_controller.rollout.training.webhook_course import ANSWER_WAIT
from penstock_testing.rollout_scenes import canary, is_paused, pause, until
from penstock_testing.rollout_world import spec
from penstock_testing.strategies import weight
from penstock_testing.training_world import QUIET, TrainingWorld

HOOK = {"url": "https://pipelines.example/retrain"}
JOB: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "train"}]}}}}
HOUR = 3600.0


def fields(**retrain: Any) -> dict[str, Any]:
    given = {"webhook": HOOK, **retrain}
    return {
        "predictor": {"logger": {"mode": "all"}},
        "drift": {"onDrift": "Retrain"},
        "retrain": {name: value for name, value in given.items() if value is not None},
    }


@dataclass
class HookWorld(TrainingWorld):
    """Beside the rollout: what the webhook answers."""

    called: list[RetrainingJob] = field(default_factory=list)
    """What each pass wanted called."""
    answer: JobSighting = field(default_factory=lambda: JobSighting(state=JobState.RUNNING))
    """To every call."""
    heard: dict[str, JobSighting] = field(default_factory=dict)
    """What this process has been answered, by the training's name."""
    refused: str | None = ""

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(job.name for job in self.called))

    def observe(self) -> Observation:
        known = self.status.retraining
        job = known.job if known and known.job and known.job.ended_at is None else None
        nothing = JobSighting(state=JobState.RUNNING if job and job.seen else JobState.MISSING)
        seen = self.heard.get(job.name, nothing) if job else None
        view = JobView(name="m", namespace="ns", sighting=seen, refused=self.refused)
        return replace(super().observe(), jobs=view)

    def run_pass(self, *, killed_after: int | None = None, overtaken: bool = False) -> Decision:
        decision = super().run_pass(killed_after=killed_after, overtaken=overtaken)
        calls = [action.training for action in decision.actions if isinstance(action, CallWebhook)]
        if killed_after is None and not overtaken:
            self.called += calls
            self.heard |= {training.name: self.answer for training in calls}
        assert not any(isinstance(action, StartJob) for action in decision.actions), "no Job where a webhook trains"
        return decision

    def restarts(self) -> "HookWorld":
        """Another process has been answered nothing."""
        self.heard.clear()
        self.resumed = True
        return self

    def hears(self, state: JobState, message: str = "") -> "HookWorld":
        self.heard[self.job.name] = JobSighting(state=state, message=message)
        return self.passes()


def serving(**given: Any) -> HookWorld:
    world = HookWorld(spec=spec(**(given or fields())), monitoring=QUIET)
    world.want("1")
    world.settle(0.2)
    world.announcements.clear()
    return world


def training(**given: Any) -> HookWorld:
    """The webhook has answered that the first training runs."""
    world = serving(**given).drifts().passes()
    assert (world.condition.reason, world.job.seen) == ("Running", True)
    return world


# --- how it begins


def test_drift_calls_the_webhook_once_under_a_name_that_stands_in_status() -> None:
    world = training()
    world.waits(5 * HOUR)
    assert world.names == [world.job.name]
    assert len(world.called) == 1
    assert world.job.means is Means.WEBHOOK
    assert world.job.name.startswith("ns.m-retrain-1.2026")
    assert world.called[0].columns == ("amount",)
    assert (world.condition.status, world.condition.reason) == ("True", "Running")


def test_the_name_is_written_before_the_call_and_a_crash_between_calls_under_the_same() -> None:
    world = serving().drifts()
    world.run_pass(killed_after=1)
    name = world.job.name
    assert world.called == []
    world.restarts().waits(60)
    assert world.names == [name]


def test_a_controller_that_lost_the_answer_calls_again_by_the_same_name_and_no_second_is_begun() -> None:
    world = serving().drifts()
    world.run_pass()
    first = world.called[0]
    world.restarts().waits(30)
    assert [(job.name, job.started_at) for job in world.called] == [(first.name, first.started_at)] * 2
    assert (world.job.number, len(world.training.starts)) == (1, 1)


def test_a_pass_that_is_overtaken_calls_nobody() -> None:
    world = serving().drifts()
    world.run_pass(overtaken=True)
    assert world.called == []


def test_where_the_pipeline_shows_its_run_is_kept_and_told() -> None:
    world = serving().drifts()
    world.answer = JobSighting(state=JobState.RUNNING, url="https://pipelines.example/runs/7")
    world.passes()
    assert world.restarts().passes().job.url == "https://pipelines.example/runs/7"
    assert "runs at https://pipelines.example/runs/7" in world.condition.message


def test_by_hand_and_by_schedule_call_it_too() -> None:
    by_hand = serving()
    by_hand.say(Verb.RETRAIN)
    assert [job.reason for job in by_hand.passes().called] == ["ByHand"]
    by_schedule = serving(**fields(schedule="0 * * * *")).passes().waits(HOUR)
    assert [job.reason for job in by_schedule.called] == ["Schedule"]


# --- brakes


def test_one_at_a_time_and_a_person_is_told_which() -> None:
    world = training().drifts("age").waits(HOUR)
    world.say(Verb.RETRAIN)
    world.passes()
    assert world.status.command_results["retrain"].outcome is CommandOutcome.DENIED
    assert f"training {world.job.name} is under way" in world.status.command_results["retrain"].message
    assert len(world.called) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"budget": {"max": 1, "per": "720h"}, "cooldown": "0s"}, "BudgetSpent"),
        ({"cooldown": "6h"}, "CoolingDown"),
        ({"minLabels": 500, "cooldown": "0s"}, "NotEnoughLabels"),
    ],
)
def test_brakes_hold_as_before_a_job(given: dict[str, Any], reason: str) -> None:
    world = serving(**fields(**given))
    world.monitoring = replace(QUIET, labelled=900)
    world.say(Verb.RETRAIN)
    world.passes().want("2")
    world.passes().settle(0.2)
    assert world.job.end == "Succeeded"
    world.drifts("age").passes()
    assert (len(world.called), world.condition.reason) == (1, reason)


def test_none_while_an_attempt_runs() -> None:
    world = serving()
    world.edit(canary(weight(50), pause(), **fields())).want("2")
    until(world, is_paused)
    world.drifts().passes()
    assert (world.called, world.condition.reason) == ([], "AttemptUnderWay")


def test_what_keeps_it_from_being_called_is_told_before_any_drift() -> None:
    world = serving()
    world.refused = "headersSecret 'token' cannot be read"
    assert world.passes().condition.reason == "WebhookRefused"
    assert "spec.retrain.webhook: headersSecret 'token'" in world.condition.message
    world.drifts().passes()
    assert (world.called, world.condition.reason) == ([], "WebhookRefused")
    world.refused = None  # another process, and the API server has not answered yet
    assert world.calms().passes().condition.reason == "WebhookRefused"


def test_back_off_after_trainings_that_failed() -> None:
    world = training(**fields(cooldown="1h"))
    world.hears(JobState.FAILED, "out of memory")
    assert world.waits(0.9 * HOUR).condition.reason == "PipelineFailed"
    world.waits(0.2 * HOUR)
    assert (len(world.names), world.training.failures) == (2, 1)
    world.hears(JobState.FAILED, "out of memory")
    world.waits(1.9 * HOUR)
    assert (len(world.names), world.training.failures) == (2, 2)
    assert len(world.waits(0.2 * HOUR).names) == 3


# --- ends


def test_it_is_done_when_the_alias_names_a_newer_version() -> None:
    world = training()
    world.want("2")
    world.passes()
    assert (world.job.end, world.job.version) == ("Succeeded", "2")
    assert world.events[:2] == ["Running", "Succeeded"]


def test_an_older_version_is_none_that_it_brought() -> None:
    world = serving()
    world.want("3")
    world.settle(0.2)
    world.drifts().passes().want("2")
    world.passes()
    assert world.job.ended_at is None


def test_after_the_time_limit_it_is_not_waited_for_any_longer() -> None:
    world = training(**fields(timeLimit="2h"))
    assert world.waits(2 * HOUR - 60).condition.reason == "Running"
    world.waits(61)
    assert (world.job.end, world.condition.reason, world.training.failures) == ("TimedOut", "TimedOut", 1)
    assert "newer than version 1" in world.condition.message


def test_a_registry_that_is_away_does_not_say_that_nothing_was_registered_in_time() -> None:
    world = training(**fields(timeLimit="1h"))
    world.target = Unresolved(reason="RegistryAway", message="no answer")
    assert world.waits(5 * HOUR).job.ended_at is None
    world.want("2")
    assert world.passes().job.end == "Succeeded"


def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever() -> None:
    world = training(**fields(timeLimit="1h"))
    world.now -= timedelta(days=365)
    world.passes()
    assert world.waits(HOUR + 2).job.end == "TimedOut"


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (JobState.REFUSED, "WebhookRefused"),
        (JobState.FAILED, "PipelineFailed"),
        (JobState.NOTHING_BETTER, "NothingRegistered"),
    ],
)
def test_an_end_without_a_version_is_told_by_its_name_counts_as_failed_and_stable_stays(
    state: JobState, end: str
) -> None:
    world = serving().drifts()
    before = world.status.stable
    world.answer = JobSighting(state=state, message="because so")
    world.passes()
    assert (world.job.end, world.condition.reason, world.training.failures) == (end, end, 1)
    assert "because so" in world.condition.message
    assert world.announcements[-1].type == "Warning"
    assert (world.status.stable, world.lost) == (before, 0)


def test_no_answer_is_no_failure_until_its_time_is_over() -> None:
    world = serving().drifts()
    world.answer = JobSighting(state=JobState.UNANSWERED, message="it answers 503")
    world.passes().waits(ANSWER_WAIT - 10)
    assert (world.job.ended_at, world.condition.reason) == (None, "Running")
    assert "called again: it answers 503" in world.condition.message
    world.waits(20)
    assert (world.job.end, world.training.failures) == ("WebhookUnreachable", 1)
    assert "it answers 503" in world.condition.message


def test_a_controller_that_was_away_all_the_time_tries_before_it_gives_up() -> None:
    world = serving().drifts()
    world.run_pass(killed_after=1)
    world.restarts().waits(3 * ANSWER_WAIT)
    assert world.job.seen is True


def test_a_pipeline_whose_answers_were_lost_has_succeeded_when_it_brought_a_version() -> None:
    world = serving().drifts()
    world.answer = JobSighting(state=JobState.UNANSWERED, message="no answer in 10 s")
    world.passes().want("2")
    world.waits(ANSWER_WAIT + 10)
    assert (world.job.end, world.job.version) == ("Succeeded", "2")


@pytest.mark.parametrize(
    "changed", [{"predictor": {"logger": {"mode": "all"}}, "drift": {}}, fields(webhook=None, jobTemplate=JOB)]
)
def test_a_webhook_that_is_taken_away_before_it_answered_ends_it(changed: dict[str, Any]) -> None:
    world = serving().drifts()
    world.run_pass(killed_after=1)
    world.edit(spec(**changed))
    world.calms().run_pass()
    assert world.events == ["Running", "WebhookUnreachable"]
    assert world.called == []


def test_a_training_that_runs_is_followed_to_its_end_by_whoever_does_not_ask_any_more() -> None:
    world = training()
    world.edit(spec(predictor={"logger": {"mode": "all"}}, drift={}))
    assert world.passes().condition.reason == "Running"
    world.hears(JobState.FAILED, "boom")
    assert world.status.retraining is None
    assert world.events == ["Running", "PipelineFailed"]


# --- what the pipeline says


@pytest.mark.parametrize(
    ("text", "state", "message"),
    [
        ("run-1 Failed out of\nmemory", JobState.FAILED, "out of memory"),
        ("run-1 Failed: out of memory", JobState.FAILED, "out of memory"),
        ("  run-1   NothingBetter AUC 0.91 against 0.93 ", JobState.NOTHING_BETTER, "AUC 0.91 against 0.93"),
        ("run-1 Failed", JobState.FAILED, "it does not say why"),
    ],
)
def test_a_word_about_this_run(text: str, state: JobState, message: str) -> None:
    assert state_of(text, "run-1") == JobSighting(state=state, message=message)


@pytest.mark.parametrize("text", ["", "run-1", "run-2 Failed x", "run-1 failed x", "run-1 Succeeded", "Failed"])
def test_what_is_no_word_about_this_run_says_nothing(text: str) -> None:
    assert state_of(text, "run-1") is None
