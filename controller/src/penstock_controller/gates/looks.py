"""What services outside have answered about a version, as a part of the evidence: one look for each gate that asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_contracts.api.reasons import Reason
from penstock_contracts.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class MeasuredValue:
    """A query has one value. It may be infinite, and is never NaN."""

    value: float


@dataclass(frozen=True, kw_only=True)
class NoValue:
    """A query was answered, and there is no value: the service is well, and knows nothing of the version yet."""

    why: str


@dataclass(frozen=True, kw_only=True)
class CheckVerdict:
    """What a check says of the version."""

    verdict: Verdict
    """Pass, fail or inconclusive."""
    message: str = ""
    """In its own words, bounded and printable."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Finite numbers by name."""


@dataclass(frozen=True, kw_only=True)
class Unanswered:
    """Nothing was learnt of the version: the service is away, or its answer is no answer to what was asked."""

    why: str
    reason: str = Reason.MEASUREMENT_AWAY
    """In one word."""


LookAnswer = MeasuredValue | NoValue | CheckVerdict | Unanswered


@dataclass(frozen=True, kw_only=True)
class OutsideLook:
    """One answer, and when it was asked for."""

    asked_at: str
    """RFC 3339, milliseconds. Another look has another: by it a gate counts each once."""
    answer: LookAnswer
    asked: str = ""
    """What was asked, in the service's own language; empty: it has none, or nothing was asked."""


@dataclass(frozen=True, kw_only=True)
class OutsideLooks:
    """A part of the evidence: the newest look of each gate that asks outside, by the gate's name in status."""

    looks: Mapping[str, OutsideLook] = field(default_factory=dict)
