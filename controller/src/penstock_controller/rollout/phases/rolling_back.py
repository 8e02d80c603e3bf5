"""RollingBack: no request goes to the candidate any more, and when every gateway pod has acknowledged that, it ends."""

from penstock_contracts.api.status import Candidate, Ending, Phase
from penstock_contracts.base import evolve
from penstock_controller.rollout import attempt, routing, splits
from penstock_controller.rollout.context import SOON, RolloutContext, Transition, holding


def begin(context: RolloutContext, candidate: Candidate, ending: Ending) -> Transition:
    """It is decided that the attempt ends without a promotion."""
    ending = evolve(ending, generation=context.observation.generation)
    return advance(context, evolve(candidate, ending=ending), ending)


def advance(context: RolloutContext, candidate: Candidate, ending: Ending) -> Transition:
    """Take the requests away; then the attempt ends."""
    context = context.with_candidate(candidate)
    stable, traffic = context.status.stable, context.status.traffic
    if not routing.knows(traffic, candidate.revision) and (stable or traffic is None):
        return attempt.end(context, candidate, ending)
    desired = splits.only(context, stable.revision, candidate.revision) if stable else splits.nothing(context)
    if desired is traffic and context.acknowledged():
        return attempt.end(context, candidate, ending)
    where = f"requests go back to version {stable.version}" if stable else "nothing is left to serve"
    why = f"{ending.message}; {where}: {routing.waiting_for(desired, context.observation)}"
    return holding(context, candidate, why, traffic=desired, phase=Phase.ROLLING_BACK, requeue_after=SOON)
