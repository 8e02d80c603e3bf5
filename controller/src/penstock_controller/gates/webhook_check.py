"""The gate `webhook`: a service of the user's, or of the administrator's, says what it thinks of the candidate."""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from penstock_contracts.api.analysis import WebhookGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Figure
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions
from penstock_controller.gates.looks import CheckVerdict, MeasuredValue, NoValue, OutsideLook, OutsideLooks, Unanswered

_REASONS = {
    Verdict.PASS: Reason.CHECK_PASSED,
    Verdict.FAIL: Reason.CHECK_FAILED,
    Verdict.INCONCLUSIVE: Reason.NOT_DECIDED,
}
_NOT_ASKED = "its service was not asked yet"
_NO_CHECK = "a value is no answer to a check"


@dataclass(frozen=True, kw_only=True)
class WebhookCheck(Gate):
    """The newest answer is the verdict: one that wants more than one look at the version takes its time itself."""

    needs: ClassVar[tuple[type, ...]] = (OutsideLooks,)
    statistical: ClassVar[bool] = False
    sample: ClassVar[str] = "decided answers"
    how_to_get_samples: ClassVar[str] = "the service has not decided in this step: it must answer pass or fail"

    @classmethod
    def of(cls, entry: WebhookGate) -> "WebhookCheck":
        """The gate that a spec names."""
        asked = sha256(f"{entry.service}\n{entry.url}".encode()).hexdigest()[:12]
        return cls(name=entry.title, min_samples=1, min_step_samples=entry.min_step_samples, config=f"webhook {asked}")

    def gathers(self, during: StepConditions) -> bool:  # noqa: ARG002 - whatever the candidate gets
        """Always: what a service looks at is its own business, and it may be asked before any user is."""
        return True

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with the newest look, which counts once."""
        look = evidence.part(OutsideLooks).looks.get(self.name)
        if look is None:
            return Judgement(verdict=Verdict.INCONCLUSIVE, reason=Reason.NO_EVIDENCE, message=_NOT_ASKED, seen=seen)
        match look.answer:
            case CheckVerdict() as told:
                return Judgement(
                    verdict=told.verdict,
                    reason=_REASONS[told.verdict],
                    message=f"the service says {told.verdict.value}" + (f": {told.message}" if told.message else ""),
                    seen=_with(seen, look, told),
                )
            case Unanswered(why=why, reason=reason):
                message = f"{why}; this promotes nothing, and blames nobody"
                return Judgement(verdict=Verdict.ERROR, reason=reason, message=message, seen=seen)
            case MeasuredValue() | NoValue():
                return Judgement(verdict=Verdict.ERROR, reason=Reason.MEASUREMENT_AWAY, message=_NO_CHECK, seen=seen)


def _with(seen: GateMemory, look: OutsideLook, told: CheckVerdict) -> GateMemory:
    """Only an answer that decides is a sample: a step waits for one that is inconclusive."""
    decides = told.verdict is not Verdict.INCONCLUSIVE and look.asked_at != seen.state
    return GateMemory(
        samples=seen.samples + decides,
        figures=tuple(Figure(name=name, candidate=number) for name, number in told.figures.items()),
        state=look.asked_at,
    )
