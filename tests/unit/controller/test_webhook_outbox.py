"""Calls beside the passes: again until one is answered, by the same name, in nobody's way."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.api.retrain import Means, RetrainingJob, RetrainingStatus
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_controller.errors import ClusterAway, Rejected, WebhookAway, WebhookRefused
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.retraining_jobs import RetrainingJobs
from penstock_controller.rollout.decision import CallWebhook
from penstock_controller.rollout.job_sighting import JobSighting, JobState
from penstock_controller.rollout.training.pipeline_state import ANNOTATION
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.rollout_world import spec
from penstock_testing.scripted_pipelines import ScriptedPipelines, webhook_outbox

URL = "https://pipelines.example/retrain"
TRAINING = RetrainingJob(
    name="ns.m-retrain-3.20260101t000000z",
    means=Means.WEBHOOK,
    number=3,
    reason="DatasetDrift",
    columns=("amount",),
    stable_version="7",
    stable_digest="sha256:7",
    named_version="7",
    named_created_at_ms=7,
    started_at="2026-01-01T00:00:00Z",
    deadline="2026-01-01T06:00:00Z",
    labelled=4000,
)


def resource(
    name: str = "m", *, url: str = URL, annotations: dict[str, str] | None = None, **webhook: Any
) -> ModelDeployment:
    raw = {"metadata": {"namespace": "ns", "name": name, "uid": "u", "annotations": annotations or {}}}
    return ModelDeployment(
        key=ResourceKey("ns", name),
        generation=1,
        spec=spec(retrain={"webhook": {"url": url, **webhook}}),
        status=ModelDeploymentStatus(retraining=RetrainingStatus(job=TRAINING)),
        raw=raw,
    )


class Rig:
    """An outbox that works for as long as nothing is waited for."""

    def __init__(self, *answers: Exception | str) -> None:
        self.scripted = ScriptedPipelines(answers=list(answers))
        self.woken: list[ResourceKey] = []
        self.now = 0.0
        telemetry = ControllerTelemetry(CollectorRegistry())
        self.outbox = webhook_outbox(self.scripted, telemetry, self.woken.append, clock=lambda: self.now)
        self.jobs = RetrainingJobs(None, self.outbox, telemetry, lambda: self.now)  # type: ignore[arg-type]  # no Jobs

    async def work(self, after: float = 0.0) -> None:
        self.now += after
        task = asyncio.ensure_future(self.outbox.run())
        for _ in range(200):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def seen(self, name: str = "m") -> JobSighting:
        return self.outbox.seen(ResourceKey("ns", name), TRAINING.name)


async def test_a_training_is_offered_by_each_pass_and_called_once() -> None:
    rig = Rig("https://pipelines.example/runs/7")
    for _ in range(3):
        rig.outbox.offer(resource(), TRAINING)
        await rig.work(60)
    assert [call.name for call in rig.scripted.calls] == [TRAINING.name]
    assert rig.seen() == JobSighting(state=JobState.RUNNING, url="https://pipelines.example/runs/7")
    assert rig.woken == [ResourceKey("ns", "m")]


async def test_one_that_does_not_answer_is_called_again_with_the_same_words_later_and_later() -> None:
    away = WebhookAway("it answers 503")
    rig = Rig(away, away, away)
    rig.outbox.offer(resource(), TRAINING)
    for after, calls in ((0, 1), (4.9, 1), (0.2, 2), (9.8, 2), (0.4, 3)):
        rig.outbox.offer(resource(), TRAINING)
        await rig.work(after)
        assert len(rig.scripted.calls) == calls, after
        assert rig.seen() == JobSighting(state=JobState.UNANSWERED, message="it answers 503")
    assert rig.woken == [ResourceKey("ns", "m")], "the same words are no news"
    await rig.work(120)
    assert rig.seen().state is JobState.RUNNING
    assert len({(call.name, call.body) for call in rig.scripted.calls}) == 1


async def test_one_that_refuses_is_not_called_again() -> None:
    rig = Rig(WebhookRefused("it answers 403"))
    rig.outbox.offer(resource(), TRAINING)
    await rig.work()
    await rig.work(3600)
    assert rig.seen() == JobSighting(state=JobState.REFUSED, message="it answers 403")
    assert len(rig.scripted.calls) == 1


async def test_webhooks_that_hang_keep_no_other_waiting() -> None:
    rig = Rig()
    rig.scripted.hanging = {"https://slow.example/"}
    for number in range(3):
        rig.outbox.offer(resource(f"slow{number}", url="https://slow.example/"), TRAINING)
    rig.outbox.offer(resource(), TRAINING)
    await rig.work()
    assert rig.seen().state is JobState.RUNNING


async def test_a_spec_that_was_mended_counts_at_once_and_the_old_answer_no_more() -> None:
    rig = Rig(WebhookAway("it answers 500"))
    rig.outbox.offer(resource(), TRAINING)
    await rig.work()
    rig.outbox.offer(resource(url="https://other.example/"), TRAINING)
    assert rig.seen().state is JobState.MISSING
    await rig.work()
    assert [call.url for call in rig.scripted.calls] == [URL, "https://other.example/"]
    assert rig.seen().state is JobState.RUNNING


async def test_what_is_gone_is_not_called_any_more() -> None:
    rig = Rig(WebhookAway("it answers 500"))
    rig.outbox.offer(resource(), TRAINING)
    await rig.work()
    rig.jobs.forget(ResourceKey("ns", "m"))
    await rig.work(3600)
    assert len(rig.scripted.calls) == 1


async def test_headers_are_read_anew_for_each_call_and_what_is_wrong_with_them_is_told() -> None:
    rig = Rig(WebhookAway("it answers 401 through a proxy"))
    hook = resource(headersSecret="token")
    rig.scripted.secrets["token"] = {"Authorization": "Bearer old"}
    rig.outbox.offer(hook, TRAINING)
    await rig.work()
    rig.scripted.secrets["token"] = {"Authorization": "Bearer new"}
    await rig.work(5)
    assert [headers["Authorization"] for headers in rig.scripted.headers] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    ("problem", "state"), [(Rejected("no such Secret"), JobState.REFUSED), (ClusterAway("x"), JobState.UNANSWERED)]
)
async def test_without_its_headers_nothing_is_called(problem: Exception, state: JobState) -> None:
    rig = Rig()
    rig.scripted.secrets["token"] = problem
    rig.outbox.offer(resource(headersSecret="token"), TRAINING)
    await rig.work()
    assert (rig.scripted.calls, rig.seen()) == ([], JobSighting(state=state, message=str(problem)))


async def test_a_body_that_cannot_be_sent_is_refused_without_a_call() -> None:
    rig = Rig()
    rig.outbox.offer(resource(body={"note": "x" * 300_000}), TRAINING)
    await rig.work()
    assert (rig.scripted.calls, rig.seen().state, rig.woken) == ([], JobState.REFUSED, [ResourceKey("ns", "m")])
    assert "at most 262144" in rig.seen().message


async def test_the_training_is_told_as_one_document() -> None:
    rig = Rig()
    rig.outbox.offer(resource(), TRAINING)
    await rig.work()
    assert json.loads(rig.scripted.calls[0].body) == {
        "name": TRAINING.name,
        "number": 3,
        "resource": {"namespace": "ns", "name": "m"},
        "registry": {"connection": "default", "model": "m", "alias": "champion"},
        "champion": {"version": "7", "digest": "sha256:7"},
        "named": "7",
        "reference": "models:/m/7",
        "reason": "DatasetDrift",
        "columns": ["amount"],
        "labelled": 4000,
        "monitor": "http://monitor:8080",
        "report": "http://monitor:8080/v1/reports/ns/m",
        "window": "http://monitor:8080/v1/window/ns/m",
        "startedAt": "2026-01-01T00:00:00Z",
        "deadline": "2026-01-01T06:00:00Z",
    }


async def test_a_body_of_ones_own_has_the_variables_of_a_job() -> None:
    rig = Rig()
    body = {
        "dag_run_id": "$(PENSTOCK_RUN_TAG)",
        "logical_date": "$(PENSTOCK_STARTED_AT)",
        "conf": "$(PENSTOCK_TRAINING)",
        "list": ["$(PENSTOCK_COLUMNS) until $(PENSTOCK_DEADLINE)", 7, None, True],
        "left": "$(OTHER) $$(PENSTOCK_NAME)",
    }
    rig.outbox.offer(resource(body=body), TRAINING)
    await rig.work()
    sent = json.loads(rig.scripted.calls[0].body)
    assert sent.pop("conf")["window"] == "http://monitor:8080/v1/window/ns/m"
    assert sent == {
        "dag_run_id": TRAINING.name,
        "logical_date": "2026-01-01T00:00:00Z",
        "list": ["amount until 2026-01-01T06:00:00Z", 7, None, True],
        "left": "$(OTHER) $(PENSTOCK_NAME)",
    }


# --- what a pass sees


async def test_a_pass_sees_what_was_answered_and_nothing_of_jobs() -> None:
    rig = Rig()
    await rig.jobs.execute(resource(), CallWebhook(training=TRAINING))
    await rig.work()
    view = await rig.jobs.view(resource())
    assert (view.name, view.namespace, view.refused) == ("m", "ns", "")
    assert view.sighting == JobSighting(state=JobState.RUNNING)


async def test_another_process_asks_nobody_about_a_training_that_runs() -> None:
    running = replace(
        resource(),
        status=ModelDeploymentStatus(retraining=RetrainingStatus(job=evolve(TRAINING, seen=True))),
    )
    rig = Rig()
    assert (await rig.jobs.view(running)).sighting == JobSighting(state=JobState.RUNNING)
    assert rig.scripted.calls == []


async def test_the_pipelines_own_word_goes_before_what_its_webhook_said() -> None:
    rig = Rig()
    await rig.jobs.execute(resource(), CallWebhook(training=TRAINING))
    await rig.work()
    told = resource(annotations={ANNOTATION: f"{TRAINING.name} NothingBetter AUC 0.91"})
    assert (await rig.jobs.view(told)).sighting == JobSighting(state=JobState.NOTHING_BETTER, message="AUC 0.91")


async def test_a_secret_that_cannot_be_read_is_told_before_anything_is_to_be_started() -> None:
    rig = Rig()
    quiet = replace(resource(headersSecret="token"), status=ModelDeploymentStatus())
    rig.scripted.secrets["token"] = Rejected("headersSecret 'token' cannot be read")
    assert (await rig.jobs.view(quiet)).refused == "headersSecret 'token' cannot be read"
    rig.scripted.secrets["token"] = {}
    rig.now += 300
    assert (await rig.jobs.view(quiet)).refused == ""
    assert rig.scripted.calls == []
