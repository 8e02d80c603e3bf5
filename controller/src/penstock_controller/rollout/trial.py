"""A candidate on trial: pods, an introduction to the gateway, the steps, the gates, everything. Or the way back.

Each pass starts at the top and stops at the first thing that is not there yet.
"""

from dataclasses import replace
from typing import assert_never

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import OnInconclusive
from penstock_contracts.api.status import AttemptStage, Candidate, Completion, Ending, Phase, Stable
from penstock_contracts.api.strategy import CanaryStep, Pause
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb, annotation
from penstock_controller.rollout import attempt, children, routing, sizing, verbs, verdicts, wishes
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_controller.rollout.situation import SHORTLY, SOON, Situation, Step, holding, waiting
from penstock_controller.rollout.steps import EVERYTHING, Setting, setting_at, size_at, steps_of
from penstock_controller.rollout.timestamps import exact_stamp, later, seconds_since, stamp


def advance(situation: Situation, candidate: Candidate) -> Step:
    """Take the candidate one stage further."""
    candidate = _watched(situation, candidate)
    ending = candidate.ending or _ending(situation, candidate)
    if ending:
        return take_away(situation, candidate, ending)
    stable = situation.status.stable
    if stable is None:
        return _timed(situation, _first(situation, candidate))
    if situation.status.phase is Phase.PROMOTING:
        return _promote(situation, candidate, stable)
    return _timed(situation, _progress(situation, candidate, stable))


def _watched(situation: Situation, candidate: Candidate) -> Candidate:
    """The candidate with the time since when it gets requests and has no pod that is ready, while stable has one."""
    gets, stable = routing.sends(situation.status.traffic, candidate.revision), situation.status.stable
    # Where a node is lost, or thought to be, both are gone: that is not the candidate's fault.
    both = stable is not None and not situation.ready(stable.revision)
    gone = gets and not both and not situation.ready(candidate.revision)
    since = situation.gone_since(candidate.unavailable_since, gone=gone)
    return evolve(candidate, unavailable_since=since)


def _ending(situation: Situation, candidate: Candidate) -> Ending | None:
    """Why the attempt must end without a promotion; None: it may go on."""
    if situation.status.stable is None and situation.status.phase is Phase.PROMOTING:
        # There is nothing to go back to: what was asked of the gateway is finished, unless its pods are gone.
        return _unavailable(situation, candidate)
    return _superseded(situation, candidate) or _gate_failed(situation) or _unavailable(situation, candidate)


def _superseded(situation: Situation, candidate: Candidate) -> Ending | None:
    successor = _successor(situation, candidate)
    if not successor:
        return None
    message = f"version {successor} took its place before it was promoted"
    return Ending(completion=Completion.SUPERSEDED, reason="Superseded", message=message)


def _successor(situation: Situation, candidate: Candidate) -> str:
    """The version that takes the candidate's place; empty: none. An unknown target changes nothing."""
    match situation.observation.target:
        case Wanted(revision=revision, version=version):
            return "" if revision == candidate.revision else version
        case RefusedVersion(version=version):
            return version
        case Unresolved():
            return ""
        case never:
            assert_never(never)


def _gate_failed(situation: Situation) -> Ending | None:
    gate = verdicts.failed(situation.status)
    if gate is None:
        return None
    return Ending(completion=Completion.ROLLED_BACK, reason="GateFailed", message=f"{gate.name}: {gate.message}")


def _unavailable(situation: Situation, candidate: Candidate) -> Ending | None:
    since = candidate.unavailable_since
    if not situation.out_of_patience(since):
        return None
    message = f"none of its pods was ready for two intervals (since {since})" + _problem(situation, candidate)
    return Ending(completion=Completion.ROLLED_BACK, reason="CandidateUnavailable", message=message)


def take_away(situation: Situation, candidate: Candidate, ending: Ending) -> Step:
    """No request goes to the candidate any more; when every gateway pod has acknowledged that, the attempt ends."""
    if candidate.ending is None:
        ending = evolve(ending, generation=situation.observation.generation)
        candidate = evolve(candidate, ending=ending)
    situation = situation.with_candidate(candidate)
    stable, traffic = situation.status.stable, situation.status.traffic
    if not routing.known(traffic, candidate.revision) and (stable or traffic is None):
        return attempt.end(situation, candidate, ending)
    wish = wishes.only(situation, stable.revision, candidate.revision) if stable else wishes.nothing(situation)
    if wish is traffic and situation.acknowledged():
        return attempt.end(situation, candidate, ending)
    where = f"requests go back to version {stable.version}" if stable else "nothing is left to serve"
    why = f"{ending.message}; {where}: {routing.waiting_for(wish, situation.observation)}"
    return holding(situation, candidate, why, traffic=wish, phase=Phase.ROLLING_BACK, look_again=SOON)


def _timed(situation: Situation, step: Step) -> Step:
    """Run the clock of spec.progressDeadline, or stop it. When it is over, the candidate is taken away."""
    candidate, now = step.status.candidate, situation.observation.now
    if candidate is None or step.status.phase is Phase.PROMOTING:
        return step
    spent = candidate.waited_seconds
    spent += int(seconds_since(candidate.waiting_since, now)) if candidate.waiting_since else 0
    if not step.spends:
        return _with_candidate(step, evolve(candidate, waited_seconds=spent, waiting_since=None))
    deadline = situation.spec.progress_deadline
    if spent > duration.seconds(deadline):
        message = f"after {deadline} of waiting (spec.progressDeadline): {step.spends}"
        ending = Ending(completion=Completion.ROLLED_BACK, reason="ProgressDeadlineExceeded", message=message)
        return take_away(situation, candidate, ending)
    since = candidate.waiting_since or stamp(now)
    return _with_candidate(step, evolve(candidate, waiting_since=since))


def _with_candidate(step: Step, candidate: Candidate) -> Step:
    return replace(step, status=evolve(step.status, candidate=candidate))


def _first(situation: Situation, candidate: Candidate) -> Step:
    """The first version: there is nothing to compare it with, and nobody to keep from it."""
    if situation.status.phase is not Phase.PROMOTING:
        missing = _pods(situation, candidate, situation.replicas)
        if missing:
            return missing
    wish = wishes.only(situation, candidate.revision)
    reachable = routing.reachable_everywhere(candidate.revision, 1, situation.observation.gateways)
    if wish is situation.status.traffic and situation.acknowledged() and reachable:
        return attempt.promote(situation, candidate)
    why = routing.waiting_for(wish, situation.observation)
    return waiting(situation, candidate, why, traffic=wish, phase=Phase.PROMOTING, look_again=SOON)


def _progress(situation: Situation, candidate: Candidate, stable: Stable) -> Step:
    held = _held(situation, candidate)
    if held:
        return holding(situation, candidate, held, phase=Phase.PAUSED, look_again=None)
    steps = steps_of(situation.spec.strategy)
    if candidate.promote_full and candidate.step < len(steps):
        candidate = evolve(candidate, step=len(steps), step_since=None)
    setting = setting_at(steps, candidate.step)
    missing = _reach(situation, candidate, stable, setting, _size(situation, candidate))
    if missing:
        return missing
    if candidate.step_since is None:
        reached = exact_stamp(situation.observation.now)
        candidate = evolve(candidate, step_since=reached)
        situation = situation.with_status(verdicts.begin_step(situation.status))
    if candidate.step >= len(steps):
        may = candidate.promote_full or _may_finish(situation)
        return _finish(situation, candidate, stable) if may else _undecided(situation, candidate)
    return _dwell(situation, candidate, steps[candidate.step], setting)


def _held(situation: Situation, candidate: Candidate) -> str:
    """Why it stays at its step; empty: nobody wants that."""
    if situation.spec.paused:
        return "paused (spec.paused)"
    word = verbs.place(situation.status)
    return f"paused by a person; annotate {annotation(Verb.RESUME)}={word} to go on" if candidate.paused else ""


def _size(situation: Situation, candidate: Candidate) -> int:
    """Pods for what the steps ask for, and for what the gateway still sends where that was more."""
    total = situation.replicas
    now = Setting(weight=routing.largest_weight(situation.status.traffic, candidate.revision))
    size = max(size_at(steps_of(situation.spec.strategy), candidate.step, total), now.replicas(total))
    return sizing.capped(situation.spec, size)


def _reach(situation: Situation, candidate: Candidate, stable: Stable, setting: Setting, size: int) -> Step | None:
    """Upwards in this order: pods, ready, known to every gateway pod, weight. None: all of it is there."""
    traffic = situation.status.traffic
    falls = setting.weight < routing.largest_weight(traffic, candidate.revision)
    # Above what is asked already it rises, whatever a gateway pod that is behind may still be sending.
    if falls and setting.weight <= routing.desired_weight(traffic, candidate.revision):
        # Downwards nothing is waited for, whatever has become of its pods.
        lowered = _share(situation, candidate, stable, setting)
        if lowered:
            return lowered
    return (
        _pods(situation, candidate, size)
        or _introduction(situation, candidate, stable, setting, size)
        or _share(situation, candidate, stable, setting)
    )


def _pods(situation: Situation, candidate: Candidate, size: int) -> Step | None:
    workload = situation.workload(candidate.revision)
    if workload is None:
        actions = (children.create(candidate, size),)
        return waiting(situation, candidate, "its Deployment is being made", actions=actions, look_again=SOON)
    sized = sizing.sized(situation.spec, workload, size)
    if sized:
        return waiting(situation, candidate, "its Deployment is being scaled", actions=sized, look_again=SOON)
    if workload.ready < size:
        why = f"{workload.ready} of {size} pods are ready" + _problem(situation, candidate)
        return waiting(situation, candidate, why, look_again=SHORTLY)
    return None


def _problem(situation: Situation, candidate: Candidate) -> str:
    workload = situation.workload(candidate.revision)
    return f": {workload.problem}" if workload and workload.problem else ""


def _introduction(
    situation: Situation, candidate: Candidate, stable: Stable, setting: Setting, size: int
) -> Step | None:
    """The gateway gets to know the candidate's pods before any request, or any more of them, is sent to them."""
    traffic = situation.status.traffic
    if not routing.known(traffic, candidate.revision):
        wish = wishes.only(situation, stable.revision, candidate.revision)
        why = "its pods are ready; the gateway gets to know them"
        return waiting(situation, candidate, why, traffic=wish, look_again=SOON)
    rises = setting.weight > routing.desired_weight(traffic, candidate.revision)
    if routing.asks(traffic, candidate.revision) and not rises:
        return None
    reachable = routing.reachable_everywhere(candidate.revision, size, situation.observation.gateways)
    if situation.acknowledged() and reachable:
        return None
    return waiting(situation, candidate, routing.waiting_for(traffic, situation.observation), look_again=SOON)


def _share(situation: Situation, candidate: Candidate, stable: Stable, setting: Setting) -> Step | None:
    wish = wishes.trial(situation, candidate, stable, setting)
    if wish is situation.status.traffic and situation.acknowledged():
        return None
    why = f"the gateway moves {setting.weight} % of the requests to it: "
    why += routing.waiting_for(wish, situation.observation)
    return waiting(situation, candidate, why, traffic=wish, look_again=SOON)


def _dwell(situation: Situation, candidate: Candidate, step: CanaryStep, setting: Setting) -> Step:
    """A pause lasts until it is over and every gate that can gather evidence has its samples."""
    if step.pause:
        held = _pause(situation, candidate, step.pause)
        if held:
            return held
        lacking = verdicts.lacking(situation.with_candidate(candidate), setting)
        if lacking:
            return waiting(situation, candidate, f"{_where(situation, candidate)}: {lacking}", look_again=SHORTLY)
    return holding(
        situation,
        evolve(candidate, step=candidate.step + 1, step_since=None, pause_ended=False),
        f"{_where(situation, candidate)} is done",
        look_again=0.0,
    )


def _where(situation: Situation, candidate: Candidate) -> str:
    steps = len(steps_of(situation.spec.strategy))
    share = routing.applied_weight(situation.status.traffic, candidate.revision)
    return f"step {min(candidate.step + 1, steps)} of {steps}, {share} % of the requests"


def _pause(situation: Situation, candidate: Candidate, pause: Pause) -> Step | None:
    """The step that holds; None: the pause is over."""
    if candidate.pause_ended:
        return None
    where, now = _where(situation, candidate), situation.observation.now
    if pause.duration is None:
        word = verbs.place(situation.status)
        why = f"{where}: waits for a person; annotate {annotation(Verb.PROMOTE)}={word} to go on"
        return holding(situation, candidate, why, phase=Phase.PAUSED, look_again=None)
    length = duration.seconds(pause.duration)
    left = length - seconds_since(candidate.step_since or exact_stamp(now), now)
    if left <= 0:
        return None
    why = f"{where}: pause of {pause.duration} until {later(now, left)}"
    why += verdicts.in_words(situation.status, AttemptStage.TRIAL)
    return holding(situation, candidate, why, look_again=left)


def _may_finish(situation: Situation) -> bool:
    """Promotion needs a pass from every gate, or the user's word that samples are enough."""
    return not verdicts.undecided(situation) or _promotes_undecided(situation)


def _finish(situation: Situation, candidate: Candidate, stable: Stable) -> Step:
    """All its pods are ready: it gets everything."""
    if not routing.reachable_everywhere(candidate.revision, situation.replicas, situation.observation.gateways):
        return waiting(situation, candidate, "the gateway gets to know all of its pods", look_again=SOON)
    wish = wishes.trial(situation, candidate, stable, Setting(weight=EVERYTHING))
    why = "the gateway moves all requests to it"
    return waiting(situation, candidate, why, traffic=wish, phase=Phase.PROMOTING, look_again=SOON)


def _promotes_undecided(situation: Situation) -> bool:
    return situation.spec.analysis.on_inconclusive is OnInconclusive.PROMOTE and verdicts.enough_was_seen(situation)


def _undecided(situation: Situation, candidate: Candidate) -> Step:
    why = verdicts.undecided(situation)
    if situation.spec.analysis.on_inconclusive is OnInconclusive.ROLLBACK and verdicts.enough_was_seen(situation):
        message = f"all steps are done and a gate cannot say (spec.analysis.onInconclusive: Rollback): {why}"
        ending = Ending(completion=Completion.ROLLED_BACK, reason="Inconclusive", message=message)
        return take_away(situation, candidate, ending)
    return waiting(situation, candidate, f"all steps are done; {why}", look_again=SHORTLY)


def _promote(situation: Situation, candidate: Candidate, stable: Stable) -> Step:
    """Everything is asked to go to the candidate. Then it is stable, or something fails and takes it away."""
    wish = wishes.trial(situation, candidate, stable, Setting(weight=EVERYTHING))
    reachable = routing.reachable_everywhere(candidate.revision, 1, situation.observation.gateways)
    if wish is situation.status.traffic and situation.acknowledged() and reachable:
        return attempt.promote(situation, candidate)
    why = "the gateway moves all requests to it: " + routing.waiting_for(wish, situation.observation)
    step = holding(situation, candidate, why, traffic=wish, phase=Phase.PROMOTING, look_again=SOON)
    if situation.workload(candidate.revision):
        return step
    # Somebody deleted its Deployment: all requests are on their way to it.
    return replace(step, actions=(children.create(candidate, situation.replicas),))
