"""What each event of the API server does with our queue, by the handlers that kopf finds for it."""

import logging
from typing import Any, cast

import kopf
import pytest
from kopf._cogs.structs.bodies import Body, RawBody, RawEventType
from kopf._cogs.structs.ephemera import AnyMemo
from kopf._cogs.structs.patches import Patch
from kopf._cogs.structs.references import Resource
from kopf._core.actions.lifecycles import all_at_once
from kopf._core.engines.indexing import OperatorIndexers
from kopf._core.intents.causes import WatchingCause
from kopf._core.reactor.processing import process_watching_cause
from prometheus_client import CollectorRegistry

from penstock_controller.handlers import model_deployment
from penstock_controller.operator import Operator
from penstock_controller.ports import ResourceKey
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue

Metadata = dict[str, Any]
MODEL_DEPLOYMENTS = Resource("penstock.dev", "v1alpha1", "modeldeployments", kind="ModelDeployment")
DEPLOYMENTS = Resource("apps", "v1", "deployments", kind="Deployment")
SERVICES = Resource("", "v1", "services", kind="Service")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", kind="HorizontalPodAutoscaler")
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", kind="PodDisruptionBudget")
RECORDS = Resource("apps", "v1", "controllerrevisions", kind="ControllerRevision")
PODS = Resource("", "v1", "pods", kind="Pod")
CHANGED_OFTEN = (AUTOSCALERS, BUDGETS, RECORDS)
"""Of these only the loss is news."""
EVENTS: tuple[RawEventType, ...] = (None, "ADDED", "MODIFIED", "DELETED")
"""As a watch has them; None: in the list that a watch begins with."""

OWNED: Metadata = {"ownerReferences": [{"kind": "ModelDeployment", "name": "fraud", "controller": True}]}
LABELLED: Metadata = {"labels": {"penstock.dev/model-deployment": "fraud"}}
FRAUD = ResourceKey("payments", "fraud")


class NobodyPasses:
    """No pass is worked here: what counts is what waits in the queue."""

    async def reconcile(self, key: ResourceKey) -> float | None:
        raise AssertionError(f"a pass over {key}")

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        raise AssertionError(f"a pass over {key}")


class Handled:
    """The handlers in a registry of kopf's, and an operator whose queue they feed."""

    def __init__(self) -> None:
        self.registry = kopf.OperatorRegistry()
        model_deployment.register(self.registry)
        self.queue = WorkQueue(lambda: 1.0)

        async def nobody() -> None: ...

        telemetry = ControllerTelemetry(CollectorRegistry())
        operator = Operator(self.queue, NobodyPasses(), telemetry, call_roll=nobody, workers=1)
        self.memo = kopf.Memo(operator=operator)

    async def event(
        self, resource: Resource, kind: RawEventType, metadata: Metadata, name: str = "fraud-0123456789"
    ) -> list[ResourceKey]:
        """One event; answers the keys that it made due."""
        await self.send(resource, kind, metadata, name)
        return await self.queued()

    async def send(self, resource: Resource, kind: RawEventType, metadata: Metadata, name: str) -> None:
        """One event, as kopf hands it to handlers."""
        raw = cast("RawBody", {"metadata": {"name": name, "namespace": "payments", **metadata}})
        cause = WatchingCause(
            logger=logging.getLogger("kopf.objects"),
            indices=OperatorIndexers().indices,
            memo=AnyMemo(self.memo),
            resource=resource,
            patch=Patch(),
            body=Body(raw),
            type=kind,
            event={"type": kind, "object": raw},
        )
        settings = kopf.OperatorSettings()
        await process_watching_cause(lifecycle=all_at_once, registry=self.registry, settings=settings, cause=cause)
        assert not cause.patch, "kopf writes nothing"

    async def queued(self) -> list[ResourceKey]:
        """What waits, taken out."""
        keys = []
        while self.queue.waiting():
            keys.append(await self.queue.take())
            self.queue.done(keys[-1])
        return sorted(keys)


@pytest.mark.parametrize("kind", EVENTS)
async def test_every_event_of_a_model_deployment_makes_a_pass_over_it_due(kind: RawEventType) -> None:
    assert await Handled().event(MODEL_DEPLOYMENTS, kind, {}, "fraud") == [FRAUD]


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("resource", [DEPLOYMENTS, SERVICES], ids=lambda item: item.kind)
async def test_every_event_of_a_workload_makes_a_pass_over_its_owner_due(
    resource: Resource, kind: RawEventType
) -> None:
    assert await Handled().event(resource, kind, OWNED) == [FRAUD]


@pytest.mark.parametrize("resource", CHANGED_OFTEN, ids=lambda item: item.kind)
async def test_of_what_kubernetes_keeps_writing_only_the_loss_makes_a_pass_due(resource: Resource) -> None:
    handled = Handled()
    for kind in EVENTS:
        assert await handled.event(resource, kind, OWNED) == ([FRAUD] if kind == "DELETED" else [])


@pytest.mark.parametrize("resource", [DEPLOYMENTS, SERVICES, *CHANGED_OFTEN], ids=lambda item: item.kind)
async def test_an_object_that_is_nobodys_of_ours_is_ignored(resource: Resource) -> None:
    theirs: Metadata = {"ownerReferences": [{"kind": "ReplicaSet", "name": "fraud"}], "labels": {"app": "fraud"}}
    nothing: Metadata = {}
    for metadata in (nothing, theirs):
        for kind in EVENTS:
            assert await Handled().event(resource, kind, metadata) == []


@pytest.mark.parametrize("resource", [DEPLOYMENTS, SERVICES, *CHANGED_OFTEN], ids=lambda item: item.kind)
async def test_an_object_from_which_somebody_took_the_owner_is_known_by_its_label(resource: Resource) -> None:
    assert await Handled().event(resource, "DELETED", LABELLED) == [FRAUD]


async def test_an_object_with_another_label_than_owner_makes_a_pass_over_both_due() -> None:
    relabelled: Metadata = {**OWNED, "labels": {"penstock.dev/model-deployment": "other"}}
    assert await Handled().event(DEPLOYMENTS, "MODIFIED", relabelled) == [FRAUD, ResourceKey("payments", "other")]


async def test_a_burst_of_events_makes_one_pass_due() -> None:
    handled = Handled()
    for resource in (MODEL_DEPLOYMENTS, DEPLOYMENTS, SERVICES):
        await handled.send(resource, "MODIFIED", OWNED, "fraud")
    assert await handled.queued() == [FRAUD]


async def test_an_event_while_its_resource_is_worked_on_makes_another_pass_due_after_it() -> None:
    handled = Handled()
    handled.queue.add(FRAUD)
    assert await handled.queue.take() == FRAUD
    assert await handled.event(MODEL_DEPLOYMENTS, "MODIFIED", {}, "fraud") == []
    handled.queue.done(FRAUD)
    assert await handled.queued() == [FRAUD]


def test_these_kinds_are_watched_and_no_others() -> None:
    registry = Handled().registry
    watched = [
        resource
        for resource in (MODEL_DEPLOYMENTS, DEPLOYMENTS, SERVICES, *CHANGED_OFTEN, PODS)
        if any(selector.check(resource) for selector in registry._watching.get_all_selectors())
    ]
    assert watched == [MODEL_DEPLOYMENTS, DEPLOYMENTS, SERVICES, *CHANGED_OFTEN]
    assert len(registry._watching.get_all_selectors()) == len(watched)


def test_nothing_is_registered_for_which_kopf_would_write_to_an_object() -> None:
    """Its handlers of changes keep annotations, its daemons and timers finalizers."""
    registry = Handled().registry
    for kind in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert list(kind.get_all_handlers()) == []
