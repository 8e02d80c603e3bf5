"""The workloads port: a revision's Deployment, with all that belongs to it."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from kubernetes.aio.client import ApiClient, AppsV1Api, CoreV1Api, V1Deployment, V1Pod, V1PodCondition

from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT, LABEL_REVISION
from penstock_controller.adapters.kubernetes import pod_problems
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, gone, made, translated
from penstock_controller.adapters.kubernetes.autoscalers import Autoscalers
from penstock_controller.adapters.kubernetes.budgets import Budgets
from penstock_controller.api import names
from penstock_controller.errors import Rejected
from penstock_controller.ports import Key, Resource
from penstock_controller.rollout.actions import (
    Action,
    CreateWorkload,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    ProtectWorkload,
    RemoveAutoscaler,
    ScaleWorkload,
    SetAutoscaler,
)
from penstock_controller.rollout.observation import Workload
from penstock_controller.workload import objects
from penstock_controller.workload.placement import Placement


class KubernetesWorkloads:
    """Observes and changes the objects of revisions. Nothing is written that stands already."""

    def __init__(self, api: ApiClient, placement: Placement) -> None:
        self._apps = AppsV1Api(api)
        self._core = CoreV1Api(api)
        self._autoscalers = Autoscalers(api)
        self._budgets = Budgets(api)
        self._placement = placement

    async def observe(self, key: Key) -> tuple[Workload, ...]:
        """All workloads of a resource, with what their pods complain of."""
        selector = f"{LABEL_MODEL_DEPLOYMENT}={key.name}"
        with translated(f"list workloads of {key}"):
            deployments, pods, autoscalers, budgets = await asyncio.gather(
                self._apps.list_namespaced_deployment(key.namespace, label_selector=selector, _request_timeout=TIMEOUT),
                self._core.list_namespaced_pod(key.namespace, label_selector=selector, _request_timeout=TIMEOUT),
                self._autoscalers.observe(key.namespace, selector),
                self._budgets.observe(key.namespace, selector),
            )
        observed = (
            _observed(deployment, pods.items)
            for deployment in deployments.items
            if deployment.metadata.deletion_timestamp is None
        )
        return tuple(
            replace(one, autoscaler=autoscalers.get(one.revision), protected=one.revision in budgets)
            for one in observed
        )

    async def execute(self, resource: Resource, action: Action) -> None:
        """Do one action."""
        match action:
            case CreateWorkload():
                await self._create(resource, action)
            case ScaleWorkload():
                await self._patch(resource, action.revision, {"spec": {"replicas": action.replicas}})
            case SetAutoscaler():
                await self._autoscalers.set(resource, action)
            case RemoveAutoscaler():
                await self._autoscalers.remove(resource, action.revision)
            case ProtectWorkload():
                await self._budgets.make(resource, action.revision)
            case MarkPromoted():
                marked = {names.ANNOTATION_PROMOTED: str(action.attempt)}
                await self._patch(resource, action.revision, {"metadata": {"annotations": marked}})
            case ForgetPromotion():
                unmarked = {names.ANNOTATION_PROMOTED: None}
                await self._patch(resource, action.revision, {"metadata": {"annotations": unmarked}})
            case DeleteWorkload():
                await self._delete(resource, action.revision)
            case never:
                assert_never(never)

    async def _create(self, resource: Resource, action: CreateWorkload) -> None:
        name, namespace = resource.key.name, resource.key.namespace
        revision = objects.revision_of(name, resource.spec, action.digest, self._placement)
        if revision != action.revision:
            raise Rejected(
                f"revision {action.revision} cannot be made again: spec.predictor has changed since (now {revision})"
            )
        template = objects.pod_template(name, resource.spec, action.digest, self._placement)
        service = objects.service(resource.raw, action.revision, action.digest)
        deployment = objects.deployment(resource.raw, action, template)
        await made("Service", self._core.create_namespaced_service(namespace, service, _request_timeout=TIMEOUT))
        await self._budgets.make(resource, action.revision)
        await made(
            "Deployment", self._apps.create_namespaced_deployment(namespace, deployment, _request_timeout=TIMEOUT)
        )

    async def _patch(self, resource: Resource, revision: str, patch: dict[str, Any]) -> None:
        workload = names.workload_name(resource.key.name, revision)
        with translated(f"patch Deployment {workload}"):
            await self._apps.patch_namespaced_deployment(
                workload,
                resource.key.namespace,
                patch,
                field_manager=names.FIELD_MANAGER,
                _request_timeout=TIMEOUT,
                _content_type="application/merge-patch+json",
            )

    async def _delete(self, resource: Resource, revision: str) -> None:
        workload, namespace = names.workload_name(resource.key.name, revision), resource.key.namespace
        # The Deployment goes last but for its Service: as long as it is there, a pass that is repeated finds it.
        await self._autoscalers.remove(resource, revision)
        await self._budgets.remove(resource, revision)
        await gone(
            "Deployment",
            self._apps.delete_namespaced_deployment(
                workload, namespace, propagation_policy="Background", _request_timeout=TIMEOUT
            ),
        )
        await gone("Service", self._core.delete_namespaced_service(workload, namespace, _request_timeout=TIMEOUT))


def _observed(deployment: V1Deployment, pods: list[V1Pod]) -> Workload:
    metadata = deployment.metadata
    annotations = metadata.annotations or {}
    revision = (metadata.labels or {})[LABEL_REVISION]
    promoted = annotations.get(names.ANNOTATION_PROMOTED)
    own = [pod for pod in pods if (pod.metadata.labels or {}).get(LABEL_REVISION) == revision]
    problems = [found for pod in own if (found := pod_problems.problem(pod)) and not _ready(pod)]
    return Workload(
        revision=revision,
        version=annotations.get(names.ANNOTATION_MODEL_VERSION, ""),
        digest=annotations.get(names.ANNOTATION_DIGEST, ""),
        replicas=deployment.spec.replicas if deployment.spec.replicas is not None else 1,
        ready=sum(_ready(pod) for pod in own),
        ready_since=tuple(sorted(_ready_since(pod) for pod in own if _ready(pod))),
        promoted_attempt=int(promoted) if promoted and promoted.isdigit() else None,
        problem=min(problems, default="") or _not_created(deployment),
    )


def _ready(pod: V1Pod) -> bool:
    return pod.metadata.deletion_timestamp is None and bool(_readiness(pod))


def _ready_since(pod: V1Pod) -> datetime:
    since: datetime = _readiness(pod)[0].last_transition_time
    return since


def _readiness(pod: V1Pod) -> list[V1PodCondition]:
    return [item for item in pod.status.conditions or [] if item.type == "Ready" and item.status == "True"]


def _not_created(deployment: V1Deployment) -> str:
    """A quota or policy that keeps pods from being made shows on the Deployment only."""
    for condition in deployment.status.conditions or []:
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return f"its pods cannot be made: {condition.message}"[:500]
    return ""
