"""Why a pod is not ready, in one sentence: from its status alone."""

from kubernetes.aio.client import V1ContainerStatus, V1Pod

_QUIET = {"ContainerCreating", "PodInitializing"}
"""Waiting reasons of a pod that is simply starting."""


def problem(pod: V1Pod) -> str:
    """The first thing that stands in the pod's way; empty: nothing does, or nothing is known yet."""
    status = pod.status
    statuses = [*(status.init_container_statuses or []), *(status.container_statuses or [])]
    for container in statuses:
        found = _container_problem(container)
        if found:
            return f"pod {pod.metadata.name}: {found}"
    return _unschedulable(pod)


def _container_problem(container: V1ContainerStatus) -> str:
    state, last = container.state, container.last_state
    ended = (state and state.terminated) or (last and last.terminated)
    if ended and ended.exit_code:
        said = (ended.message or "").strip().splitlines()
        words = said[-1][:500] if said else ended.reason or ""
        return f"container {container.name} ended with {ended.exit_code} ({ended.reason}): {words}"
    waiting = state and state.waiting
    if waiting and waiting.reason not in _QUIET:
        return f"container {container.name} waits: {waiting.reason} {waiting.message or ''}".strip()[:500]
    return ""


def _unschedulable(pod: V1Pod) -> str:
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"pod {pod.metadata.name} has no node: {condition.message or condition.reason}"[:500]
    return ""
