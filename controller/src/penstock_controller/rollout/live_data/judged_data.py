"""What the drift monitor says of live data, as evidence for the gate `drift`. Pure."""

from penstock_contracts.api.analysis import DriftGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import LiveData, MissingEvidence
from penstock_controller.rollout import shares
from penstock_controller.rollout.monitor_answer import Monitoring, why_missing

_OLDER = MissingEvidence(
    verdict=Verdict.ERROR,
    reason=Reason.MONITOR_AWAY,
    message="the drift monitor does not tell versions apart: it is older than this controller",
)


def part(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, monitoring: Monitoring
) -> LiveData | MissingEvidence | None:
    """The evidence, or why there is none; None: no gate needs it, or nothing is judged."""
    pointers = shares.judged_and_beside(status)
    if pointers is None or not any(isinstance(gate, DriftGate) for gate in spec.analysis.gates or ()):
        return None
    answered = monitoring.finding is not None and monitoring.is_current
    missing = why_missing(installed=monitoring.installed, away=monitoring.away, answered=answered)
    if missing:
        return missing
    if monitoring.parts is None:
        return _OLDER
    judged, found = pointers[0], monitoring.parts
    named = (each.found for each in found.predictions if (each.version, each.digest) == (judged.version, judged.digest))
    return LiveData(inputs=found.inputs, prediction=next(named, None))
