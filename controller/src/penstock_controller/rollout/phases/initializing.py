"""Initializing: the first version. There is nothing to compare it with, and nobody to keep from it."""

from penstock_contracts.api.status import Candidate
from penstock_controller.rollout.context import RolloutContext, Transition
from penstock_controller.rollout.phases import deadline, pods, promoting


def advance(context: RolloutContext, candidate: Candidate) -> Transition:
    """Wait for its pods; then it gets everything."""
    missing = pods.missing(context, candidate, context.replicas)
    return deadline.run(context, missing or promoting.begin(context, candidate))
