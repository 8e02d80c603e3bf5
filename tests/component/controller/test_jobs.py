"""The jobs port against a real API server: a Job is really there, owned, told what it is about, and made once."""

from dataclasses import replace
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, BatchV1Api

from penstock_contracts.api.retrain import Retrain, RetrainingJob
from penstock_contracts.base import evolve
from penstock_contracts.names import LABEL_REVISION
from penstock_controller.adapters.kubernetes.jobs import KubernetesJobs
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.errors import Rejected
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import StartJob
from penstock_controller.rollout.job_sighting import JobState

# suspend: no pod is made, whatever node there is.
POD: dict[str, Any] = {"restartPolicy": "Never", "containers": [{"name": "train", "image": "train:1"}]}
SPEC: dict[str, Any] = {"suspend": True, "template": {"metadata": {"labels": {"team": "risk"}}, "spec": POD}}
STARTED = "2026-01-01T00:00:00Z"


@pytest.fixture
def jobs(api: ApiClient) -> KubernetesJobs:
    return KubernetesJobs(api, lambda _: "http://monitor:8080")


def training(resource: ModelDeployment, job_spec: dict[str, Any]) -> ModelDeployment:
    retrain = Retrain.model_validate({"jobTemplate": {"spec": job_spec}})
    return replace(resource, spec=evolve(resource.spec, retrain=retrain))


@pytest.fixture
async def resource(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    found = await KubernetesResources(api).read(key)
    assert found is not None
    return training(found, SPEC)


def start(resource: ModelDeployment, started_at: str = STARTED) -> StartJob:
    return StartJob(
        name=f"{resource.key.name}-retrain-1", started_at=started_at, reason="DatasetDrift", stable_version="7"
    )


def job(resource: ModelDeployment, started_at: str = STARTED) -> RetrainingJob:
    return RetrainingJob(
        name=start(resource).name,
        number=1,
        reason="DatasetDrift",
        stable_version="7",
        stable_digest="sha256:7",
        named_version="7",
        named_created_at_ms=7,
        started_at=started_at,
    )


async def test_a_job_is_made_once_owned_and_told_what_it_is_about(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment
) -> None:
    before = await jobs.look(resource, job(resource))
    assert before.state is JobState.MISSING
    for _ in range(2):
        await jobs.create(resource, start(resource))
    (made,) = (await BatchV1Api(api).list_namespaced_job(resource.key.namespace)).items
    assert made.metadata.name == start(resource).name
    (owner,) = made.metadata.owner_references
    assert (owner.kind, owner.uid) == ("ModelDeployment", resource.raw["metadata"]["uid"])
    assert made.spec.active_deadline_seconds == 6 * 3600
    assert LABEL_REVISION not in made.spec.template.metadata.labels
    assert made.spec.template.metadata.labels["team"] == "risk"
    told = {item.name: item.value for item in made.spec.template.spec.containers[0].env}
    assert told["PENSTOCK_RUN_TAG"] == made.metadata.name
    assert told["PENSTOCK_WINDOW_URL"] == f"http://monitor:8080/v1/window/{resource.key}"
    seen = await jobs.look(resource, job(resource))
    assert seen.state in {JobState.RUNNING, JobState.SUSPENDED}


async def test_a_job_of_that_name_that_was_started_for_something_else_is_told_apart(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment
) -> None:
    await jobs.create(resource, start(resource, "2025-01-01T00:00:00Z"))
    await jobs.create(resource, start(resource))
    assert len((await BatchV1Api(api).list_namespaced_job(resource.key.namespace)).items) == 1
    assert (await jobs.look(resource, job(resource))).state is JobState.OTHERS


@pytest.mark.parametrize(
    ("job_spec", "told"),
    [
        ({}, "spec.template"),
        ({"template": {"spec": {"containers": POD["containers"]}}}, "restartPolicy"),
        ({"template": {"spec": POD | {"containers": []}}}, "containers"),
        ({"template": {"spec": POD | {"restartPolcy": "Never"}}}, "restartPolcy"),
        ({"template": "train"}, "template"),
        ({"template": {"spec": POD}, "backoffLimit": -1}, "backoffLimit"),
    ],
    ids=str,
)
async def test_what_the_api_server_would_refuse_is_told_in_its_words_and_nothing_is_made(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment, job_spec: dict[str, Any], told: str
) -> None:
    with pytest.raises(Rejected, match=told):
        await jobs.check(training(resource, job_spec))
    assert (await BatchV1Api(api).list_namespaced_job(resource.key.namespace)).items == []


async def test_a_template_that_would_be_taken_is_taken_and_nothing_is_made(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment
) -> None:
    await jobs.check(resource)
    assert (await BatchV1Api(api).list_namespaced_job(resource.key.namespace)).items == []


async def patched(api: ApiClient, resource: ModelDeployment, kind: str, reason: str) -> None:
    """The status of a Job that Kubernetes' own Job controller leaves alone, as that would write it."""
    criterion = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}[kind]
    conditions = [{"type": each, "status": "True", "reason": reason, "message": "why"} for each in (criterion, kind)]
    status: dict[str, Any] = {"startTime": STARTED, "conditions": conditions}
    if kind == "Complete":
        status["completionTime"] = STARTED
    await BatchV1Api(api).patch_namespaced_job_status(
        start(resource).name, resource.key.namespace, {"spec": {"suspend": False}, "status": status}
    )


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (("Complete", "CompletionsReached"), JobState.SUCCEEDED),
        (("Failed", "BackoffLimitExceeded"), JobState.FAILED),
        (("Failed", "DeadlineExceeded"), JobState.TIMED_OUT),
    ],
)
async def test_an_end_is_read_from_the_jobs_conditions(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment, end: tuple[str, str], state: JobState
) -> None:
    running = training(resource, {**SPEC, "suspend": False, "managedBy": "penstock.dev/tests"})
    await jobs.create(running, start(running))
    await patched(api, running, *end)
    seen = await jobs.look(running, job(running))
    assert seen.state is state
    assert seen.message == ("" if state is JobState.SUCCEEDED else f"{end[1]}: why")


async def test_a_job_that_was_deleted_is_not_running(
    api: ApiClient, jobs: KubernetesJobs, resource: ModelDeployment
) -> None:
    await jobs.create(resource, start(resource))
    await BatchV1Api(api).delete_namespaced_job(
        start(resource).name, resource.key.namespace, propagation_policy="Background"
    )
    assert (await jobs.look(resource, job(resource))).state in {JobState.MISSING, JobState.GONE}
