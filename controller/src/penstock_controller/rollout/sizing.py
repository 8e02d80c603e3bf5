"""How many pods each revision keeps, whether the number is fixed or follows the load. Decisions only.

Where it follows the load, Kubernetes' autoscaler chooses the number and we choose the floor below which it may not go:
a version that has lost its requests to a candidate would be scaled down just when they may all come back.
"""

import math
from datetime import datetime

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.rollout import routing
from penstock_controller.rollout.decision import (
    RemoveAutoscaler,
    RevisionAction,
    ScaleWorkload,
    SetAutoscaler,
)
from penstock_controller.rollout.observation import Bounds, Observation, Workload
from penstock_controller.rollout.timestamps import seconds_since

_MEASURED = 60.0
"""Seconds after which a pod's use, and a share of the requests, has passed through metrics-server and the autoscaler.

What they tell before mixes two times: the same request would be counted on two versions, and floors do not fall again.
"""
_TOLERANCE = 1.1
"""As Kubernetes' autoscaler does, a tenth more than there are pods for is let pass."""
_LOOK = 5.0
"""Seconds between two looks at the load in an attempt."""


def autoscaled(spec: ModelDeploymentSpec) -> bool:
    """Whether the number of pods follows the load."""
    predictor = spec.predictor
    return predictor.max_replicas is not None and predictor.max_replicas > predictor.min_replicas


def cap(spec: ModelDeploymentSpec, size: int) -> int:
    """A number of pods that the user allows."""
    most = spec.predictor.max_replicas
    return min(size, most) if autoscaled(spec) and most else size


def minimum(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> int:
    """Pods below which stable, and in the bake previous, may not go."""
    return total(spec, status, observation) if _on_attempt(status) else spec.predictor.min_replicas


def total(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> int:
    """Pods that carry all requests as they come now, and not fewer than before in this attempt."""
    floor = max(spec.predictor.min_replicas, status.min_pods or 0)
    stable = observation.workloads.get(status.stable.revision) if status.stable else None
    if stable is None or not autoscaled(spec):
        return cap(spec, floor)
    floor = max(floor, stable.replicas)
    used = _used(spec, status, observation)
    return cap(spec, math.ceil(used) if used > floor * _TOLERANCE else floor)


def remember_minimum(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation
) -> ModelDeploymentStatus:
    """The status with the floor that holds until the attempt ends."""
    if status.stable is None or not _on_attempt(status):
        return evolve(status, min_pods=None)
    floor = total(spec, status, observation) if autoscaled(spec) else status.min_pods
    return evolve(status, min_pods=floor)


def next_due(status: ModelDeploymentStatus) -> float | None:
    """Seconds until the load is looked at again; None: it need not be."""
    return None if status.min_pods is None else _LOOK


def resize(spec: ModelDeploymentSpec, workload: Workload, size: int) -> tuple[RevisionAction, ...]:
    """What is to be done so that a workload has `size` pods, or where its number follows the load, at least so many."""
    revision = workload.revision
    scale = ScaleWorkload(revision=revision, replicas=size)
    removed = (RemoveAutoscaler(revision=revision),) if workload.autoscaler else ()
    if workload.other_autoscaler:
        # Two that set one number would fight for ever: the number is left to whom somebody else has put there.
        return removed
    if not autoscaled(spec):
        return (*removed, scale) if workload.replicas != size else removed
    bounds = Bounds(
        floor=size,
        ceiling=spec.predictor.max_replicas or size,
        target=spec.predictor.target_cpu_utilization,
    )
    scaler = workload.autoscaler
    stands = scaler is not None and scaler.declared and scaler.bounds == bounds
    bounded = () if stands else (SetAutoscaler(revision=revision, bounds=bounds),)
    # An autoscaler leaves a Deployment alone that somebody has scaled to 0: nothing else would ever serve again.
    return bounded if workload.replicas else (*bounded, scale)


def requested_pods(spec: ModelDeploymentSpec, workload: Workload | None) -> int:
    """Pods that a workload at rest is to have now."""
    follows = workload is not None and (autoscaled(spec) or bool(workload.other_autoscaler))
    return workload.replicas if workload and follows else spec.predictor.min_replicas


def _on_attempt(status: ModelDeploymentStatus) -> bool:
    return status.candidate is not None or status.previous is not None


def _used(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> float:
    """Pods that what is used now keeps at the target, over all revisions that users' requests go to; 0: not known."""
    since = status.candidate.step_since if status.candidate else status.previous and status.previous.baking_since
    if not since or seconds_since(since, observation.now) < _MEASURED:
        return 0.0
    sharing = (
        workload
        for revision, workload in observation.workloads.items()
        if routing.applied_weight(status.traffic, revision) > 0
    )
    return sum(_used_by(workload, observation.now) for workload in sharing) / spec.predictor.target_cpu_utilization


def _used_by(workload: Workload, now: datetime) -> float:
    """Per cent of one pod's requested cpu. The average is one over pods that the autoscaler has seen at work."""
    seen = sum((now - since).total_seconds() >= _MEASURED for since in workload.ready_since)
    utilization = workload.autoscaler.utilization if workload.autoscaler else None
    return float(seen * (utilization or 0))
