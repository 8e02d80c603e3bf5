"""Actions that are refused, that nobody answers, or that do not last: what is waited for and what is told."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.effects import Effects
from penstock_controller.errors import ClusterAway, Rejected, WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import Action, DeleteWorkload, RestoreChild, ScaleWorkload
from penstock_controller.rollout.observation import ChildKind, Children, Hindrance
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

    raises: dict[Action, Exception] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)
    tries: int = 0
    now: float = 1000.0

    async def observe(self, resource: ModelDeployment) -> Children:
        return Children()

    async def execute(self, resource: ModelDeployment, action: Action) -> None:
        self.tries += 1
        if action in self.raises:
            raise self.raises[action]
        self.done.append(action)


def effects(cluster: Cluster) -> tuple[Effects, CollectorRegistry]:
    metrics = CollectorRegistry()
    return Effects(cluster, ControllerTelemetry(metrics), lambda: cluster.now), metrics


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
