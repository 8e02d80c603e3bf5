"""A candidate on trial: one function for each phase."""

from typing import assert_never

from penstock_controller.api import duration
from penstock_controller.api.v1alpha1 import Candidate, Phase
from penstock_controller.rollout import attempt, routing
from penstock_controller.rollout.actions import ScaleWorkload
from penstock_controller.rollout.observation import Refused, Unresolved, Wanted, Workload
from penstock_controller.rollout.situation import SHORTLY, SOON, Situation, Step, waiting
from penstock_controller.rollout.timestamps import seconds_since


def advance(situation: Situation, candidate: Candidate) -> Step:
    """Take the candidate one stage further."""
    match situation.status.phase:
        case Phase.PROMOTING:
            return _promote(situation, candidate)
        case Phase.ROLLING_BACK:
            return _roll_back(situation, candidate)
        case _:
            return _progress(situation, candidate)


def _progress(situation: Situation, candidate: Candidate) -> Step:
    successor = _successor(situation, candidate)
    if successor:
        return attempt.supersede(situation, candidate, successor)
    workload = situation.workload(candidate.revision)
    if workload is None:
        actions = (attempt.create(candidate, situation.replicas),)
        return waiting(situation, candidate, "its Deployment is being made", actions=actions, look_again=SOON)
    if workload.replicas != situation.replicas:
        scale = ScaleWorkload(revision=candidate.revision, replicas=situation.replicas)
        return waiting(situation, candidate, "its Deployment is being scaled", actions=(scale,), look_again=SOON)
    if workload.ready < situation.replicas:
        return _wait_for_pods(situation, candidate, workload)
    return _introduce(situation, candidate)


def _successor(situation: Situation, candidate: Candidate) -> str:
    """The version that takes the candidate's place; empty: none. An unknown target changes nothing."""
    match situation.observation.target:
        case Wanted(revision=revision, version=version):
            return "" if revision == candidate.revision else version
        case Refused(version=version):
            return version
        case Unresolved():
            return ""
        case never:
            assert_never(never)


def _wait_for_pods(situation: Situation, candidate: Candidate, workload: Workload) -> Step:
    problem = f": {workload.problem}" if workload.problem else ""
    why = f"{workload.ready} of {situation.replicas} pods are ready{problem}"
    deadline = situation.spec.progress_deadline
    if seconds_since(candidate.started_at, situation.observation.now) <= duration.seconds(deadline):
        return waiting(situation, candidate, why, look_again=SHORTLY)
    message = f"after {deadline} (spec.progressDeadline) {why}"
    refusal = attempt.refusal_of(situation, candidate, "ProgressDeadlineExceeded", message)
    return attempt.fail(situation, candidate, refusal)


def _introduce(situation: Situation, candidate: Candidate) -> Step:
    """All pods are ready. The gateway gets to know them with weight 0 before any request is sent to them."""
    stable, traffic = situation.status.stable, situation.status.traffic
    if stable and not routing.known(traffic, candidate.revision):
        wish = situation.weighted(stable.revision, candidate.revision)
        why = "its pods are ready; the gateway gets to know them"
        return waiting(situation, candidate, why, traffic=wish, look_again=SOON)
    reachable = routing.reachable_everywhere(candidate.revision, situation.replicas, situation.observation.gateways)
    if stable and not (situation.acknowledged() and reachable):
        return waiting(situation, candidate, routing.waiting_for(traffic, situation.observation), look_again=SOON)
    wish = situation.weighted(candidate.revision, *((stable.revision,) if stable else ()))
    why = "the gateway moves all requests to it"
    return waiting(situation, candidate, why, traffic=wish, phase=Phase.PROMOTING, look_again=SOON)


def _promote(situation: Situation, candidate: Candidate) -> Step:
    """Everything is asked to go to the candidate. What was asked is finished or taken back, never left half done."""
    workload = situation.workload(candidate.revision)
    if situation.status.stable and (workload is None or workload.ready == 0):
        why = (workload.problem if workload else "its Deployment is gone") or "no pod is ready"
        return _take_back(situation, candidate, why)
    reachable = routing.reachable_everywhere(candidate.revision, 1, situation.observation.gateways)
    if situation.acknowledged() and reachable:
        return attempt.promote(situation, candidate)
    why = routing.waiting_for(situation.status.traffic, situation.observation)
    return waiting(situation, candidate, why, look_again=SOON)


def _take_back(situation: Situation, candidate: Candidate, why: str) -> Step:
    """Requests may already go to the candidate: first the gateway takes them back, then the attempt ends."""
    message = f"its pods left while requests moved to it: {why}"
    refusal = attempt.refusal_of(situation, candidate, "CandidateUnavailable", message)
    status = situation.status.model_copy(update={"phase": Phase.ROLLING_BACK, "refused": refusal})
    return _roll_back(situation.with_status(status), candidate)


def _roll_back(situation: Situation, candidate: Candidate) -> Step:
    stable, refused = situation.status.stable, situation.status.refused
    if stable is None or refused is None:
        # Only reached with a status that was edited by hand: there is nothing to go back to.
        refusal = attempt.refusal_of(situation, candidate, "CandidateUnavailable", "there is no stable version")
        return attempt.fail(situation, candidate, refusal)
    wish = situation.weighted(stable.revision, candidate.revision)
    if wish is situation.status.traffic and situation.acknowledged():
        return attempt.fail(situation, candidate, refused)
    why = f"requests go back to version {stable.version}; " + routing.waiting_for(wish, situation.observation)
    return waiting(situation, candidate, why, traffic=wish, look_again=SOON)
