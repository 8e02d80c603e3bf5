"""The rollout engine: one frozen observation and the last status in, one decision out. Pure.

Each pass starts from what it sees, so one that was cut short, or that runs twice, ends in the same place. Pointers say
what is what: `stable` serves, `candidate` is on trial, `retiring` finishes what it has. Promotion moves a pointer.

Upwards:   pods, ready, gateway knows the endpoints, desired weight, acknowledged by every gateway pod, applied.
Downwards: weight 0, acknowledged by every gateway pod, drain, gateway forgets it, pods leave.
"""

from penstock_contracts.api import duration
from penstock_contracts.api.status import ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.gates.catalogue import GateCatalogue, gates_of
from penstock_controller.rollout import (
    adoption,
    bake,
    children,
    clock,
    evidence,
    hold,
    monitoring,
    outcome,
    rest,
    retirement,
    retraining,
    routing,
    sizing,
    trial,
    turn,
    verbs,
    verdicts,
)
from penstock_controller.rollout.actions import Action, Decision
from penstock_controller.rollout.conditions import conditions, reason
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.situation import Situation, Step
from penstock_controller.rollout.timestamps import stamp


def advance(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    observation: Observation,
    catalogue: GateCatalogue = gates_of,
) -> Decision:
    """Decide what this pass does. `catalogue`: which gates the spec names."""
    situation = _recovered(spec, status, observation, catalogue)
    situation = situation.with_status(verdicts.judge(situation))
    heard = verbs.heard(situation)
    situation = heard.situation
    step = _phase(situation)
    retired = retirement.advance(step.status, observation, situation.timeout)
    actions = (
        *_keep_stable(situation),
        *children.restorations(situation.status, observation),
        *step.actions,
        *children.marks(retired.status, observation),
        *retired.actions,
    )
    shown = outcome.noted(spec, status, _reported(retired.status, observation), observation)
    rolled = turn.noted(sizing.remembered(spec, shown, observation), observation)
    trained = retraining.advance(spec, monitoring.noted(spec, rolled, observation), observation)
    final = trained.status
    read = evidence.next_due(spec, final, observation.now)
    # Another version is wanted from the next pass on.
    turned = 0.0 if final.hold != status.hold else None
    alarms = (step.look_again, retired.look_again, read, sizing.next_due(final), turned, trained.look_again)
    dues = [due for due in alarms if due is not None]
    judged = conditions(spec, final, observation, status.conditions, actions, training=trained.judgement)
    since = _phase_since(status, final, observation)
    return Decision(
        status=evolve(final, conditions=judged, reason=reason(judged), phase_since=since),
        actions=tuple(dict.fromkeys(actions)),
        announcements=(
            *heard.announcements,
            *step.announcements,
            *monitoring.announcements(status, final, observation),
            *trained.announcements,
        ),
        job=trained.job,
        webhook=trained.webhook,
        look_again=min(dues, default=None),
    )


def _phase(situation: Situation) -> Step:
    stable, candidate, previous = situation.status.stable, situation.status.candidate, situation.status.previous
    if candidate:
        return trial.advance(situation, candidate)
    if stable and previous:
        return bake.advance(situation, stable, previous)
    return rest.advance(situation)


def _phase_since(before: ModelDeploymentStatus, after: ModelDeploymentStatus, observation: Observation) -> str:
    if before.phase is after.phase and before.phase_since:
        return before.phase_since
    return stamp(observation.now)


def _recovered(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation, catalogue: GateCatalogue
) -> Situation:
    """The last status, rebuilt where it was lost, with what the gateway pods have acknowledged since."""
    status = adoption.adopted(status, observation, duration.seconds(spec.predictor.timeout))
    status = hold.followed(clock.followed(status, observation.now, resumed=observation.resumed), observation)
    traffic = routing.with_applied(status.traffic, observation.gateways)
    return Situation(
        spec=spec,
        status=evolve(status, traffic=traffic),
        observation=observation,
        gates=catalogue(spec.analysis),
    )


def _keep_stable(situation: Situation) -> tuple[Action, ...]:
    """Invariants 2 and 13: stable, and in the bake previous, keep their pods or get them again, whatever happens."""
    pointers = [pointer for pointer in (situation.status.stable, situation.status.previous) if pointer]
    floor = sizing.kept(situation.spec, situation.status, situation.observation)
    return tuple(action for pointer in pointers for action in _kept(situation, pointer, floor))


def _kept(situation: Situation, pointer: Revision, floor: int) -> tuple[Action, ...]:
    workload = situation.workload(pointer.revision)
    if workload is None:
        # Somebody deleted its Deployment: it is made again from its own record, whatever is wanted now.
        return (children.create(pointer, situation.replicas),)
    return sizing.sized(situation.spec, workload, floor)


def _reported(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """The status with what users are shown of this pass: the weight is the applied one."""
    candidate = status.candidate
    if candidate:
        share = routing.applied_weight(status.traffic, candidate.revision)
        candidate = evolve(candidate, weight=share)
    url = observation.url or None
    return evolve(status, observed_generation=observation.generation, candidate=candidate, url=url)
