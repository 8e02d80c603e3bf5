"""The traffic splits that the phases ask for."""

from penstock_contracts.api.status import Candidate, Stable
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, Traffic, TrafficSplit
from penstock_controller.rollout import routing
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.steps import EVERYTHING, Setting, matches_of

CONTROL = 20
"""Per cent of the requests that are copied to a version which nobody asks any more, so that it stays comparable.

All of them would take twice the processors for as long as a bake lasts, and tell little more: the version that is
judged is the one that answers every request.
"""


def only(context: RolloutContext, first: str, *others: str) -> Traffic:
    """Everything to `first`; the others, and what is still draining, stay known and get nothing."""
    shares = {first: EVERYTHING, **dict.fromkeys(others, 0)}
    return _ask(context, _split(context, shares))


def nothing(context: RolloutContext) -> Traffic:
    """Nobody is there to serve: the first version has failed."""
    return _ask(context, evolve(_split(context, {}), backends=()))


def trial(context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting) -> Traffic:
    """The candidate's share of the requests; what fails there is repeated on stable.

    The candidate comes first: shares are taken in this order, so a sticky user who has it keeps it while it grows.
    """
    shares = {candidate.revision: setting.weight, stable.revision: EVERYTHING - setting.weight}
    split = evolve(
        _split(context, shares),
        rescue=stable.revision,
        mirror=_mirror(context, candidate, stable, setting),
        match=tuple(
            HeaderMatch(headers=match.headers, revision=candidate.revision)
            for match in matches_of(context.spec.strategy)
        ),
        stickiness=_stickiness(context),
    )
    return _ask(context, split)


def bake(context: RolloutContext, stable: str, previous: str) -> Traffic:
    """Everything to stable; previous answers copies, to compare with, and repeats what fails."""
    split = evolve(
        _split(context, {stable: EVERYTHING, previous: 0}),
        rescue=previous,
        mirror=Mirror(revision=previous, percentage=CONTROL),
    )
    return _ask(context, split)


def _mirror(context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting) -> Mirror | None:
    if setting.weight == EVERYTHING:
        # Nobody asks stable any more: copies keep it comparable.
        return Mirror(revision=stable.revision, percentage=CONTROL)
    if setting.weight and _stickiness(context):
        # Each user has one version, so the users of both differ, however many requests they send. Versions are
        # compared on the same requests. Stable answers no more than before: what the candidate took, and no copy else.
        return Mirror(revision=stable.revision, percentage=EVERYTHING, source=candidate.revision)
    return Mirror(revision=candidate.revision, percentage=setting.mirror) if setting.mirror else None


def _stickiness(context: RolloutContext) -> Stickiness | None:
    canary = context.spec.strategy.canary
    return Stickiness(header=canary.stickiness.header) if canary and canary.stickiness else None


def _split(context: RolloutContext, shares: dict[str, int]) -> TrafficSplit:
    status = context.status
    draining = [item.revision for item in status.retiring if routing.knows(status.traffic, item.revision)]
    every = {**shares, **{revision: 0 for revision in draining if revision not in shares}}
    return TrafficSplit(
        number=0,
        attempt=status.attempt,
        backends=tuple(Backend(revision=revision, weight=share) for revision, share in every.items()),
        timeout_seconds=context.timeout,
    )


def _ask(context: RolloutContext, split: TrafficSplit) -> Traffic:
    return routing.ask(context.status.traffic, split, context.observation.gateways)
