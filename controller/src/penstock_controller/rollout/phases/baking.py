"""The bake: stable serves everything, the version before stays warm, and a failing gate still goes back to it."""

from penstock_contracts.api import duration
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, Candidate, Completion, Ending, Phase, Previous, Stable
from penstock_contracts.base import evolve
from penstock_controller.rollout import attempt, splits, verdicts
from penstock_controller.rollout.context import SHORTLY, RolloutContext, Transition
from penstock_controller.rollout.observation import Wanted, why_not_ready
from penstock_controller.rollout.phases import rolling_back
from penstock_controller.rollout.timestamps import later, seconds_since


def advance(context: RolloutContext, stable: Stable, previous: Previous) -> Transition:
    """Bake on, go back, or end the attempt."""
    previous = _watch(context, stable, previous)
    ending = context.bake_fails or _ending(context, stable, previous)
    if ending:
        return _go_back(context, stable, previous, ending)
    left = _left(context, previous)
    successor = _successor(context, stable, previous)
    if left <= 0 or successor or context.bake_is_over:
        short = f"version {successor} is wanted" if successor else "a person said promote"
        return attempt.end_bake(context, stable, previous, short if left > 0 else "")
    return _bake(context, stable, previous, left)


def _watch(context: RolloutContext, stable: Stable, previous: Previous) -> Previous:
    gone = not context.ready(stable.revision) and context.ready(previous.revision) > 0
    since = context.gone_since(previous.unavailable_since, gone=gone)
    return evolve(previous, unavailable_since=since)


def _left(context: RolloutContext, previous: Previous) -> float:
    length = duration.seconds(context.spec.bake.duration)
    return length - seconds_since(previous.baking_since, context.observation.now)


def _successor(context: RolloutContext, stable: Stable, previous: Previous) -> str:
    """A version that is wanted instead of both; empty: none."""
    target = context.observation.target
    baking = {stable.revision, previous.revision}
    return target.version if isinstance(target, Wanted) and target.revision not in baking else ""


def _ending(context: RolloutContext, stable: Stable, previous: Previous) -> Ending | None:
    """Why stable must give way to the version before; None: it need not, or there is no pod to give way to."""
    if not context.ready(previous.revision):
        return None
    target = context.observation.target
    if isinstance(target, Wanted) and target.revision == previous.revision:
        message = f"version {target.version} is wanted again, and still warm"
        return Ending(completion=Completion.SUPERSEDED, reason=Reason.SUPERSEDED, message=message)
    return verdicts.shown_worse(context, "in the bake, ") or _unavailable(context, stable, previous)


def _unavailable(context: RolloutContext, stable: Stable, previous: Previous) -> Ending | None:
    since = previous.unavailable_since
    if not context.out_of_patience(since):
        return None
    why = why_not_ready(context.workload(stable.revision))
    message = f"in the bake, none of its pods was ready for two intervals (since {since}): {why}"
    return Ending(completion=Completion.ROLLED_BACK, reason=Reason.CANDIDATE_UNAVAILABLE, message=message)


def _bake(context: RolloutContext, stable: Stable, previous: Previous, left: float) -> Transition:
    until = later(context.observation.now, left)
    message = f"version {stable.version} serves; version {previous.version} stays warm until {until}"
    status = evolve(
        context.status,
        phase=Phase.BAKING,
        message=message + verdicts.in_words(context.status, AttemptStage.BAKE),
        previous=previous,
        traffic=splits.bake(context, stable.revision, previous.revision),
    )
    return Transition(status=status, requeue_after=min(left, SHORTLY) if previous.unavailable_since else left)


def _go_back(context: RolloutContext, stable: Stable, previous: Previous, ending: Ending) -> Transition:
    """The pointers move back, and what was stable leaves like any candidate that failed."""
    candidate = Candidate(
        revision=stable.revision,
        version=stable.version,
        digest=stable.digest,
        attempt=previous.attempt,
        created_at_ms=previous.created_at_ms,
        started_at=previous.started_at,
    )
    again = Stable(
        revision=previous.revision,
        version=previous.version,
        digest=previous.digest,
        since=previous.stable_since,
        generation=previous.stable_generation,
    )
    status = evolve(context.status, stable=again, previous=None, candidate=candidate)
    return rolling_back.begin(context.with_status(status), candidate, ending)
