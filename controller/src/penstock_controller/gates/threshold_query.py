"""The gate `query`: the value of a PromQL query lies within a range, as often as it is looked at.

No test of statistics: one value outside the range proves little, so a verdict is what the last looks agree on.
"""

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from penstock_contracts.api.analysis import OnNoData, QueryGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.bounds import number_bound, range_bounds
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions
from penstock_controller.gates.looks import CheckVerdict, LookAnswer, MeasuredValue, NoValue, OutsideLooks, Unanswered

VALUE, LOWEST, HIGHEST = "value", "lowest allowed", "highest allowed"
_NOT_ASKED = "its source was not asked yet"


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Looks in a row that agree, up to the last one that was judged."""

    asked_at: str = ""
    within: int = 0
    outside: int = 0

    @property
    def text(self) -> str:
        return f"{self.asked_at} {self.within} {self.outside}"

    @classmethod
    def read(cls, state: str) -> "_Row":
        try:
            asked_at, within, outside = state.split(" ")
            return cls(asked_at=asked_at, within=int(within), outside=int(outside))
        except ValueError:
            return cls()  # nothing was judged yet, or a status was edited by hand: the row begins anew


@dataclass(frozen=True, kw_only=True)
class ThresholdQuery(Gate):
    """Fails and passes by `consecutive` looks in a row: docs/user/gates/outside.md says why."""

    lowest: float | None
    """None: no value is too small."""
    highest: float | None
    """None: no value is too large."""
    on_no_data: OnNoData
    consecutive: int
    """Looks in a row that make a verdict."""

    needs: ClassVar[tuple[type, ...]] = (OutsideLooks,)
    statistical: ClassVar[bool] = False
    sample: ClassVar[str] = "values"
    how_to_get_samples: ClassVar[str] = "the query has had no value in this step: ask it yourself"

    @classmethod
    def of(cls, entry: QueryGate) -> "ThresholdQuery":
        """The gate that a spec names."""
        allowed = entry.threshold_range
        asked = sha256(f"{entry.source}\n{entry.query}".encode()).hexdigest()[:12]
        return cls(
            name=entry.title,
            min_samples=entry.min_samples,
            min_step_samples=entry.min_step_samples,
            config=f"query {asked} {allowed.words} onNoData {entry.on_no_data.value} consecutive {entry.consecutive}",
            lowest=allowed.min,
            highest=allowed.max,
            on_no_data=entry.on_no_data,
            consecutive=entry.consecutive,
        )

    def gathers(self, during: StepConditions) -> bool:
        """Whether the candidate answers anybody: what is measured of it comes from requests, or from copies."""
        return during.weight > 0 or during.mirror > 0

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with the newest look, which counts once."""
        look = evidence.part(OutsideLooks).looks.get(self.name)
        if look is None:
            return Judgement(verdict=Verdict.INCONCLUSIVE, reason=Reason.NO_EVIDENCE, message=_NOT_ASKED, seen=seen)
        row, says = _Row.read(seen.state), self._says(look.answer)
        is_new = look.asked_at != row.asked_at
        if is_new:
            row = _Row(
                asked_at=look.asked_at,
                within=row.within if says is None else (row.within + 1) * says,
                outside=row.outside if says is None else (row.outside + 1) * (not says),
            )
        counts = is_new and says is not None
        now = GateMemory(
            samples=seen.samples + counts,
            figures=self._figures(look.answer) or seen.figures,
            bounds=self._bounds(look.answer, row),
            query=look.asked,
            state=row.text,
        )
        verdict, reason = self._verdict(look.answer, row, now.samples)
        return Judgement(verdict=verdict, reason=reason, message=self._told(look.answer, row), seen=now)

    def _says(self, answer: LookAnswer) -> bool | None:
        """Whether a look speaks for the version; None: it is no look at the version at all."""
        match answer:
            case MeasuredValue(value=value):
                return self._within(value)
            case NoValue():
                return {OnNoData.PAUSE: None, OnNoData.FAIL: False, OnNoData.PASS: True}[self.on_no_data]
            case CheckVerdict() | Unanswered():
                return None

    def _within(self, value: float) -> bool | None:
        """Whether a value lies within the range. An infinite one is a division by zero: it never does."""
        if (self.lowest is not None and value < self.lowest) or (self.highest is not None and value > self.highest):
            return False
        return None if math.isinf(value) else True

    def _verdict(self, answer: LookAnswer, row: _Row, samples: int) -> tuple[Verdict, Reason | str]:
        if row.outside >= self.consecutive:
            return Verdict.FAIL, Reason.OUT_OF_RANGE
        match answer:
            case Unanswered(reason=reason):
                return Verdict.ERROR, reason
            case NoValue() if self._says(answer) is None:
                return Verdict.INCONCLUSIVE, Reason.NO_DATA
        if row.within >= self.consecutive and samples >= self.min_samples and self._says(answer):
            return Verdict.PASS, Reason.WITHIN_RANGE
        return Verdict.INCONCLUSIVE, Reason.NOT_DECIDED

    def _told(self, answer: LookAnswer, row: _Row) -> str:
        match answer:
            case MeasuredValue(value=value):
                return f"the value is {value:g}, {self._place(value)}{self._in_a_row(row)}"
            case NoValue(why=why):
                return f"there is no value: {why} (onNoData: {self.on_no_data.value}){self._in_a_row(row)}"
            case Unanswered(why=why):
                return f"{why}; this promotes nothing, and blames nobody"
            case CheckVerdict():
                return "a check's answer is no value"

    def _place(self, value: float) -> str:
        if self.lowest is not None and value < self.lowest:
            return f"below {self.lowest:g}"
        if self.highest is not None and value > self.highest:
            return f"above {self.highest:g}"
        if math.isinf(value):
            return "a division by zero, which says nothing"
        limits = (("at least", self.lowest), ("at most", self.highest))
        told = " and ".join(f"{words} {limit:g}" for words, limit in limits if limit is not None)
        return f"as it must be ({told})"

    def _in_a_row(self, row: _Row) -> str:
        if not (row.within or row.outside):
            return ""
        where = "outside the range" if row.outside else "within it"
        return f"; {row.within or row.outside} in a row {where}, {self.consecutive} decide"

    def _bounds(self, answer: LookAnswer, row: _Row) -> tuple[Bound, ...]:
        found = range_bounds(answer.value, self.lowest, self.highest) if isinstance(answer, MeasuredValue) else ()
        return (
            *found,
            number_bound("in a row outside", Verdict.FAIL, row.outside, self.consecutive),
            number_bound("in a row within", Verdict.PASS, row.within, self.consecutive),
        )

    def _figures(self, answer: LookAnswer) -> tuple[Figure, ...]:
        if not isinstance(answer, MeasuredValue) or math.isinf(answer.value):
            return ()
        numbers = ((VALUE, answer.value), (LOWEST, self.lowest), (HIGHEST, self.highest))
        return tuple(Figure(name=name, candidate=number) for name, number in numbers if number is not None)
