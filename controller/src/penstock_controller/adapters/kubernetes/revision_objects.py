"""What a revision's objects are to be, by its record, and where they differ from that."""

import asyncio
from collections.abc import Mapping
from typing import assert_never

from kubernetes.aio.client import ApiClient

from penstock_controller.adapters.kubernetes.child_objects import (
    BUDGETS,
    DEPLOYMENTS,
    RECORDS,
    SERVICES,
    ChildObjects,
)
from penstock_controller.adapters.kubernetes.declared_objects import differences
from penstock_controller.errors import Rejected
from penstock_controller.ports import ModelDeployment
from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.rollout.observation import ChildKind, Difference, Workload
from penstock_controller.workload import names, objects, record
from penstock_controller.workload.budget import pod_disruption_budget
from penstock_controller.workload.objects import Object
from penstock_controller.workload.ownership import Ownership, ownership
from penstock_controller.workload.placement import Placement
from penstock_controller.workload.record import RevisionRecord

KINDS = {
    ChildKind.RECORD: RECORDS,
    ChildKind.SERVICE: SERVICES,
    ChildKind.BUDGET: BUDGETS,
    ChildKind.DEPLOYMENT: DEPLOYMENTS,
}
Live = Mapping[ChildKind, Object | None]
"""A revision's objects that are there and its own."""


class RevisionObjects:
    """Knows what each revision is made of."""

    def __init__(self, api: ApiClient, placement: Placement) -> None:
        self._objects = ChildObjects(api)
        self._placement = placement

    async def live(self, resource: ModelDeployment, revision: str) -> Live:
        """A revision's record and Deployment, where they are its own. Raises Rejected, ClusterAway."""
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

    def record(self, resource: ModelDeployment, revision: str, digest: str, version: str, live: Live) -> RevisionRecord:
        """What a revision is made of: by its record, else by today's spec, else by its Deployment as it stands.

        Raises Rejected where none of them tells.
        """
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

    def differences(self, resource: ModelDeployment, workload: Workload, live: Live) -> tuple[Difference, ...]:
        """Its objects that are missing or not as declared. `live`: one of every kind, or None."""
        kept = self.record(resource, workload.revision, workload.digest, workload.version, live)
        found = (
            _difference(kind, declared(resource.raw, kind, workload.revision, kept), live[kind], resource.raw)
            for kind in ChildKind
        )
        return tuple(difference for difference in found if difference)


def declared(owner: Object, kind: ChildKind, revision: str, kept: RevisionRecord) -> Object:
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
    changed = differences(KINDS[kind], wish, live, owner)
    return Difference(kind=kind, field=changed[0].field, manager=changed[0].manager) if changed else None
