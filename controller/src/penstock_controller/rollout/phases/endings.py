"""Why an attempt on trial must end without a promotion."""

from collections.abc import Callable
from typing import assert_never

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Candidate, Completion, Ending
from penstock_contracts.base import evolve
from penstock_controller.rollout import routing, verdicts
from penstock_controller.rollout.context import RolloutContext, Transition
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_controller.rollout.phases import pods, rolling_back


def unless_it_ends(
    context: RolloutContext, candidate: Candidate, go_on: Callable[[Candidate], Transition]
) -> Transition:
    """Go on with the candidate, as it is known now, or begin to take it away where there is a reason to."""
    candidate = _watch(context, candidate)
    ending = _reason_to_end(context, candidate)
    return rolling_back.begin(context, candidate, ending) if ending else go_on(candidate)


def _watch(context: RolloutContext, candidate: Candidate) -> Candidate:
    """The candidate with the time since when it gets requests and has no pod that is ready, while stable has one."""
    gets, stable = routing.sends(context.status.traffic, candidate.revision), context.status.stable
    # Where a node is lost, or thought to be, both are gone: that is not the candidate's fault.
    both = stable is not None and not context.ready(stable.revision)
    gone = gets and not both and not context.ready(candidate.revision)
    since = context.gone_since(candidate.unavailable_since, gone=gone)
    return evolve(candidate, unavailable_since=since)


def _reason_to_end(context: RolloutContext, candidate: Candidate) -> Ending | None:
    """Why the attempt must end without a promotion; None: it may go on."""
    if context.status.stable is None and candidate.promoting:
        # There is nothing to go back to: what was asked of the gateway is finished, unless its pods are gone.
        return _unavailable(context, candidate)
    return _superseded(context, candidate) or verdicts.shown_worse(context) or _unavailable(context, candidate)


def _superseded(context: RolloutContext, candidate: Candidate) -> Ending | None:
    successor = _successor(context, candidate)
    if not successor:
        return None
    message = f"version {successor} took its place before it was promoted"
    return Ending(completion=Completion.SUPERSEDED, reason=Reason.SUPERSEDED, message=message)


def _successor(context: RolloutContext, candidate: Candidate) -> str:
    """The version that takes the candidate's place; empty: none. An unknown target changes nothing."""
    match context.observation.target:
        case Wanted(revision=revision, version=version):
            return "" if revision == candidate.revision else version
        case RefusedVersion(version=version):
            return version
        case Unresolved():
            return ""
        case never:
            assert_never(never)


def _unavailable(context: RolloutContext, candidate: Candidate) -> Ending | None:
    since = candidate.unavailable_since
    if not context.out_of_patience(since):
        return None
    why = pods.why_none_is_ready(context, candidate)
    message = f"none of its pods was ready for two intervals (since {since}){why}"
    return Ending(completion=Completion.ROLLED_BACK, reason=Reason.CANDIDATE_UNAVAILABLE, message=message)
