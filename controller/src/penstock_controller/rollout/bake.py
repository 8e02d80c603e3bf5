"""The bake: stable serves everything, the version before stays warm, and a failing gate still goes back to it."""

from penstock_contracts.api import duration
from penstock_contracts.api.status import AttemptStage, Candidate, Completion, Ending, Phase, Previous, Stable
from penstock_contracts.base import evolve
from penstock_controller.rollout import attempt, verdicts, wishes
from penstock_controller.rollout.observation import Wanted, why_not_ready
from penstock_controller.rollout.situation import SHORTLY, Situation, Step
from penstock_controller.rollout.timestamps import later, seconds_since
from penstock_controller.rollout.trial import take_away


def advance(situation: Situation, stable: Stable, previous: Previous) -> Step:
    """Bake on, go back, or end the attempt."""
    previous = _watched(situation, stable, previous)
    ending = situation.bake_fails or _ending(situation, stable, previous)
    if ending:
        return _go_back(situation, stable, previous, ending)
    left = _left(situation, previous)
    successor = _successor(situation, stable, previous)
    if left <= 0 or successor or situation.bake_is_over:
        short = f"version {successor} is wanted" if successor else "a person said promote"
        return attempt.end_bake(situation, stable, previous, short if left > 0 else "")
    return _bake(situation, stable, previous, left)


def _watched(situation: Situation, stable: Stable, previous: Previous) -> Previous:
    gone = not situation.ready(stable.revision) and situation.ready(previous.revision) > 0
    since = situation.gone_since(previous.unavailable_since, gone=gone)
    return evolve(previous, unavailable_since=since)


def _left(situation: Situation, previous: Previous) -> float:
    length = duration.seconds(situation.spec.bake.duration)
    return length - seconds_since(previous.baking_since, situation.observation.now)


def _successor(situation: Situation, stable: Stable, previous: Previous) -> str:
    """A version that is wanted instead of both; empty: none."""
    target = situation.observation.target
    baking = {stable.revision, previous.revision}
    return target.version if isinstance(target, Wanted) and target.revision not in baking else ""


def _ending(situation: Situation, stable: Stable, previous: Previous) -> Ending | None:
    """Why stable must give way to the version before; None: it need not, or there is no pod to give way to."""
    if not situation.ready(previous.revision):
        return None
    target = situation.observation.target
    if isinstance(target, Wanted) and target.revision == previous.revision:
        message = f"version {target.version} is wanted again, and still warm"
        return Ending(completion=Completion.SUPERSEDED, reason="Superseded", message=message)
    gate = verdicts.failed(situation.status)
    if gate:
        message = f"in the bake, {gate.name}: {gate.message}"
        return Ending(completion=Completion.ROLLED_BACK, reason="GateFailed", message=message)
    return _unavailable(situation, stable, previous)


def _unavailable(situation: Situation, stable: Stable, previous: Previous) -> Ending | None:
    since = previous.unavailable_since
    if not situation.out_of_patience(since):
        return None
    why = why_not_ready(situation.workload(stable.revision))
    message = f"in the bake, none of its pods was ready for two intervals (since {since}): {why}"
    return Ending(completion=Completion.ROLLED_BACK, reason="CandidateUnavailable", message=message)


def _bake(situation: Situation, stable: Stable, previous: Previous, left: float) -> Step:
    until = later(situation.observation.now, left)
    message = f"version {stable.version} serves; version {previous.version} stays warm until {until}"
    status = evolve(
        situation.status,
        phase=Phase.BAKING,
        message=message + verdicts.in_words(situation.status, AttemptStage.BAKE),
        previous=previous,
        traffic=wishes.bake(situation, stable.revision, previous.revision),
    )
    return Step(status=status, look_again=min(left, SHORTLY) if previous.unavailable_since else left)


def _go_back(situation: Situation, stable: Stable, previous: Previous, ending: Ending) -> Step:
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
    status = evolve(situation.status, stable=again, previous=None, candidate=candidate)
    return take_away(situation.with_status(status), candidate, ending)
