"""What is remembered of Jobs between passes: what was refused, what was made, what was shown to the API server."""

from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry

from penstock_contracts.api.retrain import RetrainingJob, RetrainingStatus
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.errors import ClusterAway, PenstockError, Rejected, WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.retraining_jobs import RetrainingJobs
from penstock_controller.rollout.decision import StartJob
from penstock_controller.rollout.job_sighting import JobSighting, JobState, JobView
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.rollout_world import spec
from penstock_testing.scripted_pipelines import ScriptedPipelines, webhook_outbox

KEY = ResourceKey("ns", "m")
RAW: dict[str, Any] = {"metadata": {"uid": "u"}}
JOB = RetrainingJob(
    name="m-retrain-1",
    number=1,
    reason="DatasetDrift",
    stable_version="1",
    stable_digest="sha256:1",
    named_version="1",
    named_created_at_ms=1,
    started_at="2026-01-01T00:00:00Z",
)
START = StartJob(name=JOB.name, started_at=JOB.started_at, reason=JOB.reason, stable_version="1")
TRAINED = ModelDeployment(
    key=KEY,
    generation=1,
    spec=spec(retrain={"jobTemplate": {"spec": {}}}),
    status=ModelDeploymentStatus(retraining=RetrainingStatus(job=JOB)),
    raw=RAW,
)
QUIET = replace(TRAINED, status=ModelDeploymentStatus())
REFUSED = Rejected("create Job m-retrain-0: spec.template.spec.containers: Required value")


@dataclass
class Cluster:
    """Answers what the test says."""

    found: JobSighting = field(default_factory=lambda: JobSighting(state=JobState.MISSING))
    raises: dict[str, PenstockError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    now: float = 0.0

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.raises:
            raise self.raises[name]

    async def check(self, resource: ModelDeployment) -> None:
        self._call("check")

    async def look(self, resource: ModelDeployment, job: RetrainingJob) -> JobSighting:
        self._call("look")
        return self.found

    async def create(self, resource: ModelDeployment, job: StartJob) -> None:
        self._call("create")


def jobs_of(cluster: Cluster) -> tuple[RetrainingJobs, CollectorRegistry]:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    webhooks = webhook_outbox(ScriptedPipelines(), telemetry)
    return RetrainingJobs(cluster, webhooks, telemetry, lambda: cluster.now), metrics


async def test_who_has_no_template_and_no_job_costs_no_call() -> None:
    cluster = Cluster()
    jobs, metrics = jobs_of(cluster)
    assert await jobs.view(replace(QUIET, spec=spec())) == JobView(name="m", namespace="ns")
    assert cluster.calls == []
    labels = {"namespace": "ns", "name": "m", "reason": "Running"}
    assert metrics.get_sample_value("penstock_controller_retraining_total", labels) is None


async def test_a_template_is_shown_once_for_each_generation() -> None:
    cluster = Cluster()
    jobs, metrics = jobs_of(cluster)
    for resource in (QUIET, QUIET, replace(QUIET, generation=2), replace(QUIET, raw={"metadata": {"uid": "v"}})):
        assert (await jobs.view(resource)).refused == ""
        cluster.now += 3600
    assert cluster.calls == ["check"] * 3
    labels = {"namespace": "ns", "name": "m", "reason": "Running"}
    assert metrics.get_sample_value("penstock_controller_retraining_total", labels) == 0


async def test_a_template_that_is_refused_is_shown_again_later() -> None:
    cluster = Cluster(raises={"check": REFUSED})
    jobs, _ = jobs_of(cluster)
    for _ in range(3):
        assert (await jobs.view(QUIET)).refused == str(REFUSED)
    assert cluster.calls == ["check"]
    cluster.raises.clear()
    cluster.now += 300
    assert (await jobs.view(QUIET)).refused == ""


async def test_an_api_server_that_does_not_answer_refuses_nothing() -> None:
    cluster = Cluster(raises={"check": ClusterAway("no answer")})
    jobs, _ = jobs_of(cluster)
    assert (await jobs.view(QUIET)).refused is None
    cluster.raises.clear()
    assert (await jobs.view(QUIET)).refused == ""


async def test_a_job_that_is_refused_is_told_in_the_api_servers_words() -> None:
    cluster = Cluster(raises={"create": Rejected("create Job m-retrain-1: exceeded quota")})
    jobs, metrics = jobs_of(cluster)
    assert await jobs.execute(TRAINED, START) == 0.0
    seen = (await jobs.view(TRAINED)).sighting
    assert seen == JobSighting(state=JobState.REFUSED, message="create Job m-retrain-1: exceeded quota")
    labels = {"namespace": TRAINED.key.namespace, "name": TRAINED.key.name, "reason": "Refused"}
    assert metrics.get_sample_value("penstock_controller_action_failures_total", labels) == 1


async def test_a_job_that_is_not_made_because_nobody_answers_is_still_missing() -> None:
    for error in (ClusterAway("no answer"), WriteConflict("a quota was changed")):
        cluster = Cluster(raises={"create": error})
        jobs, _ = jobs_of(cluster)
        assert await jobs.execute(TRAINED, START) == 1.0
        assert (await jobs.view(TRAINED)).sighting == JobSighting(state=JobState.MISSING)


async def test_a_job_that_was_made_and_is_missing_is_gone_and_not_made_again() -> None:
    cluster = Cluster()
    jobs, _ = jobs_of(cluster)
    await jobs.execute(TRAINED, START)
    seen = (await jobs.view(TRAINED)).sighting
    assert seen
    assert seen.state is JobState.GONE


async def test_another_process_that_did_not_make_it_sees_that_it_is_missing() -> None:
    jobs, _ = jobs_of(Cluster())
    assert (await jobs.view(TRAINED)).sighting == JobSighting(state=JobState.MISSING)


async def test_a_job_that_cannot_be_looked_at_is_not_known() -> None:
    jobs, _ = jobs_of(Cluster(raises={"look": Rejected("list jobs: forbidden")}))
    seen = (await jobs.view(TRAINED)).sighting
    assert seen == JobSighting(state=JobState.UNKNOWN, message="list jobs: forbidden")


async def test_the_job_of_a_resource_that_has_no_template_any_more_is_looked_at_and_nothing_is_shown() -> None:
    cluster = Cluster()
    jobs, _ = jobs_of(cluster)
    assert (await jobs.view(replace(TRAINED, spec=spec()))).refused == ""
    assert cluster.calls == ["look"]
