"""Initializing: the first version. There is nothing to compare it with, and nobody to keep from it."""

from penstock_contracts.api.status import Candidate
from penstock_controller.rollout.context import RolloutContext, Transition
from penstock_controller.rollout.phases import deadline, endings, pods, promoting, rolling_back


def advance(context: RolloutContext, candidate: Candidate) -> Transition:
    """Wait for its pods; then it gets everything."""
    candidate = endings.watch(context, candidate)
    ending = endings.reason_to_end(context, candidate)
    if ending:
        return rolling_back.begin(context, candidate, ending)
    missing = pods.missing(context, candidate, context.replicas)
    return deadline.run(context, missing or promoting.begin(context, candidate))
