"""Pods of a resource's revisions."""

from datetime import datetime

from kubernetes.aio.client import (
    ApiClient,
    ApiException,
    CoreV1Api,
    V1DeleteOptions,
    V1Eviction,
    V1ObjectMeta,
    V1Pod,
    V1PodCondition,
    V1Preconditions,
)

from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, is_gone, translated
from penstock_controller.errors import Rejected

_BUDGET_SPENT = 429
"""HTTP status."""


class Pods:
    """Lists them, and has single ones leave."""

    def __init__(self, api: ApiClient) -> None:
        self._core = CoreV1Api(api)

    async def of(self, namespace: str, selector: str) -> list[V1Pod]:
        """Those that labels select. Raises ClusterAway."""
        with translated(f"list pods in {namespace}"):
            found = await self._core.list_namespaced_pod(namespace, label_selector=selector, _request_timeout=TIMEOUT)
        return list(found.items)

    async def evict(self, namespace: str, name: str, uid: str) -> None:
        """Have exactly this pod leave, if its PodDisruptionBudget lets one leave now. Gone before is gone.

        Raises Rejected, WriteConflict, ClusterAway.
        """
        if not await self._is_there(namespace, name, uid):
            return
        body = V1Eviction(
            metadata=V1ObjectMeta(name=name, namespace=namespace),
            delete_options=V1DeleteOptions(preconditions=V1Preconditions(uid=uid)),
        )
        with translated(f"evict pod {name}"):
            try:
                await self._core.create_namespaced_pod_eviction(name, namespace, body, _request_timeout=TIMEOUT)
            except ApiException as error:
                if error.status == _BUDGET_SPENT:
                    raise Rejected(f"evict pod {name}: its PodDisruptionBudget lets no pod leave now") from error
                if not is_gone(error):
                    raise

    async def _is_there(self, namespace: str, name: str, uid: str) -> bool:
        """Whether the pod has this uid. Of another one the API server would try the eviction for ten seconds."""
        with translated(f"find pod {name}"):
            selector = f"metadata.name={name}"
            found = await self._core.list_namespaced_pod(namespace, field_selector=selector, _request_timeout=TIMEOUT)
        return any(pod.metadata.uid == uid for pod in found.items)


def is_of(pod: V1Pod, deployment: str) -> bool:
    """Whether a ReplicaSet of a Deployment made the pod: labels may be anybody's."""
    hashed = (pod.metadata.labels or {}).get("pod-template-hash", "")
    owners = [item for item in pod.metadata.owner_references or [] if item.controller]
    return any((item.kind, item.name) == ("ReplicaSet", f"{deployment}-{hashed}") for item in owners)


def is_ready(pod: V1Pod) -> bool:
    """Whether it answered the golden request right, and is not leaving."""
    return pod.metadata.deletion_timestamp is None and bool(_readiness(pod))


def ready_since(pod: V1Pod) -> datetime:
    """When a pod that is ready became so."""
    since: datetime = _readiness(pod)[0].last_transition_time
    return since


def _readiness(pod: V1Pod) -> list[V1PodCondition]:
    return [item for item in pod.status.conditions or [] if item.type == "Ready" and item.status == "True"]
