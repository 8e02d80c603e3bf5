"""Pods of a resource's revisions."""

from datetime import datetime

from kubernetes.aio.client import ApiClient, CoreV1Api, V1Pod, V1PodCondition

from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, translated


class Pods:
    """Lists them."""

    def __init__(self, api: ApiClient) -> None:
        self._core = CoreV1Api(api)

    async def of(self, namespace: str, selector: str) -> list[V1Pod]:
        """Those that labels select. Raises ClusterAway."""
        with translated(f"list pods in {namespace}"):
            found = await self._core.list_namespaced_pod(namespace, label_selector=selector, _request_timeout=TIMEOUT)
        return list(found.items)


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
