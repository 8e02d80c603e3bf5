"""What is told of gates that judge by live data and labels: a condition, where they cannot. Pure."""

from penstock_contracts.api.analysis import DriftGate, LiveQualityGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.drift import DriftReason
from penstock_controller.rollout import evidence
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.monitor_answer import NO_MONITOR
from penstock_controller.rollout.observation import Observation

AVAILABLE = "LiveEvidenceAvailable"
_LACKS = {
    *(Reason.NO_MONITOR, Reason.MONITOR_AWAY, Reason.NO_PAIRS, Reason.NO_LABELS, Reason.LABELS_UNUSABLE),
    *(Reason.COVERAGE_TOO_LOW, DriftReason.NO_REFERENCE, DriftReason.BAD_REFERENCE),
}
"""Words of gates that have nothing to judge by."""
_RESTS = "they judge while a version is on trial or bakes"


def judgement(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation
) -> ConditionState | None:
    """The condition; None: no gate judges by live data."""
    named = {gate.name for gate in spec.analysis.gates or () if isinstance(gate, LiveQualityGate | DriftGate)}
    if not named:
        return None
    if not observation.monitoring.installed:
        return ConditionState(type=AVAILABLE, status=False, reason=Reason.NO_MONITOR, message=NO_MONITOR)
    stage = evidence.stage_of(status)
    judged = [gate for gate in status.gates if gate.name in named and gate.stage is stage]
    if not judged:
        return ConditionState(type=AVAILABLE, status=True, reason=Reason.NOT_ASKED, message=_RESTS)
    lacking = next((gate for gate in judged if gate.reason in _LACKS), None)
    if lacking:
        message = f"{lacking.name}: {lacking.message}"
        return ConditionState(type=AVAILABLE, status=False, reason=lacking.reason, message=message)
    return ConditionState(type=AVAILABLE, status=True, reason=Reason.ANSWERED, message="")
