"""The gate `preflight`: before a pod of it starts, a version takes and answers what the one that serves does.

It judges by what the model store found when it checked both versions. It looks once, so it takes no part of the error
budget, and it is no `Gate`: while an attempt runs there is nothing left for it to see.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from penstock_contracts.api import byte_size, duration
from penstock_contracts.api.analysis import OnIncompatible, OnInconclusive, PreflightGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Figure
from penstock_contracts.model_card import ModelCard
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.compatibility import interface_changes
from penstock_controller.gates.evidence import ComparedCards, Evidence
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.golden_answers import golden_difference
from penstock_controller.gates.interface_change import ChangeEffect, InterfaceChange

_SHOWN = 5
"""Differences that a message names; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    reason: str
    """In one word; empty where it is as wished."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What a version must be like before a pod of it starts."""

    entry: PreflightGate

    def judge(self, evidence: Evidence, version: str) -> Judgement:
        """What it says of a version."""
        missing = evidence.why_missing(ComparedCards)
        accepted = self._accepted(version)
        if missing is not None:
            if accepted and missing.verdict is Verdict.INCONCLUSIVE:
                told = f"{missing.message}; {accepted}"
                return _judgement(Verdict.PASS, Reason.CHANGE_ACCEPTED, told, ())
            return _judgement(missing.verdict, missing.reason, missing.message, ())
        cards = evidence.part(ComparedCards)
        findings = (*_of_interface(cards, accepted), *self._of_cost(cards), *self._of_golden(cards))
        figures = tuple(_figures(cards))
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            found = [finding for finding in findings if finding.verdict is verdict]
            if found:
                return _judgement(verdict, found[0].reason, _told(found), figures)
        reason = Reason.CHANGE_ACCEPTED if any(one.reason for one in findings) else Reason.COMPATIBLE
        return _judgement(Verdict.PASS, reason, _told(findings), figures)

    def lets_start(self, verdict: Verdict) -> bool:
        """Whether a version of which it says this may have pods."""
        undecided = verdict is Verdict.INCONCLUSIVE and self.entry.on_inconclusive is OnInconclusive.PROMOTE
        return verdict is Verdict.PASS or self.entry.dry_run or undecided

    def refuses(self, verdict: Verdict) -> bool:
        """Whether a version of which it says this is refused; else it is asked again."""
        undecided = verdict is Verdict.INCONCLUSIVE and self.entry.on_inconclusive is OnInconclusive.ROLLBACK
        return not self.lets_start(verdict) and (verdict is Verdict.FAIL or undecided)

    def _accepted(self, version: str) -> str:
        if self.entry.on_incompatible is OnIncompatible.ACCEPT:
            return "accepted (onIncompatible: Accept)"
        return f"accepted (acceptVersion: {version})" if self.entry.accept_version == version else ""

    def _of_cost(self, cards: ComparedCards) -> Iterator[Finding]:
        entry, cost = self.entry, cards.candidate.cost
        size, before = _size(cards.candidate), _size(cards.stable) if cards.stable else None
        if entry.max_size:
            yield _within("size", size, byte_size.parsed(entry.max_size), f"maxSize: {entry.max_size}", _mebibytes)
        if entry.max_size_ratio and before:
            limit = before * entry.max_size_ratio
            yield _within("size", size, limit, f"maxSizeRatio: {entry.max_size_ratio:g}", _mebibytes)
        if entry.max_memory:
            memory = cost.memory_bytes if cost else None
            limit = byte_size.parsed(entry.max_memory)
            yield _within("memory", memory, limit, f"maxMemory: {entry.max_memory}", _mebibytes)
        if entry.max_latency:
            latency = cost.golden_seconds if cost else None
            limit = duration.seconds(entry.max_latency)
            yield _within("latency", latency, limit, f"maxLatency: {entry.max_latency}", _milliseconds)

    def _of_golden(self, cards: ComparedCards) -> Iterator[Finding]:
        tolerance = self.entry.golden_tolerance
        if tolerance is None or cards.stable is None:
            return
        difference = golden_difference(cards.stable, cards.candidate)
        if difference is None:
            message = "the golden requests of the two versions differ, so their answers cannot be compared"
            yield Finding(verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_COMPARABLE, message=message)
            return
        told = (
            f"output {difference.output!r} of the golden request differs by {difference.share:.3g} ({difference.how})"
        )
        if difference.share <= duration.percent(tolerance):
            yield Finding(verdict=Verdict.PASS, reason="", message=told)
        else:
            told += f", more than goldenTolerance: {tolerance}"
            yield Finding(verdict=Verdict.FAIL, reason=Reason.GOLDEN_DIFFERS, message=told)


def _of_interface(cards: ComparedCards, accepted: str) -> Iterator[Finding]:
    if cards.stable is None:
        yield Finding(verdict=Verdict.PASS, reason="", message="no version serves that it could be compared with")
        return
    changes = interface_changes(cards.stable, cards.candidate)
    bad = [change for change in changes if change.effect is not ChangeEffect.HARMLESS]
    if not bad:
        harmless = "".join(f"; {change.message}" for change in changes[:_SHOWN])
        yield Finding(verdict=Verdict.PASS, reason="", message=f"it takes and answers what stable does{harmless}")
    elif accepted:
        told = f"{accepted}: " + _listed(bad)
        yield Finding(verdict=Verdict.PASS, reason=Reason.CHANGE_ACCEPTED, message=told)
    else:
        yield from map(_finding, bad)


def _finding(change: InterfaceChange) -> Finding:
    if change.effect is ChangeEffect.BREAKS:
        return Finding(verdict=Verdict.FAIL, reason=Reason.INCOMPATIBLE, message=change.message)
    return Finding(verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_COMPARABLE, message=change.message)


def _within(what: str, value: float | None, limit: float, budget: str, shown: Callable[[float], str]) -> Finding:
    if value is None:
        told = f"its {what} is not known: the model store did not measure it when it checked the version ({budget})"
        return Finding(verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_MEASURED, message=told)
    if value > limit:
        told = f"its {what} is {shown(value)}, more than {shown(limit)} ({budget})"
        return Finding(verdict=Verdict.FAIL, reason=Reason.OVER_BUDGET, message=told)
    return Finding(verdict=Verdict.PASS, reason="", message=f"its {what} is {shown(value)}, within {budget}")


def _judgement(verdict: Verdict, reason: str, message: str, figures: tuple[Figure, ...]) -> Judgement:
    return Judgement(verdict=verdict, reason=reason, message=message, seen=GateMemory(figures=figures))


def _told(findings: Sequence[Finding]) -> str:
    shown = "; ".join(finding.message for finding in findings[:_SHOWN])
    return shown + (f"; and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else "")


def _listed(changes: Sequence[InterfaceChange]) -> str:
    shown = "; ".join(change.message for change in changes[:_SHOWN])
    return shown + (f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else "")


def _figures(cards: ComparedCards) -> Iterator[Figure]:
    """What was measured of each version, as far as it was."""
    stable = cards.stable
    yield Figure(name="bytes", candidate=_size(cards.candidate), stable=_size(stable) if stable else None)
    cost, other = cards.candidate.cost, stable.cost if stable else None
    if cost is None:
        return
    yield Figure(name="load seconds", candidate=cost.load_seconds, stable=other.load_seconds if other else None)
    yield Figure(
        name="golden request seconds", candidate=cost.golden_seconds, stable=other.golden_seconds if other else None
    )
    if cost.memory_bytes is not None:
        yield Figure(name="memory bytes", candidate=cost.memory_bytes, stable=other.memory_bytes if other else None)


def _size(card: ModelCard) -> int:
    return sum(file.size for file in card.files)


def _mebibytes(count: float) -> str:
    return f"{count / 2**20:.3g} MiB"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
