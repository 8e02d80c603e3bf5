"""A second gate, which needs labels instead of tries: the example of docs/maintainer/adding-a-gate.md."""

from dataclasses import dataclass
from typing import ClassVar

from penstock_contracts.api.status import Figure
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions


@dataclass(frozen=True, kw_only=True)
class LabelledAnswers:
    """A part of the evidence: answers whose labels came since the last look, and how many of them were right."""

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
        found = evidence.part(LabelledAnswers)
        before = next((figure.candidate for figure in seen.figures if figure.name == "right answers"), 0)
        right, labelled = before + found.right, seen.samples + found.labelled
        figures = (Figure(name="labelled answers", candidate=labelled), Figure(name="right answers", candidate=right))
        now = GateMemory(samples=labelled, figures=figures)
        told = f"{right:g} of {labelled} labelled answers are right, {100 * self.least:g} % are needed"
        if labelled < self.min_samples:
            return Judgement(verdict=Verdict.INCONCLUSIVE, reason="NotDecided", message=told, seen=now)
        if right < self.least * labelled:
            return Judgement(verdict=Verdict.FAIL, reason="TooFewRight", message=told, seen=now)
        return Judgement(verdict=Verdict.PASS, reason="EnoughRight", message=told, seen=now)
