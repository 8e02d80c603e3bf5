"""The gate `drift`: live data are as the candidate expects them. It holds back a promotion, and fails nobody.

Inputs are judged once for the resource, against stable's reference sample; predictions by version, each against its
own. A version that was trained on moved data is not held back by inputs that have moved away from stable's sample: what
it predicts for them is as in its own.
"""

from dataclasses import dataclass
from typing import ClassVar

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import DriftGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.drift import DriftReason, DriftVerdict, PartialDrift
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.bounds import number_bound
from penstock_controller.gates.evidence import Evidence, LiveData
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions


@dataclass(frozen=True, kw_only=True)
class LiveDataCheck(Gate):
    """Passes what the drift monitor finds without drift, and says nothing else than that it cannot say."""

    needs: ClassVar[tuple[type, ...]] = (LiveData,)
    statistical: ClassVar[bool] = False
    sample: ClassVar[str] = "verdicts of the drift monitor"
    how_to_get_samples: ClassVar[str] = "the drift monitor has not judged what the candidate predicts"

    @classmethod
    def of(cls, entry: DriftGate) -> "LiveDataCheck":
        """The gate that a spec names."""
        return cls(name=entry.name, min_samples=1, deadline=duration.seconds(entry.deadline))

    def gathers(self, during: StepConditions) -> bool:
        """Whether the candidate answers anybody: copies are judged, too."""
        return during.weight > 0 or during.mirror > 0

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement by what the monitor says now. A pass is its only sample: what is held back is never enough."""
        found = evidence.part(LiveData)
        verdict, reason, message = _verdict(found)
        samples = int(verdict is Verdict.PASS)
        parts = [(name, part) for name, part in (("inputs", found.inputs), ("prediction", found.prediction)) if part]
        now = GateMemory(
            samples=samples,
            figures=tuple(Figure(name=f"{name}: rows", candidate=part.rows) for name, part in parts if part.rows),
            bounds=tuple(_bound(name, part) for name, part in parts if part.rows),
            state=seen.state,
        )
        return Judgement(verdict=verdict, reason=reason, message=message, seen=now)


def _verdict(found: LiveData) -> tuple[Verdict, str, str]:
    inputs, prediction = found.inputs, found.prediction
    if inputs.reason is DriftReason.DATA_QUALITY:
        return Verdict.INCONCLUSIVE, inputs.reason, f"live data are broken: {inputs.message}"
    if prediction is None:
        return Verdict.INCONCLUSIVE, Reason.NO_EVIDENCE, "the drift monitor was not asked about this version yet"
    match prediction.verdict:
        case DriftVerdict.DRIFT:
            message = f"what it predicts is not as in its reference sample: {prediction.message}"
            return Verdict.INCONCLUSIVE, prediction.reason, message
        case DriftVerdict.ERROR:
            return Verdict.ERROR, prediction.reason, f"its predictions cannot be judged: {prediction.message}"
        case DriftVerdict.INCONCLUSIVE:
            return Verdict.INCONCLUSIVE, prediction.reason, f"its predictions are not judged yet: {prediction.message}"
        case DriftVerdict.NO_DRIFT:
            return _by_inputs(inputs)


def _by_inputs(inputs: PartialDrift) -> tuple[Verdict, str, str]:
    """Its predictions are as they ought to be."""
    fine = "what it predicts is as in its reference sample"
    match inputs.verdict:
        case DriftVerdict.INCONCLUSIVE:
            return Verdict.INCONCLUSIVE, inputs.reason, f"{fine}; inputs are not judged yet: {inputs.message}"
        case DriftVerdict.DRIFT:
            told = f"{fine}, though inputs drift from that of the version that serves: {inputs.message}"
        case DriftVerdict.ERROR:
            told = f"{fine}; inputs cannot be judged: {inputs.message}"
        case DriftVerdict.NO_DRIFT:
            told = f"{fine}, and inputs are as expected"
    return Verdict.PASS, DriftReason.NO_DRIFT, told


def _bound(name: str, found: PartialDrift) -> Bound:
    """How near the column that drifts most is to its threshold. Drift decides nothing: it holds back."""
    return number_bound(f"{name}: part of the threshold", Verdict.INCONCLUSIVE, found.score, 1.0)
