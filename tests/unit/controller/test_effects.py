"""Actions that are refused, that nobody answers, or that do not last: what is waited for and what is told."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from penstock_contracts.api.retrain import RetrainingJob
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.effects import Effects, Executors
from penstock_controller.errors import ClusterAway, Rejected, WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import (
    CallWebhook,
    DeleteWorkload,
    JobAction,
    RemoveAutoscaler,
    RestoreChild,
    RevisionAction,
    ScaleWorkload,
    SetAutoscaler,
    StartJob,
)
from penstock_controller.rollout.job_sighting import JobView
from penstock_controller.rollout.observation import Bounds, ChildKind, Children, Hindrance
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.rollout_world import spec

KEY = ResourceKey("ns", "m")
RESOURCE = ModelDeployment(key=KEY, generation=1, spec=spec(), status=ModelDeploymentStatus(), raw={})
BUDGET = RestoreChild(revision="rev1", kind=ChildKind.BUDGET, why="it is missing")
SERVICE = RestoreChild(revision="rev1", kind=ChildKind.SERVICE, why="spec.selector is not as declared, argocd wrote it")
REFUSED = Rejected("create PodDisruptionBudget: exceeded quota")


@dataclass
class Cluster:
    """Does what it is told, or raises."""

    raises: dict[RevisionAction, Exception] = field(default_factory=dict)
    done: list[RevisionAction] = field(default_factory=list)
    tries: int = 0
    now: float = 1000.0

    async def observe(self, resource: ModelDeployment) -> Children:
        return Children()

    async def execute(self, resource: ModelDeployment, action: RevisionAction) -> None:
        self.tries += 1
        if action in self.raises:
            raise self.raises[action]
        self.done.append(action)


@dataclass
class Trainer:
    """Starts what it is told to, and wants it looked at `due` seconds later."""

    due: float | None = None
    started: list[JobAction] = field(default_factory=list)

    async def view(self, resource: ModelDeployment) -> JobView:
        return JobView()

    async def execute(self, resource: ModelDeployment, action: JobAction) -> float | None:
        self.started.append(action)
        return self.due

    def forget(self, key: ResourceKey) -> None: ...


def effects(cluster: Cluster) -> tuple[Effects, CollectorRegistry]:
    metrics = CollectorRegistry()
    executors = Executors(workloads=cluster, autoscalers=cluster, trainings=Trainer())
    return Effects(executors, ControllerTelemetry(metrics), lambda: cluster.now), metrics


async def test_a_refusal_is_told_and_counted_and_the_others_are_done() -> None:
    cluster = Cluster(raises={BUDGET: REFUSED})
    one, metrics = effects(cluster)
    assert await one.execute(RESOURCE, (BUDGET, SERVICE)) == 0.0, "there is something to tell"
    assert cluster.done == [SERVICE]
    assert one.hindrances(KEY) == (Hindrance(revision="rev1", reason="Refused", message=str(REFUSED)),)
    labels = {"namespace": KEY.namespace, "name": KEY.name, "reason": "Refused"}
    assert metrics.get_sample_value("penstock_controller_action_failures_total", labels) == 1


async def test_what_is_refused_is_tried_again_later_and_later_and_ends_when_it_is_allowed() -> None:
    cluster = Cluster(raises={BUDGET: REFUSED})
    one, _ = effects(cluster)
    tried = []
    for _ in range(60):
        before = cluster.tries
        await one.execute(RESOURCE, (BUDGET,))
        tried += [cluster.now - 1000] if cluster.tries > before else []
        cluster.now += 1
    assert tried == [0, 1, 3, 7, 15, 30, 45]
    cluster.raises.clear()
    cluster.now += 15
    await one.execute(RESOURCE, (BUDGET,))
    assert cluster.done == [BUDGET]
    assert one.hindrances(KEY) == ()


async def test_what_is_not_wanted_any_more_is_not_told() -> None:
    cluster = Cluster(raises={BUDGET: REFUSED})
    one, _ = effects(cluster)
    await one.execute(RESOURCE, (BUDGET,))
    await one.execute(RESOURCE, ())
    assert one.hindrances(KEY) == ()


async def test_where_nobody_answers_the_others_are_left_to_the_next_pass() -> None:
    cluster = Cluster(raises={BUDGET: ClusterAway("create PodDisruptionBudget: TimeoutError")})
    one, _ = effects(cluster)
    await one.execute(RESOURCE, (BUDGET, SERVICE))
    assert (cluster.tries, cluster.done) == (1, [])
    await one.execute(RESOURCE, (BUDGET, SERVICE))
    assert (cluster.tries, cluster.done) == (2, [SERVICE]), "the one that hangs keeps up no other a second time"
    assert one.hindrances(KEY)[0].reason == "NotAnswered"


async def test_a_change_at_the_same_moment_is_no_news() -> None:
    cluster = Cluster(raises={BUDGET: WriteConflict("changed")})
    one, _ = effects(cluster)
    await one.execute(RESOURCE, (BUDGET,))
    assert one.hindrances(KEY) == ()


async def test_who_writes_against_us_is_told_and_answered_less_and_less_often() -> None:
    cluster = Cluster()
    one, _ = effects(cluster)
    for _ in range(120):
        await one.execute(RESOURCE, (SERVICE,))
        cluster.now += 1
    assert len(cluster.done) < 12
    (told,) = one.hindrances(KEY)
    assert told.reason == "Contested"
    assert "argocd" in told.message
    cluster.now += 100
    await one.execute(RESOURCE, ())
    assert one.hindrances(KEY) == ()


async def test_other_sizes_of_one_workload_are_no_fight() -> None:
    cluster = Cluster()
    one, _ = effects(cluster)
    sizes = [ScaleWorkload(revision="rev1", replicas=size) for size in range(1, 20)]
    for action in sizes:
        await one.execute(RESOURCE, (action,))
    assert cluster.done == sizes
    assert one.hindrances(KEY) == ()


async def test_a_resource_that_is_gone_is_forgotten() -> None:
    cluster = Cluster(raises={DeleteWorkload(revision="rev1"): REFUSED})
    one, _ = effects(cluster)
    await one.execute(RESOURCE, (DeleteWorkload(revision="rev1"),))
    one.forget(KEY)
    assert one.hindrances(KEY) == ()


START = StartJob(name="m-retrain-1", started_at="2026-01-01T00:00:00Z", reason="DatasetDrift", stable_version="1")
CALL = CallWebhook(
    training=RetrainingJob(
        name="ns.m-retrain-1",
        number=1,
        reason="DatasetDrift",
        stable_version="1",
        stable_digest="sha256:1",
        named_version="1",
        named_created_at_ms=1,
        started_at="2026-01-01T00:00:00Z",
    )
)
SCALER = SetAutoscaler(revision="rev1", bounds=Bounds(floor=1, ceiling=3, target=80))


@dataclass
class Families:
    """An executor of its own for each family."""

    workloads: Cluster = field(default_factory=Cluster)
    autoscalers: Cluster = field(default_factory=Cluster)
    trainings: Trainer = field(default_factory=Trainer)

    def effects(self) -> Effects:
        executors = Executors(workloads=self.workloads, autoscalers=self.autoscalers, trainings=self.trainings)
        return Effects(executors, ControllerTelemetry(CollectorRegistry()), lambda: self.workloads.now)


async def test_each_family_of_actions_is_done_by_its_own_port() -> None:
    families = Families()
    gone = RemoveAutoscaler(revision="rev2")
    await families.effects().execute(RESOURCE, (BUDGET, SCALER, START, gone, CALL))
    assert families.workloads.done == [BUDGET]
    assert families.autoscalers.done == [SCALER, gone]
    assert families.trainings.started == [START, CALL]


async def test_an_autoscaler_that_is_refused_is_told_like_any_object_and_holds_up_no_other_family() -> None:
    families = Families(autoscalers=Cluster(raises={SCALER: Rejected("create HorizontalPodAutoscaler: denied")}))
    one = families.effects()
    await one.execute(RESOURCE, (SCALER, BUDGET, START))
    assert (families.workloads.done, families.trainings.started) == ([BUDGET], [START])
    (told,) = one.hindrances(KEY)
    assert told.message == "create HorizontalPodAutoscaler: denied"


async def test_a_training_starts_though_nobody_answers_for_the_objects_of_revisions() -> None:
    families = Families(workloads=Cluster(raises={BUDGET: ClusterAway("no answer")}))
    await families.effects().execute(RESOURCE, (BUDGET, SERVICE, START))
    assert families.workloads.done == []
    assert families.trainings.started == [START]


async def test_a_webhook_that_is_called_in_each_pass_is_no_fight() -> None:
    families = Families()
    one = families.effects()
    for _ in range(20):
        assert await one.execute(RESOURCE, (CALL,)) is None
    assert len(families.trainings.started) == 20
    assert one.hindrances(KEY) == ()


async def test_a_job_that_was_made_is_looked_at_when_its_port_says_so() -> None:
    families = Families(trainings=Trainer(due=0.0))
    assert await families.effects().execute(RESOURCE, (START,)) == 0.0
