"""The traffic splits that the phases ask for: of what the traffic provider can do, all that the spec wants."""

from penstock_contracts.api.status import Candidate, Stable
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, Traffic, TrafficSplit
from penstock_controller.gates.evidence import ComparedLatencies, ComparedTries
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
        rescue=_rescue(context, stable.revision),
        mirror=_mirror(context, candidate, stable, setting),
        match=_match(context, candidate),
        stickiness=_stickiness(context),
        timed=_timed(context),
        by_pod=_by_pod(context),
    )
    return _ask(context, split)


def bake(context: RolloutContext, stable: str, previous: str) -> Traffic:
    """Everything to stable; previous answers copies, to compare with, and repeats what fails."""
    split = evolve(
        _split(context, {stable: EVERYTHING, previous: 0}),
        rescue=_rescue(context, previous),
        mirror=_copies(context, previous, CONTROL),
        timed=_timed(context),
        by_pod=_by_pod(context),
    )
    return _ask(context, split)


def _timed(context: RolloutContext) -> bool:
    """Only where a gate asks: each bucket of latency is a counter in every gateway pod."""
    return any(ComparedLatencies in gate.needs for gate in context.gates)


def _by_pod(context: RolloutContext) -> bool:
    """Only where a gate compares failures: each pod has some counters in every gateway pod."""
    return any(ComparedTries in gate.needs for gate in context.gates)


def _rescue(context: RolloutContext, revision: str) -> str | None:
    return revision if context.observation.capabilities.rescue else None


def _mirror(context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting) -> Mirror | None:
    if setting.weight == EVERYTHING:
        # Nobody asks stable any more: copies keep it comparable.
        return _copies(context, stable.revision, CONTROL)
    if setting.weight and _stickiness(context):
        # Each user has one version, so the users of both differ, however many requests they send. Versions are
        # compared on the same requests. Stable answers no more than before: what the candidate took, and no copy else.
        return _copies(context, stable.revision, EVERYTHING, source=candidate.revision)
    return _copies(context, candidate.revision, setting.mirror)


def _copies(context: RolloutContext, revision: str, percentage: int, source: str | None = None) -> Mirror | None:
    if not percentage or not context.observation.capabilities.mirror:
        return None
    return Mirror(revision=revision, percentage=percentage, source=source)


def _match(context: RolloutContext, candidate: Candidate) -> tuple[HeaderMatch, ...]:
    if not context.observation.capabilities.header_match:
        return ()
    matches = matches_of(context.spec.strategy)
    return tuple(HeaderMatch(headers=match.headers, revision=candidate.revision) for match in matches)


def _stickiness(context: RolloutContext) -> Stickiness | None:
    canary = context.spec.strategy.canary
    if not context.observation.capabilities.stickiness:
        return None
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
