"""The candidate's pods."""

from penstock_contracts.api.status import Candidate
from penstock_controller.rollout import children, sizing
from penstock_controller.rollout.context import SHORTLY, SOON, RolloutContext, Transition, waiting


def missing(context: RolloutContext, candidate: Candidate, size: int) -> Transition | None:
    """The candidate waits for its Deployment, or for pods to be ready; None: so many are."""
    workload = context.workload(candidate.revision)
    if workload is None:
        actions = (children.create(candidate, size),)
        return waiting(context, candidate, "its Deployment is being made", actions=actions, requeue_after=SOON)
    sized = sizing.resize(context.spec, workload, size)
    if sized:
        return waiting(context, candidate, "its Deployment is being scaled", actions=sized, requeue_after=SOON)
    if workload.ready < size:
        why = f"{workload.ready} of {size} pods are ready" + why_none_is_ready(context, candidate)
        return waiting(context, candidate, why, requeue_after=SHORTLY)
    return None


def why_none_is_ready(context: RolloutContext, candidate: Candidate) -> str:
    """What its pods say, to be put behind a sentence; empty: nothing."""
    workload = context.workload(candidate.revision)
    return f": {workload.problem}" if workload and workload.problem else ""
