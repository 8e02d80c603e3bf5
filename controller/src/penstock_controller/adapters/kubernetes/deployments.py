"""What a Deployment and its pods say of a revision."""

from kubernetes.aio.client import V1Pod

from penstock_controller.adapters.kubernetes import pod_problems
from penstock_controller.adapters.kubernetes.pods import is_of, is_ready, ready_since
from penstock_controller.rollout.observation import RevisionPod, Workload
from penstock_controller.workload import names
from penstock_controller.workload.objects import Object


def observed(deployment: Object, revision: str, pods: list[V1Pod]) -> Workload:
    """The workload. `pods`: all of the resource."""
    metadata = deployment["metadata"]
    annotations = metadata.get("annotations") or {}
    promoted = annotations.get(names.ANNOTATION_PROMOTED, "")
    own = [pod for pod in pods if is_of(pod, metadata["name"])]
    problems = [found for pod in own if (found := pod_problems.problem(pod)) and not is_ready(pod)]
    return Workload(
        revision=revision,
        version=annotations.get(names.ANNOTATION_MODEL_VERSION, ""),
        digest=annotations.get(names.ANNOTATION_DIGEST, ""),
        replicas=deployment["spec"].get("replicas", 1),
        ready=sum(is_ready(pod) for pod in own),
        pods=tuple(_pod(pod) for pod in own),
        ready_since=tuple(sorted(ready_since(pod) for pod in own if is_ready(pod))),
        promoted_attempt=int(promoted) if promoted.isdigit() else None,
        problem=min(problems, default="") or _not_created(deployment),
    )


def _pod(pod: V1Pod) -> RevisionPod:
    addresses = [item.ip for item in pod.status.pod_ips or [] if item.ip]
    return RevisionPod(
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        addresses=tuple(addresses),
        leaving=pod.metadata.deletion_timestamp is not None,
    )


def _not_created(deployment: Object) -> str:
    """A quota or policy that keeps pods from being made shows on the Deployment only."""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"its pods cannot be made: {condition.get('message')}"[:500]
    return ""
