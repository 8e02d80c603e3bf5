"""Status conditions after kstatus: Ready says whether users are served, Reconciling and Stalled whether it moves."""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, Condition, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout import children, outside, sizing, write_back
from penstock_controller.rollout.attempt import BY_HAND
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.decision import RevisionAction
from penstock_controller.rollout.live_data import monitoring
from penstock_controller.rollout.observation import Observation, Unresolved
from penstock_controller.rollout.registry_entry import Writing
from penstock_controller.rollout.serving import service
from penstock_controller.rollout.timestamps import stamp

_REASONS = {Writing.AWAY: Reason.REGISTRY_AWAY, Writing.REFUSED: Reason.REGISTRY_REFUSED}
_UNNAMED = "what the spec names is not there: status.message says what to mend"


def conditions(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    observation: Observation,
    before: tuple[Condition, ...],
    actions: tuple[RevisionAction, ...],
    *,
    beside: tuple[ConditionState, ...] = (),
) -> tuple[Condition, ...]:
    """The conditions of a status. A condition that did not change its status keeps its transition time.

    `actions`: what this pass wants done. `beside`: those that not every resource has.
    """
    judgements = (
        _ready(status, observation),
        _reconciling(spec, status, observation),
        _stalled(status, observation),
        _registry(status, observation, before),
        _children(observation, before, actions),
        *monitoring.judgements(spec, status, observation, before),
        *outside.judgements(spec, observation),
        *beside,
    )
    return tuple(_condition(judgement, observation, before) for judgement in judgements)


def reason(found: tuple[Condition, ...]) -> str:
    """The one word that a table has room for: what needs a person, else what users lack, else what is under way."""
    by_type = {condition.type: condition for condition in found}
    order = (
        ("Stalled", "True"),
        ("Ready", "False"),
        ("Ready", "Unknown"),
        (children.APPLIED, "False"),
        ("Reconciling", "True"),
    )
    for kind, tells in order:
        condition = by_type.get(kind)
        if condition and condition.status == tells:
            return condition.reason
    return by_type["Ready"].reason if "Ready" in by_type else ""


def _condition(judgement: ConditionState, observation: Observation, before: tuple[Condition, ...]) -> Condition:
    word = "Unknown" if judgement.status is None else str(judgement.status)
    old = next((item for item in before if item.type == judgement.type and item.status == word), None)
    return Condition(
        type=judgement.type,
        status=word,
        reason=judgement.reason,
        message=judgement.message[:4096],
        last_transition_time=old.last_transition_time if old else stamp(observation.now),
        observed_generation=observation.generation,
    )


def _ready(status: ModelDeploymentStatus, observation: Observation) -> ConditionState:
    found = service(status, observation)
    # A sentence stands in one place: at rest, status.message says it.
    message = "status.message says why" if status.message.startswith(found.message) else found.message
    return ConditionState(type="Ready", status=found.answers, reason=found.reason, message=message)


def _reconciling(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> ConditionState:
    """Its messages say what is under way; how far it is stands in status.message, once."""
    if status.candidate or status.previous:
        what = "a new version is on trial" if status.candidate else "a promoted version bakes"
        message = f"attempt {status.attempt}: {what}"
        return ConditionState(type="Reconciling", status=True, reason=status.phase.value, message=message)
    stable = status.stable
    if stable is None:
        moving = not _stuck(status, observation)
        message = "the first version is on its way" if moving else "nothing is under way"
        return ConditionState(type="Reconciling", status=moving, reason=status.phase.value, message=message)
    workload = observation.workloads.get(stable.revision)
    ready = workload.ready if workload else 0
    asked = sizing.requested_pods(spec, workload)
    if ready != asked:
        message = f"{ready} of {asked} pods of version {stable.version} are ready"
        return ConditionState(type="Reconciling", status=True, reason=Reason.PODS_NOT_READY, message=message)
    if observation.turn:
        message = "another attempt is to begin when its turn comes"
        return ConditionState(type="Reconciling", status=True, reason=Reason.QUEUED, message=message)
    return ConditionState(type="Reconciling", status=False, reason=Reason.SETTLED, message="nothing is under way")


def _stuck(status: ModelDeploymentStatus, observation: Observation) -> bool:
    target = observation.target
    return status.refused is not None or (isinstance(target, Unresolved) and target.permanent)


def _stalled(status: ModelDeploymentStatus, observation: Observation) -> ConditionState:
    if status.candidate is None and status.previous is None and status.refused:
        known = {*BY_HAND, Reason.PREFLIGHT_FAILED}
        by_itself = status.refused.revision is not None and status.refused.reason not in known
        reason = Reason.ROLLED_BACK if by_itself else status.refused.reason
        again = (
            "the alias moves, the spec changes, or retry" if status.refused.revision else "another one is registered"
        )
        message = f"version {status.refused.version} is not tried again before {again}; status.message says why"
        return ConditionState(type="Stalled", status=True, reason=reason, message=message)
    target = observation.target
    if isinstance(target, Unresolved) and target.permanent:
        return ConditionState(type="Stalled", status=True, reason=target.reason, message=_UNNAMED)
    undecided = next((gate for gate in status.gates if gate.stage is AttemptStage.PREFLIGHT), None)
    if status.candidate is None and undecided and undecided.verdict is Verdict.INCONCLUSIVE:
        message = f"gate {undecided.name} cannot say whether the version may start: status.message says why"
        return ConditionState(type="Stalled", status=True, reason=undecided.reason, message=message)
    return ConditionState(type="Stalled", status=False, reason=Reason.NOT_STALLED, message="")


def _children(
    observation: Observation, before: tuple[Condition, ...], actions: tuple[RevisionAction, ...]
) -> ConditionState:
    good, reason, message = children.applied_state(observation)
    known = next((item for item in before if item.type == children.APPLIED and item.status == "False"), None)
    if good and actions and known:
        # A controller that has just started has asked for nothing yet: what was refused stands until it has.
        good, reason, message = False, known.reason, known.message
    return ConditionState(type=children.APPLIED, status=good, reason=reason, message=message)


def _registry(status: ModelDeploymentStatus, observation: Observation, before: tuple[Condition, ...]) -> ConditionState:
    if observation.registry_problem:
        message = f"{observation.registry_problem}; what serves goes on, nothing new starts"
        return ConditionState(type="RegistryReachable", status=False, reason=Reason.REGISTRY_AWAY, message=message)
    if observation.alias_mover:
        message = (
            f"{observation.alias_mover}, which is older, moves the same spec.registry.liveAlias of this model: "
            "give one of the two another"
        )
        return ConditionState(type="RegistryReachable", status=False, reason=Reason.LIVE_ALIAS_TAKEN, message=message)
    return _unwritten(status, observation, before) or ConditionState(
        type="RegistryReachable", status=True, reason=Reason.ANSWERED, message=status.registry_write.problem
    )


def _unwritten(
    status: ModelDeploymentStatus, observation: Observation, before: tuple[Condition, ...]
) -> ConditionState | None:
    """What keeps the registry from showing an outcome or the live alias; None: nothing that is known."""
    waiting = write_back.due(status, moves_alias=not observation.alias_mover)
    for answer in observation.registry_answers:
        reason = _REASONS.get(answer.writing)
        if reason and answer.entry in waiting:
            return ConditionState(type="RegistryReachable", status=False, reason=reason, message=answer.message)
    if not waiting or observation.registry_answers:
        return None
    # A controller that has just started has asked for nothing yet: what was known stands until it has.
    known = next((item for item in before if item.type == "RegistryReachable"), None)
    if known is None or known.reason not in _REASONS.values():
        return None
    return ConditionState(type=known.type, status=False, reason=known.reason, message=known.message)
