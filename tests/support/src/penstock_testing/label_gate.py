"""A second gate, which needs labels instead of tries: the example of docs/maintainer/adding-a-gate.md."""

from dataclasses import dataclass
from typing import ClassVar

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Figure
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions


@dataclass(frozen=True, kw_only=True)
class LabelledAnswers:
    """A part of the evidence: answers of the judged version whose labels are known, and how many of them are right.

    Totals that only grow: a look that is lost takes nothing away.
    """

    labelled: int
    right: int


@dataclass(frozen=True, kw_only=True)
class LabelledAccuracy(Gate):
    """Of the candidate's labelled answers a share must be right. No test of statistics, so no part of the budget."""

    least: float

    needs: ClassVar[tuple[type, ...]] = (LabelledAnswers,)
    statistical: ClassVar[bool] = False
    sample: ClassVar[str] = "labelled answers"
    how_to_get_samples: ClassVar[str] = "no label has come for it in this step: send some"

    def gathers(self, during: StepConditions) -> bool:
        """Whether the candidate answers anybody: copies are labelled like what they are copies of."""
        return during.weight > 0 or during.mirror > 0

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with one look more."""
        total = evidence.part(LabelledAnswers)
        first = _first_look(seen.state) or total
        labelled, right = total.labelled - first.labelled, total.right - first.right
        figures = (Figure(name="labelled answers", candidate=labelled), Figure(name="right answers", candidate=right))
        now = GateMemory(samples=labelled, figures=figures, state=f"{first.labelled} {first.right}")
        told = f"{right} of {labelled} labelled answers are right, {100 * self.least:g} % are needed"
        if labelled < self.min_samples:
            return Judgement(verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_DECIDED, message=told, seen=now)
        if right < self.least * labelled:
            return Judgement(verdict=Verdict.FAIL, reason="TooFewRight", message=told, seen=now)
        return Judgement(verdict=Verdict.PASS, reason="EnoughRight", message=told, seen=now)


def _first_look(state: str) -> LabelledAnswers | None:
    """What there was when the stage began; None: it begins now."""
    if not state:
        return None
    labelled, right = map(int, state.split())
    return LabelledAnswers(labelled=labelled, right=right)
