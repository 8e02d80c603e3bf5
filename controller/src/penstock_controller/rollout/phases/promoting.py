"""Promoting: every gateway pod is asked to send the candidate everything, and as soon as all do, it is stable."""

from dataclasses import replace

from penstock_contracts.api.status import Candidate, Phase
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Traffic
from penstock_controller.rollout import attempt, children, routing, splits
from penstock_controller.rollout.context import SOON, RolloutContext, Transition, holding
from penstock_controller.rollout.steps import EVERYTHING, Setting


def begin(context: RolloutContext, candidate: Candidate) -> Transition:
    """All that is wanted of the candidate before was there: from now on it is asked for everything."""
    candidate = evolve(candidate, promoting=True)
    return _moving(context, candidate, _everything(context, candidate))


def advance(context: RolloutContext, candidate: Candidate) -> Transition:
    """Promote it as soon as every gateway pod sends it everything."""
    traffic = _everything(context, candidate)
    reachable = routing.reachable_everywhere(candidate.revision, 1, context.observation.gateways)
    if traffic is context.status.traffic and context.acknowledged() and reachable:
        return attempt.promote(context, candidate)
    return _moving(context, candidate, traffic)


def _moving(context: RolloutContext, candidate: Candidate, traffic: Traffic) -> Transition:
    why = "the gateway moves all requests to it: " + routing.waiting_for(traffic, context.observation)
    moving = holding(context, candidate, why, traffic=traffic, phase=Phase.PROMOTING, requeue_after=SOON)
    if context.workload(candidate.revision):
        return moving
    # Somebody deleted its Deployment: all requests are on their way to it.
    return replace(moving, actions=(children.create(candidate, context.replicas),))


def _everything(context: RolloutContext, candidate: Candidate) -> Traffic:
    """Where there is a stable version, it stays beside: what fails is repeated there, and it answers copies."""
    stable = context.status.stable
    if stable is None:
        return splits.only(context, candidate.revision)
    return splits.trial(context, candidate, stable, Setting(weight=EVERYTHING))
