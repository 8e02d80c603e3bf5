"""The workloads port: a revision's Deployment, with all that belongs to it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from kubernetes.aio.client import ApiClient

from penstock_contracts.api.reasons import Reason
from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT
from penstock_controller.adapters.kubernetes import autoscalers
from penstock_controller.adapters.kubernetes.child_objects import (
    AUTOSCALERS,
    BUDGETS,
    DEPLOYMENTS,
    RECORDS,
    SERVICES,
    ApiKind,
    ChildObjects,
)
from penstock_controller.adapters.kubernetes.deployments import observed
from penstock_controller.adapters.kubernetes.pods import Pods
from penstock_controller.errors import Rejected, WriteConflict
from penstock_controller.ports import ModelDeployment
from penstock_controller.rollout.decision import (
    Action,
    CreateWorkload,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    RemoveAutoscaler,
    RestoreChild,
    ScaleWorkload,
    SetAutoscaler,
)
from penstock_controller.rollout.observation import ChildKind, Children, Difference, Workload
from penstock_controller.workload import names, objects, record
from penstock_controller.workload.autoscaler import horizontal_pod_autoscaler
from penstock_controller.workload.budget import pod_disruption_budget
from penstock_controller.workload.drift import Edit, edits, value_at
from penstock_controller.workload.objects import Object
from penstock_controller.workload.ownership import Ownership, ownership, revision_named, why_foreign
from penstock_controller.workload.placement import Placement
from penstock_controller.workload.record import RevisionRecord

_RESOURCES = {
    ChildKind.RECORD: RECORDS,
    ChildKind.SERVICE: SERVICES,
    ChildKind.BUDGET: BUDGETS,
    ChildKind.DEPLOYMENT: DEPLOYMENTS,
}


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
        self._pods = Pods(api)
        self._placement = placement

    async def observe(self, resource: ModelDeployment) -> Children:
        """All of a resource's objects, with what their pods complain of."""
        key, owner = resource.key, resource.raw
        selector = f"{LABEL_MODEL_DEPLOYMENT}={key.name}"
        # Autoscalers are looked for without labels: somebody else's may scale a Deployment of ours.
        *lists, scalers, pods = await asyncio.gather(
            *(self._objects.all(_RESOURCES[kind], key.namespace, selector) for kind in ChildKind),
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
            workloads.append(replace(workload, differences=self._differences(resource, workload, live)))
        foreign = [item for one in (*found.values(), own_scalers) for item in one.foreign]
        remains = frozenset(revision for one in (*found.values(), own_scalers) for revision in one.ours)
        return Children(workloads=tuple(workloads), remains=remains, foreign=tuple(sorted(map(why_foreign, foreign))))

    def _differences(
        self, resource: ModelDeployment, workload: Workload, live: Mapping[ChildKind, Object | None]
    ) -> tuple[Difference, ...]:
        kept = self._record(resource, workload.revision, workload.digest, workload.version, live)
        return tuple(
            difference
            for kind in ChildKind
            if (
                difference := _difference(
                    kind, _declared(resource.raw, kind, workload.revision, kept), live[kind], resource.raw
                )
            )
        )

    def _record(
        self,
        resource: ModelDeployment,
        revision: str,
        digest: str,
        version: str,
        live: Mapping[ChildKind, Object | None],
    ) -> RevisionRecord:
        """What a revision is made of: by its record, else by today's spec, else by its Deployment as it stands."""
        stored, deployment = live[ChildKind.RECORD], live[ChildKind.DEPLOYMENT]
        kept = record.record_in(stored) if stored else None
        if kept:
            return kept
        name, spec = resource.key.name, resource.spec
        placement = self._placement.of_resource(resource.key.namespace, name)
        today = objects.revision_of(name, spec, digest, placement)
        if today == revision:
            template = objects.pod_template(name, spec, digest, placement)
            made = CreateWorkload(revision=revision, version=version, digest=digest, replicas=0)
            template = objects.deployment(resource.raw, made, template)["spec"]["template"]
            return RevisionRecord(digest=digest, version=version, template=template)
        if deployment:
            return RevisionRecord(digest=digest, version=version, template=deployment["spec"]["template"])
        raise Rejected(
            f"revision {revision} cannot be made again: its ControllerRevision is gone, and spec.predictor has changed "
            f"since (now {today})"
        )

    async def execute(self, resource: ModelDeployment, action: Action) -> None:
        """Do one action."""
        namespace, name = resource.key.namespace, names.workload_name(resource.key.name, action.revision)
        match action:
            case CreateWorkload():
                await self._create(resource, action)
            case RestoreChild():
                await self._restore(resource, action.revision, action.kind)
            case ScaleWorkload():
                await self._objects.merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": action.replicas}})
            case SetAutoscaler():
                wish = horizontal_pod_autoscaler(resource.raw, action.revision, action.bounds)
                await self._keep(AUTOSCALERS, wish, resource.raw)
            case RemoveAutoscaler():
                await self._remove(AUTOSCALERS, resource, name)
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
        live = await self._live(resource, action.revision)
        kept = self._record(resource, action.revision, action.digest, action.version, live)
        owner, revision = resource.raw, action.revision
        refused = None
        try:
            await self._keep(RECORDS, _declared(owner, ChildKind.RECORD, revision, kept), owner)
        except Rejected as refusal:
            refused = refusal
        await self._keep(SERVICES, _declared(owner, ChildKind.SERVICE, revision, kept), owner)
        wish = _declared(owner, ChildKind.DEPLOYMENT, revision, kept)
        await self._keep(DEPLOYMENTS, wish, owner, new={"replicas": action.replicas})
        if refused:
            raise refused

    async def _restore(self, resource: ModelDeployment, revision: str, kind: ChildKind) -> None:
        live = await self._live(resource, revision)
        deployment = live[ChildKind.DEPLOYMENT]
        if deployment is None:
            return  # deleted meanwhile: the next pass makes all of it again
        annotations = deployment["metadata"].get("annotations") or {}
        digest, version = (
            annotations.get(names.ANNOTATION_DIGEST, ""),
            annotations.get(names.ANNOTATION_MODEL_VERSION, ""),
        )
        kept = self._record(resource, revision, digest, version, live)
        await self._keep(_RESOURCES[kind], _declared(resource.raw, kind, revision, kept), resource.raw)

    async def _live(self, resource: ModelDeployment, revision: str) -> Mapping[ChildKind, Object | None]:
        """A revision's record and Deployment, where they are its own."""
        name = names.workload_name(resource.key.name, revision)
        stored, deployment = await asyncio.gather(
            self._objects.find(RECORDS, resource.key.namespace, name),
            self._objects.find(DEPLOYMENTS, resource.key.namespace, name),
        )
        found = {ChildKind.RECORD: stored, ChildKind.DEPLOYMENT: deployment}
        return {
            kind: item if item and ownership(item, resource.raw) is not Ownership.FOREIGN else None
            for kind, item in found.items()
        }

    async def _keep(self, resource: ApiKind, wish: Object, owner: Object, new: Object | None = None) -> None:
        """Make an object, or put back what differs. `new`: what its spec has besides, where it is made."""
        metadata = wish["metadata"]
        live = await self._objects.find(resource, metadata["namespace"], metadata["name"])
        if live is None:
            try:
                await self._objects.create(resource, wish | ({"spec": wish["spec"] | new} if new else {}))
            except WriteConflict:  # made at the same moment: the next pass sees by whom
                return
            return
        _refuse_what_is_not_ours(live, owner)
        changed = _edits(resource, wish, live, owner)
        # Other bounds of an autoscaler are our own wish: nobody has edited anything.
        if not changed and resource is not AUTOSCALERS:
            return
        await self._objects.set(resource, live, _replaced(resource, wish, live, changed, owner))
        await self._objects.apply(resource, wish, live)

    async def _remove(self, resource: ApiKind, owner: ModelDeployment, name: str) -> None:
        live = await self._objects.find(resource, owner.key.namespace, name)
        if (
            live
            and not live["metadata"].get("deletionTimestamp")
            and ownership(live, owner.raw) is not Ownership.FOREIGN
        ):
            await self._objects.delete(resource, live)

    async def _delete(self, resource: ModelDeployment, name: str) -> None:
        # As long as any of it is there, a pass that is repeated finds it.
        refusals = []
        for kind in (AUTOSCALERS, BUDGETS, DEPLOYMENTS, SERVICES, RECORDS):
            try:
                await self._remove(kind, resource, name)
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


def _declared(owner: Object, kind: ChildKind, revision: str, kept: RevisionRecord) -> Object:
    """An object of a revision as it is to be; a Deployment without its number of pods."""
    match kind:
        case ChildKind.RECORD:
            return record.controller_revision(owner, revision, kept)
        case ChildKind.SERVICE:
            return objects.service(owner, revision, kept.digest)
        case ChildKind.BUDGET:
            return pod_disruption_budget(owner, revision)
        case ChildKind.DEPLOYMENT:
            return objects.deployment_of(owner, revision, kept.digest, kept.version, kept.template)
        case never:
            assert_never(never)


def _difference(kind: ChildKind, wish: Object, live: Object | None, owner: Object) -> Difference | None:
    if live is None:
        return Difference(kind=kind)
    changed = _edits(_RESOURCES[kind], wish, live, owner)
    return Difference(kind=kind, field=changed[0].field, manager=changed[0].manager) if changed else None


def _edits(resource: ApiKind, wish: Object, live: Object, owner: Object) -> tuple[Edit, ...]:
    adopted = ownership(live, owner) is Ownership.UNOWNED
    unowned = (Edit(field="metadata.ownerReferences", manager=""),) if adopted else ()
    return (*unowned, *edits(wish, live, resource.exact))


def _replaced(
    resource: ApiKind, wish: Object, live: Object, changed: tuple[Edit, ...], owner: Object
) -> dict[tuple[str, ...], object]:
    """The fields that are replaced as a whole: those of which nothing of anybody else's may stay."""
    values = {
        part: value_at(wish, part)
        for part in resource.exact
        if any(f"{edit.field}.".startswith((".".join(part) + ".", ".".join(part) + "[")) for edit in changed)
    }
    if ownership(live, owner) is Ownership.UNOWNED:
        # Only one owner may be the controller: the one of an earlier life gives way.
        others = [item for item in live["metadata"].get("ownerReferences") or [] if not item.get("controller")]
        values["metadata", "ownerReferences"] = [*others, *wish["metadata"]["ownerReferences"]]
    return values


def _refuse_what_is_not_ours(live: Object, owner: Object) -> None:
    metadata = live["metadata"]
    if ownership(live, owner) is Ownership.FOREIGN:
        raise Rejected(
            f"{live['kind']} {metadata['name']} is there already and is not this resource's: delete or rename it",
            reason=Reason.FOREIGN_OBJECT,
        )
    if metadata.get("deletionTimestamp"):
        finalizers = ", ".join(metadata.get("finalizers") or []) or "none"
        raise Rejected(
            f"{live['kind']} {metadata['name']} is being deleted and not gone yet (finalizers: {finalizers})",
            reason=Reason.BEING_DELETED,
        )
