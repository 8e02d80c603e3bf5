"""Progressing and Paused: a candidate on trial climbs its steps, and its gates watch.

Each pass starts at the top and stops at the first thing that is not there yet.
"""

from penstock_contracts.api import duration
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, Candidate, Completion, Ending, Phase, Stable
from penstock_contracts.api.strategy import CanaryStep, Pause
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb, annotation
from penstock_controller.rollout import commands, routing, sizing, splits, verdicts
from penstock_controller.rollout.context import SHORTLY, SOON, RolloutContext, Transition, holding, waiting
from penstock_controller.rollout.phases import deadline, pods, promoting, rolling_back
from penstock_controller.rollout.steps import Setting, setting_at, size_at, steps_of
from penstock_controller.rollout.timestamps import exact_stamp, later, seconds_since


def advance(context: RolloutContext, candidate: Candidate, stable: Stable) -> Transition:
    """Take the candidate one stage further, or wait for what comes next."""
    return deadline.run(context, _progress(context, candidate, stable))


def _progress(context: RolloutContext, candidate: Candidate, stable: Stable) -> Transition:
    held = _held(context, candidate)
    if held:
        return holding(context, candidate, held, phase=Phase.PAUSED, requeue_after=None)
    steps = steps_of(context.spec.strategy)
    if candidate.promote_full and candidate.step < len(steps):
        candidate = evolve(candidate, step=len(steps), step_since=None)
    setting = setting_at(steps, candidate.step)
    missing = _reach(context, candidate, stable, setting, _size(context, candidate))
    if missing:
        return missing
    if candidate.step_since is None:
        reached = exact_stamp(context.observation.now)
        candidate = evolve(candidate, step_since=reached)
        context = context.with_status(verdicts.begin_step(context.status))
    if candidate.step >= len(steps):
        may = candidate.promote_full or verdicts.may_promote(context)
        return _finish(context, candidate) if may else _undecided(context, candidate)
    return _dwell(context, candidate, steps[candidate.step], setting)


def _held(context: RolloutContext, candidate: Candidate) -> str:
    """Why it stays at its step; empty: nobody wants that."""
    if context.spec.paused:
        return "paused (spec.paused)"
    word = commands.place(context.status)
    return f"paused by a person; annotate {annotation(Verb.RESUME)}={word} to go on" if candidate.paused else ""


def _size(context: RolloutContext, candidate: Candidate) -> int:
    """Pods for what the steps ask for, and for what the gateway still sends where that was more."""
    total = context.replicas
    now = Setting(weight=routing.largest_weight(context.status.traffic, candidate.revision))
    size = max(size_at(steps_of(context.spec.strategy), candidate.step, total), now.replicas(total))
    return sizing.cap(context.spec, size)


def _reach(
    context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting, size: int
) -> Transition | None:
    """Upwards in this order: pods, ready, known to every gateway pod, weight. None: all of it is there."""
    traffic = context.status.traffic
    falls = setting.weight < routing.largest_weight(traffic, candidate.revision)
    # Above what is asked already it rises, whatever a gateway pod that is behind may still be sending.
    if falls and setting.weight <= routing.desired_weight(traffic, candidate.revision):
        # Downwards nothing is waited for, whatever has become of its pods.
        lowered = _share(context, candidate, stable, setting)
        if lowered:
            return lowered
    return (
        pods.missing(context, candidate, size)
        or _introduction(context, candidate, stable, setting, size)
        or _share(context, candidate, stable, setting)
    )


def _introduction(
    context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting, size: int
) -> Transition | None:
    """The gateway gets to know the candidate's pods before any request, or any more of them, is sent to them."""
    traffic = context.status.traffic
    if not routing.knows(traffic, candidate.revision):
        desired = splits.only(context, stable.revision, candidate.revision)
        why = "its pods are ready; the gateway gets to know them"
        return waiting(context, candidate, why, traffic=desired, requeue_after=SOON)
    rises = setting.weight > routing.desired_weight(traffic, candidate.revision)
    if routing.asks(traffic, candidate.revision) and not rises:
        return None
    reachable = routing.reachable_everywhere(candidate.revision, size, context.observation.gateways)
    if context.acknowledged() and reachable:
        return None
    return waiting(context, candidate, routing.waiting_for(traffic, context.observation), requeue_after=SOON)


def _share(context: RolloutContext, candidate: Candidate, stable: Stable, setting: Setting) -> Transition | None:
    desired = splits.trial(context, candidate, stable, setting)
    if desired is context.status.traffic and context.acknowledged():
        return None
    why = f"the gateway moves {setting.weight} % of the requests to it: "
    why += routing.waiting_for(desired, context.observation)
    return waiting(context, candidate, why, traffic=desired, requeue_after=SOON)


def _dwell(context: RolloutContext, candidate: Candidate, step: CanaryStep, setting: Setting) -> Transition:
    """A pause lasts until it is over and every gate that can gather evidence has its samples."""
    if step.pause:
        held = _pause(context, candidate, step.pause)
        if held:
            return held
        lacking = verdicts.lacking(context.with_candidate(candidate), setting)
        if lacking:
            return _wait_for(context, candidate, lacking, _where(context, candidate))
    return holding(
        context,
        evolve(candidate, step=candidate.step + 1, step_since=None, pause_ended=False),
        f"{_where(context, candidate)} is done",
        requeue_after=0.0,
    )


def _where(context: RolloutContext, candidate: Candidate) -> str:
    steps = len(steps_of(context.spec.strategy))
    share = routing.applied_weight(context.status.traffic, candidate.revision)
    return f"step {min(candidate.step + 1, steps)} of {steps}, {share} % of the requests"


def _pause(context: RolloutContext, candidate: Candidate, pause: Pause) -> Transition | None:
    """The step that holds; None: the pause is over."""
    if candidate.pause_ended:
        return None
    where, now = _where(context, candidate), context.observation.now
    if pause.duration is None:
        word = commands.place(context.status)
        why = f"{where}: waits for a person; annotate {annotation(Verb.PROMOTE)}={word} to go on"
        return holding(context, candidate, why, phase=Phase.PAUSED, requeue_after=None)
    length = duration.seconds(pause.duration)
    left = length - seconds_since(candidate.step_since or exact_stamp(now), now)
    if left <= 0:
        return None
    why = f"{where}: pause of {pause.duration} until {later(now, left)}"
    why += verdicts.in_words(context.status, AttemptStage.TRIAL)
    return holding(context, candidate, why, requeue_after=left)


def _finish(context: RolloutContext, candidate: Candidate) -> Transition:
    """All its pods are ready: it gets everything."""
    if not routing.reachable_everywhere(candidate.revision, context.replicas, context.observation.gateways):
        return waiting(context, candidate, "the gateway gets to know all of its pods", requeue_after=SOON)
    return promoting.begin(context, candidate)


def _undecided(context: RolloutContext, candidate: Candidate) -> Transition:
    shortages = verdicts.undecided(context)
    if verdicts.must_roll_back(context):
        message = f"all steps are done and a gate cannot say (onInconclusive: Rollback): {_told(shortages)}"
        ending = Ending(completion=Completion.ROLLED_BACK, reason=Reason.INCONCLUSIVE, message=message)
        return rolling_back.begin(context, candidate, ending)
    return _wait_for(context, candidate, shortages, "all steps are done")


def _wait_for(
    context: RolloutContext, candidate: Candidate, shortages: tuple[verdicts.Shortage, ...], where: str
) -> Transition:
    """Wait for gates. While all have deadlines of their own, the clock of spec.progressDeadline stands still."""
    left = {one: verdicts.time_left(context, one.gate) for one in shortages}
    late = next((one for one, seconds in left.items() if seconds is not None and seconds <= 0), None)
    if late:
        message = f"{deadline.in_words(late.gate.deadline or 0)} are over (deadline of {late.gate.name}): {late.why}"
        ending = Ending(completion=Completion.ROLLED_BACK, reason=Reason.PROGRESS_DEADLINE_EXCEEDED, message=message)
        return rolling_back.begin(context, candidate, ending)
    why = f"{where}: {_told(shortages)}"
    known = [seconds for seconds in left.values() if seconds is not None]
    if len(known) < len(left):
        return waiting(context, candidate, why, requeue_after=SHORTLY)
    return holding(context, candidate, why, requeue_after=min(known))


def _told(shortages: tuple[verdicts.Shortage, ...]) -> str:
    return "; ".join(one.why for one in shortages)
