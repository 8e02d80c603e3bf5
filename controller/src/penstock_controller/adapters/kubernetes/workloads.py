"""The workloads port: a revision's Deployment, with all that belongs to it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from kubernetes.aio.client import ApiClient

from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT
from penstock_controller.adapters.kubernetes import autoscalers
from penstock_controller.adapters.kubernetes.child_objects import (
    AUTOSCALERS,
    BUDGETS,
    DEPLOYMENTS,
    RECORDS,
    SERVICES,
    ChildObjects,
)
from penstock_controller.adapters.kubernetes.declared_objects import DeclaredObjects
from penstock_controller.adapters.kubernetes.deployments import observed
from penstock_controller.adapters.kubernetes.pods import Pods
from penstock_controller.adapters.kubernetes.revision_objects import KINDS, RevisionObjects, declared
from penstock_controller.errors import Rejected
from penstock_controller.ports import ModelDeployment
from penstock_controller.rollout.decision import (
    CreateWorkload,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    ReplacePod,
    RestoreChild,
    ScaleWorkload,
    WorkloadAction,
)
from penstock_controller.rollout.observation import ChildKind, Children
from penstock_controller.workload import names
from penstock_controller.workload.objects import Object
from penstock_controller.workload.ownership import Ownership, ownership, revision_named, why_foreign
from penstock_controller.workload.placement import Placement


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The objects of one kind."""

    ours: Mapping[str, Object]
    """By revision; those that are being deleted are not among them."""
    foreign: tuple[Object, ...]


class KubernetesWorkloads:
    """Observes and changes the objects of revisions. Nothing is written that stands already."""

    def __init__(self, api: ApiClient, placement: Placement) -> None:
        self._objects = ChildObjects(api)
        self._declared = DeclaredObjects(api)
        self._revisions = RevisionObjects(api, placement)
        self._pods = Pods(api)

    async def observe(self, resource: ModelDeployment) -> Children:
        """All of a resource's objects, with what their pods complain of."""
        key, owner = resource.key, resource.raw
        selector = f"{LABEL_MODEL_DEPLOYMENT}={key.name}"
        # Autoscalers are looked for without labels: somebody else's may scale a Deployment of ours.
        *lists, scalers, pods = await asyncio.gather(
            *(self._objects.all(KINDS[kind], key.namespace, selector) for kind in ChildKind),
            self._objects.all(AUTOSCALERS, key.namespace),
            self._pods.of(key.namespace, selector),
        )
        found = {kind: _sorted(items, owner) for kind, items in zip(ChildKind, lists, strict=True)}
        labelled = [item for item in scalers if autoscalers.is_labelled(item, key.name)]
        own_scalers = _sorted(labelled, owner)
        workloads = []
        for revision, deployment in found[ChildKind.DEPLOYMENT].ours.items():
            live = {kind: found[kind].ours.get(revision) for kind in ChildKind}
            workload = replace(
                observed(deployment, revision, pods),
                autoscaler=autoscalers.observed(own_scalers.ours.get(revision), owner),
                other_autoscaler=autoscalers.other(scalers, owner, revision),
            )
            workloads.append(replace(workload, differences=self._revisions.differences(resource, workload, live)))
        foreign = [item for one in (*found.values(), own_scalers) for item in one.foreign]
        remains = frozenset(revision for one in (*found.values(), own_scalers) for revision in one.ours)
        return Children(workloads=tuple(workloads), remains=remains, foreign=tuple(sorted(map(why_foreign, foreign))))

    async def execute(self, resource: ModelDeployment, action: WorkloadAction) -> None:
        """Do one action."""
        namespace, name = resource.key.namespace, names.workload_name(resource.key.name, action.revision)
        match action:
            case CreateWorkload():
                await self._create(resource, action)
            case RestoreChild():
                await self._restore(resource, action.revision, action.kind)
            case ScaleWorkload():
                await self._objects.merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": action.replicas}})
            case ReplacePod():
                await self._pods.evict(namespace, action.pod, action.uid)
            case MarkPromoted():
                await self._note(namespace, name, str(action.attempt))
            case ForgetPromotion():
                await self._note(namespace, name, None)
            case DeleteWorkload():
                await self._delete(resource, name)
            case never:
                assert_never(never)

    async def _note(self, namespace: str, name: str, attempt: str | None) -> None:
        marked = {"metadata": {"annotations": {names.ANNOTATION_PROMOTED: attempt}}}
        await self._objects.merge(DEPLOYMENTS, namespace, name, marked)

    async def _create(self, resource: ModelDeployment, action: CreateWorkload) -> None:
        """What pods need first. A record that is refused keeps nobody from serving: it is asked for again."""
        live = await self._revisions.live(resource, action.revision)
        kept = self._revisions.record(resource, action.revision, action.digest, action.version, live)
        owner, revision = resource.raw, action.revision
        refused = None
        try:
            await self._declared.keep(RECORDS, declared(owner, ChildKind.RECORD, revision, kept), owner)
        except Rejected as refusal:
            refused = refusal
        await self._declared.keep(SERVICES, declared(owner, ChildKind.SERVICE, revision, kept), owner)
        wish = declared(owner, ChildKind.DEPLOYMENT, revision, kept)
        await self._declared.keep(DEPLOYMENTS, wish, owner, new={"replicas": action.replicas})
        if refused:
            raise refused

    async def _restore(self, resource: ModelDeployment, revision: str, kind: ChildKind) -> None:
        live = await self._revisions.live(resource, revision)
        deployment = live[ChildKind.DEPLOYMENT]
        if deployment is None:
            return  # deleted meanwhile: the next pass makes all of it again
        annotations = deployment["metadata"].get("annotations") or {}
        digest, version = (
            annotations.get(names.ANNOTATION_DIGEST, ""),
            annotations.get(names.ANNOTATION_MODEL_VERSION, ""),
        )
        kept = self._revisions.record(resource, revision, digest, version, live)
        await self._declared.keep(KINDS[kind], declared(resource.raw, kind, revision, kept), resource.raw)

    async def _delete(self, resource: ModelDeployment, name: str) -> None:
        # As long as any of it is there, a pass that is repeated finds it.
        refusals = []
        for kind in (AUTOSCALERS, BUDGETS, DEPLOYMENTS, SERVICES, RECORDS):
            try:
                await self._declared.remove(kind, resource.raw, resource.key.namespace, name)
            except Rejected as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]


def _sorted(items: list[Object], owner: Object) -> _Found:
    """Whose they are."""
    ours, foreign = {}, []
    for item in items:
        revision = revision_named(item["metadata"]["name"], owner["metadata"]["name"])
        if revision is None or ownership(item, owner) is Ownership.FOREIGN:
            foreign.append(item)
        elif not item["metadata"].get("deletionTimestamp"):
            ours[revision] = item
    return _Found(ours=ours, foreign=tuple(foreign))
