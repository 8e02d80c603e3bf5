"""The controller's adapters against a real API server."""

from dataclasses import replace

import pytest
from kubernetes.aio.client import ApiClient, Configuration, CoreV1Api, CustomObjectsApi

from penstock_contracts.api.status import CommandOutcome, ModelDeploymentStatus, Phase
from penstock_contracts.base import evolve
from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_contracts.verbs import Verb, annotation
from penstock_controller.adapters.kubernetes.events import KubernetesEvents
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.errors import ClusterAway, WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import Announcement
from penstock_testing.rollout_scenes import canary, has, is_baking, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld, wanted
from penstock_testing.strategies import weight


@pytest.fixture
def resources(api: ApiClient) -> KubernetesResources:
    return KubernetesResources(api)


@pytest.fixture
async def resource(resources: KubernetesResources, key: ResourceKey) -> ModelDeployment:
    found = await resources.read(key)
    assert found is not None
    return found


async def test_the_defaults_that_the_api_server_fills_in_are_those_of_the_types(resource: ModelDeployment) -> None:
    assert resource.spec.predictor.min_replicas == 2
    assert resource.spec.progress_deadline is None
    assert resource.spec.registry.connection == "default"
    assert resource.generation == 1


async def test_a_resource_that_does_not_exist_is_none(resources: KubernetesResources, key: ResourceKey) -> None:
    assert await resources.read(ResourceKey(key.namespace, "other")) is None


async def test_what_a_person_says_is_read_from_the_annotations(
    api: ApiClient, resources: KubernetesResources, key: ResourceKey, resource: ModelDeployment
) -> None:
    said = {annotation(Verb.PROMOTE_FULL): "2/1", annotation(Verb.UNDO): "2/0/1", "penstock.dev/other": "2/0"}
    await CustomObjectsApi(api).patch_namespaced_custom_object(
        GROUP,
        VERSION,
        key.namespace,
        PLURAL,
        key.name,
        {"metadata": {"annotations": said}},
        _content_type="application/merge-patch+json",
    )
    again = await resources.read(key)
    assert again is not None
    assert again.words == {Verb.PROMOTE_FULL: "2/1", Verb.UNDO: "2/0/1"}
    assert resource.words == {}


def as_many_gates_as_there_may_be() -> list[ModelDeploymentStatus]:
    """Statuses of a bake and of its end: eight gates in both stages, and preflight."""
    query = {"name": "query", "query": "x", "thresholdRange": {"max": 1}, "dryRun": True}
    gates = [{"name": "error-rate"}, *({**query, "id": f"g{number}"} for number in range(7))]
    steps = (weight(50), pause("1s"))
    world = until(on_trial(canary(*steps, analysis={"interval": "1s", "gates": gates}, bake="10s")), is_baking, 1)
    for _ in range(3):
        world.tick()
    return [world.status, world.settle().status]


def with_a_sick_pod() -> ModelDeploymentStatus:
    """Of a trial in which a pod was named."""
    analysis = {"interval": "1s", "gates": [{"name": "error-rate"}]}
    world = until(on_trial(canary(weight(50), pause("1m"), analysis=analysis)), has(50))
    world.sick[world.workloads["rev2"].pods[0].name] = 0.5
    until(world, lambda found: any(told.reason == "SickPod" for told in found.announcements))
    assert world.status.evidence
    assert world.status.evidence.sick_pods
    return world.status


async def test_every_status_that_the_engine_can_write_is_kept_whole(
    resources: KubernetesResources, key: ResourceKey, resource: ModelDeployment
) -> None:
    """The CRD prunes nothing of it: what is read is what was written."""
    world = RolloutWorld().want("1").settle()
    world.want("2")
    for _ in range(3):
        world.tick()
    statuses = [world.status, world.settle().status]
    world.broken = {"rev3"}
    statuses.append(world.want("3").settle(seconds=30).status)
    statuses.append(world.say(Verb.UNDO).say(Verb.PROMOTE_FULL).settle().status)
    assert statuses[-1].hold
    assert statuses[-1].handled_commands
    assert {answer.outcome for answer in statuses[-1].command_results.values()} == {
        CommandOutcome.ACCEPTED,
        CommandOutcome.DENIED,
    }
    world = RolloutWorld(broken={"rev1-upgraded"}).want("1").settle()
    world.target = wanted("1", revision="rev1-upgraded")
    statuses.append(world.settle(seconds=60).status)
    assert statuses[-1].upgrade_failure
    statuses += [*as_many_gates_as_there_may_be(), with_a_sick_pod()]
    assert max(len(status.gates) for status in statuses) == 17
    for status in statuses:
        await resources.write_status(resource, status)
        again = await resources.read(key)
        assert again is not None
        assert again.status == status
        assert again.generation == 1
        resource = again


async def test_what_a_newer_controller_made_of_a_word_is_written_back_as_it_was_read(
    resources: KubernetesResources, resource: ModelDeployment, key: ResourceKey
) -> None:
    answer = {"outcome": "Postponed", "message": "till noon"}
    status = ModelDeploymentStatus.model_validate(
        {"handledCommands": {"pause": "2/1"}, "commandResults": {"pause": answer}}
    )
    await resources.write_status(resource, status)
    again = await resources.read(key)
    assert again is not None
    assert again.raw["status"]["commandResults"] == {"pause": answer}
    assert again.status == status


async def test_a_status_write_on_an_old_reading_is_a_conflict_and_changes_nothing(
    resources: KubernetesResources, key: ResourceKey, resource: ModelDeployment
) -> None:
    status = evolve(resource.status, phase=Phase.PENDING, message="first")
    await resources.write_status(resource, status)
    with pytest.raises(WriteConflict):
        await resources.write_status(resource, evolve(status, message="second"))
    again = await resources.read(key)
    assert again is not None
    assert again.status.message == "first"


async def test_an_announcement_that_is_repeated_is_one_event(
    api: ApiClient, key: ResourceKey, resource: ModelDeployment
) -> None:
    world = RolloutWorld()
    events = KubernetesEvents(api, lambda: world.now)
    told = Announcement(type="Normal", reason="Promoted", message="attempt 1: " + "x" * 2000, attempt=1)
    assert [await events.announce(resource, told) for _ in range(2)] == [True, False]
    found = (await CoreV1Api(api).list_namespaced_event(key.namespace)).items
    (event,) = [item for item in found if item.involved_object.kind == "ModelDeployment"]
    assert event.reason == "Promoted"
    assert len(event.message) == 1024
    assert event.involved_object.uid == resource.raw["metadata"]["uid"]


async def test_an_attempt_ends_in_one_event_though_the_pass_that_is_repeated_has_other_numbers(
    api: ApiClient, key: ResourceKey, resource: ModelDeployment
) -> None:
    world = RolloutWorld()
    events = KubernetesEvents(api, lambda: world.now)
    end = Announcement(
        type="Warning",
        reason="GateFailed",
        message="failed 5 of 6 tries",
        attempt=2,
        completion="RolledBack",
        started_at="2026-01-01T00:00:00Z",
    )
    assert await events.announce(resource, end)
    assert not await events.announce(resource, replace(end, message="failed 15 of 16 tries"))
    found = (await CoreV1Api(api).list_namespaced_event(key.namespace)).items
    assert [item.message for item in found if item.reason == "GateFailed"] == ["failed 5 of 6 tries"]


async def test_after_a_lost_status_the_end_of_another_attempt_under_the_same_number_is_told(
    api: ApiClient, resource: ModelDeployment
) -> None:
    world = RolloutWorld()
    events = KubernetesEvents(api, lambda: world.now)
    for started_at in ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"):
        end = Announcement(
            type="Normal",
            reason="Promoted",
            message="attempt 2",
            attempt=2,
            completion="Promoted",
            started_at=started_at,
        )
        assert await events.announce(resource, end)


async def test_an_api_server_that_is_away_is_said_to_be_away(key: ResourceKey) -> None:
    configuration = Configuration()
    configuration.host = "http://127.0.0.1:9"
    configuration.retries = 0
    async with ApiClient(configuration) as nobody:
        with pytest.raises(ClusterAway, match=f"read ModelDeployment {key}"):
            await KubernetesResources(nobody).read(key)
