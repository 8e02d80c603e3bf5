"""The rollout engine: one frozen observation and the last status in, one decision out. Pure.

Each pass starts from what it sees, so one that was cut short, or that runs twice, ends in the same place. Pointers say
what is what: `stable` serves, `candidate` is on trial, `retiring` finishes what it has. Promotion moves a pointer.

Upwards:   pods, ready, gateway knows the endpoints, desired weight, acknowledged by every gateway pod, applied.
Downwards: weight 0, acknowledged by every gateway pod, drain, gateway forgets it, pods leave.
"""

from typing import assert_never

from penstock_contracts.api import duration
from penstock_contracts.api.status import ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.gates.catalogue import GateCatalogue, gates_of, preflight_of
from penstock_controller.rollout import (
    adoption,
    children,
    clock,
    commands,
    course,
    forecast,
    hold,
    live_evidence,
    notifications,
    observed_shares,
    reading_times,
    replays,
    routing,
    sick_pods,
    sizing,
    slots,
    traffic_support,
    verdicts,
    write_back,
)
from penstock_controller.rollout.conditions import conditions, reason
from penstock_controller.rollout.context import RolloutContext, Transition
from penstock_controller.rollout.decision import Decision, RevisionAction
from penstock_controller.rollout.live_data import monitoring
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.phases import (
    baking,
    canary,
    draining,
    endings,
    initializing,
    promoting,
    rolling_back,
    steady,
)
from penstock_controller.rollout.standing import (
    Baking,
    Initializing,
    OnTrial,
    Promoting,
    RollingBack,
    Steady,
    standing_of,
)
from penstock_controller.rollout.timestamps import stamp
from penstock_controller.rollout.training import retraining


def advance(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    observation: Observation,
    catalogue: GateCatalogue = gates_of,
) -> Decision:
    """Decide what this pass does. `catalogue`: which gates the spec names."""
    context = _recover(spec, status, observation, catalogue)
    context = context.with_status(verdicts.judge(context))
    context = context.with_status(forecast.update(context))
    handled = commands.handle(context)
    context = handled.context
    step = _advance(context)
    retired = draining.advance(step.status, observation, context.timeout)
    actions = (
        *_keep_stable(context),
        *sick_pods.replacements(context.status, observation),
        *children.restorations(context.status, observation),
        *step.actions,
        *children.marks(retired.status, observation),
        *retired.actions,
    )
    shown = write_back.update(spec, status, _report(retired.status, observation), observation)
    rolled = slots.update(sizing.remember_minimum(spec, shown, observation), observation)
    trained = retraining.advance(spec, monitoring.update(spec, rolled, observation), observation)
    told = (
        *handled.announcements,
        *step.announcements,
        *course.announcements(spec, status, trained.status),
        *observed_shares.announcements(status, trained.status),
        *sick_pods.announcements(status, context.status),
        *monitoring.announcements(status, trained.status, observation),
        *trained.announcements,
    )
    notified = notifications.update(spec, status, trained.status, told, observation)
    final = notified.status
    read = reading_times.next_due(spec, final, observation.now)
    # Another version is wanted from the next pass on.
    turned = 0.0 if final.hold != status.hold else None
    alarms = (step.requeue_after, retired.requeue_after, read, sizing.next_due(final), turned, trained.requeue_after)
    dues = [due for due in alarms if due is not None]
    found = (
        trained.judgement,
        traffic_support.judgement(context),
        observed_shares.judgement(final),
        replays.judgement(spec, observation),
        live_evidence.judgement(spec, final, observation),
        sick_pods.judgement(final, observation),
    )
    beside = tuple(item for item in found if item)
    judged = conditions(spec, final, observation, status.conditions, actions, beside=beside)
    since = _phase_since(status, final, observation)
    return Decision(
        status=evolve(final, conditions=judged, reason=reason(judged), phase_since=since),
        actions=(*dict.fromkeys(actions), *trained.actions),
        announcements=(*told, *notified.announcements),
        requeue_after=min(dues, default=None),
    )


def _advance(context: RolloutContext) -> Transition:
    """The room of the phase that the pointers name. What a pass finds may lead on into another one."""
    match standing_of(context.status):
        case Steady():
            return steady.advance(context)
        case Initializing(candidate=candidate):
            return endings.unless_it_ends(context, candidate, lambda known: initializing.advance(context, known))
        case OnTrial(candidate=candidate, stable=stable):
            return endings.unless_it_ends(context, candidate, lambda known: canary.advance(context, known, stable))
        case Promoting(candidate=candidate):
            return endings.unless_it_ends(context, candidate, lambda known: promoting.advance(context, known))
        case RollingBack(candidate=candidate, ending=ending):
            return rolling_back.advance(context, candidate, ending)
        case Baking(stable=stable, previous=previous):
            return baking.advance(context, stable, previous)
        case never:
            assert_never(never)


def _phase_since(before: ModelDeploymentStatus, after: ModelDeploymentStatus, observation: Observation) -> str:
    if before.phase is after.phase and before.phase_since:
        return before.phase_since
    return stamp(observation.now)


def _recover(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation, catalogue: GateCatalogue
) -> RolloutContext:
    """The last status, rebuilt where it was lost, with what the gateway pods have acknowledged since."""
    status = adoption.adopt(status, observation, duration.seconds(spec.predictor.timeout))
    status = hold.follow(clock.rebase(status, observation.now, resumed=observation.resumed), observation)
    traffic = routing.with_applied(status.traffic, observation.gateways)
    return RolloutContext(
        spec=spec,
        status=evolve(status, traffic=traffic),
        observation=observation,
        gates=catalogue(spec.analysis),
        preflight=preflight_of(spec.analysis),
    )


def _keep_stable(context: RolloutContext) -> tuple[RevisionAction, ...]:
    """Invariants 2 and 13: stable, and in the bake previous, keep their pods or get them again, whatever happens."""
    pointers = [pointer for pointer in (context.status.stable, context.status.previous) if pointer]
    floor = sizing.minimum(context.spec, context.status, context.observation)
    return tuple(action for pointer in pointers for action in _keep_pods(context, pointer, floor))


def _keep_pods(context: RolloutContext, pointer: Revision, floor: int) -> tuple[RevisionAction, ...]:
    workload = context.workload(pointer.revision)
    if workload is None:
        # Somebody deleted its Deployment: it is made again from its own record, whatever is wanted now.
        return (children.create(pointer, context.replicas),)
    return sizing.resize(context.spec, workload, floor)


def _report(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """The status with what users are shown of this pass: the weight is the applied one."""
    candidate = status.candidate
    if candidate:
        share = routing.applied_weight(status.traffic, candidate.revision)
        candidate = evolve(candidate, weight=share)
    url = observation.url or None
    return evolve(status, observed_generation=observation.generation, candidate=candidate, url=url)
