"""What a pass brings before the gates: one value whose parts may each be missing, with the reason why.

A part is a frozen value of its own class, and its class is its name: a gate names the classes that it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from penstock_contracts.api.reasons import Reason
from penstock_contracts.divergence import DIFFERENCE_BINS, ReplayReport
from penstock_contracts.drift import PartialDrift
from penstock_contracts.model_card import ModelCard
from penstock_contracts.paired_quality import SHORTFALLS
from penstock_contracts.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class MissingEvidence:
    """Why a part is not there."""

    verdict: Verdict
    """What a gate that needs it says: error where it could not be read, inconclusive where it is not there yet."""
    reason: str
    """In one word."""
    message: str
    """In a sentence."""


@dataclass(frozen=True, kw_only=True)
class TryCount:
    """Tries at a revision's servers."""

    tries: int = 0
    failures: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by status code, or by timeout, reset, unreachable."""

    def plus(self, other: "TryCount") -> "TryCount":
        """Both together."""
        kinds = {kind: self.kinds.get(kind, 0) + other.kinds.get(kind, 0) for kind in {*self.kinds, *other.kinds}}
        return TryCount(
            tries=self.tries + other.tries,
            failures=self.failures + other.failures,
            kinds=dict(sorted(kinds.items())) if kinds else kinds,
        )

    def minus(self, other: "TryCount") -> "TryCount":
        """What is left without the others. Counts of one moment may differ by those under way: none gets below 0."""
        kinds = {kind: max(0, count - other.kinds.get(kind, 0)) for kind, count in self.kinds.items()}
        tries = max(0, self.tries - other.tries)
        return TryCount(
            tries=tries,
            failures=min(tries, max(0, self.failures - other.failures)),
            kinds={kind: count for kind, count in kinds.items() if count},
        )


@dataclass(frozen=True, kw_only=True)
class ComparedTries:
    """A part of the evidence: tries of one interval, of the version that is judged and of the one beside it.

    The share of the requests that each gets did not change within it. Tries at pods that were suspected of being sick
    before it are not among them.
    """

    candidate: TryCount = TryCount()
    stable: TryCount = TryCount()
    sure: tuple[TryCount, TryCount] | None = None
    """The same without tries at pods that are suspected since this interval; None: none are."""
    promoted: bool = False
    """The version that is judged was promoted: it answers every request, and the one beside it answers copies."""
    other_shares: bool = False
    """Since the last interval the shares have changed: no block may hold tries of both."""


@dataclass(frozen=True, kw_only=True)
class ComparedCards:
    """A part of the evidence: what the model store found of the wanted version and of the one that serves."""

    candidate: ModelCard
    stable: ModelCard | None
    """None: no version serves."""


@dataclass(frozen=True, kw_only=True)
class TimedTries:
    """How long tries at a revision's servers took. Edges and buckets are those of `latency_buckets`."""

    tries: int = 0
    """Of one interval, those that took a known time."""
    longer: Mapping[int, int] = field(default_factory=dict)
    """Of these, the ones that took longer than an edge: for each edge that a gate asked for before the interval."""
    so_far: Mapping[int, int] = field(default_factory=dict)
    """By bucket, since the attempt began, on the gateway pods that answered."""


@dataclass(frozen=True, kw_only=True)
class ComparedLatencies:
    """A part of the evidence: latencies of one interval, of the version that is judged and of the one beside it."""

    candidate: TimedTries = field(default_factory=TimedTries)
    stable: TimedTries = field(default_factory=TimedTries)
    highest_edge: int | None = None
    """Up to this edge a user's try and a copy end alike: above it, another try overtakes a user's. None: no edge."""
    other_shares: bool = False
    """The versions' shares of the requests changed in this interval: its tries are not compared."""

    def of_other_shares(self) -> "ComparedLatencies":
        """Without the interval's tries."""
        candidate, stable = (TimedTries(so_far=arm.so_far) for arm in (self.candidate, self.stable))
        return replace(self, candidate=candidate, stable=stable, other_shares=True)


@dataclass(frozen=True, kw_only=True)
class PairedOutputs:
    """A part of the evidence: predictions of both versions for the same inputs, as the drift monitor counts them.

    Totals that only grow as long as `since` is the same. Each field means what DivergenceReport says.
    """

    since: str
    candidate_rows: int = 0
    stable_rows: int = 0
    unpredicted: int = 0
    pairs: int = 0
    classified: int = 0
    flips: int = 0
    scored: int = 0
    total_difference: float = 0.0
    differences: tuple[int, ...] = (0,) * DIFFERENCE_BINS
    unscaled: int = 0
    recorded: int = 0
    recorded_pairs: int = 0
    failed: int = 0
    """Recorded requests that stable had answered and the candidate does not."""
    replay: ReplayReport | None = None
    """How far the replay is, with what keeps it up."""
    same_model: bool = False
    """Both versions have the same bytes, so there is nothing to compare."""

    def minus(self, first: "PairedOutputs") -> "PairedOutputs":
        """What came after an earlier look."""
        return PairedOutputs(
            since=self.since,
            candidate_rows=self.candidate_rows - first.candidate_rows,
            stable_rows=self.stable_rows - first.stable_rows,
            unpredicted=self.unpredicted - first.unpredicted,
            pairs=self.pairs - first.pairs,
            classified=self.classified - first.classified,
            flips=self.flips - first.flips,
            scored=self.scored - first.scored,
            total_difference=max(0.0, self.total_difference - first.total_difference),
            differences=tuple(now - then for now, then in zip(self.differences, first.differences, strict=True)),
            unscaled=self.unscaled - first.unscaled,
            recorded=self.recorded - first.recorded,
            recorded_pairs=self.recorded_pairs - first.recorded_pairs,
            failed=self.failed - first.failed,
            replay=self.replay,
        )


@dataclass(frozen=True, kw_only=True)
class LabelledPairs:
    """A part of the evidence: both versions' quality by the same labels, as the drift monitor counts it.

    Totals of a stage that only grow as long as `since` is the same. Each field means what PairedQualityReport says.
    """

    since: str
    pairs: int = 0
    labelled: int = 0
    unusable: int = 0
    unscaled: int = 0
    compared: int = 0
    candidate_value: float | None = None
    stable_value: float | None = None
    shortfalls: tuple[float, ...] = (0.0,) * len(SHORTFALLS)
    positive: str = ""
    older_pairs: int = 0
    older_labelled: int = 0
    same_model: bool = False
    """Both versions have the same bytes, so there is nothing to compare."""


@dataclass(frozen=True, kw_only=True)
class LiveData:
    """A part of the evidence: how live data are, as the drift monitor sees them now."""

    inputs: PartialDrift
    """Against the reference sample of the version that serves."""
    prediction: PartialDrift | None
    """What the judged version predicts, against its own reference sample; None: the monitor has not said yet."""


_Part = TypeVar("_Part")

NOT_GATHERED = MissingEvidence(
    verdict=Verdict.INCONCLUSIVE, reason=Reason.NO_EVIDENCE, message="this evidence was not gathered yet"
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was gathered since the last judgement."""

    parts: tuple[object, ...] = ()
    """At most one of each class."""
    missing: Mapping[type, MissingEvidence] = field(default_factory=dict)
    """Classes of parts that were looked for in vain."""

    def part(self, kind: type[_Part]) -> _Part:
        """The part of this class. Raises LookupError where it is missing."""
        for part in self.parts:
            if isinstance(part, kind):
                return part
        raise LookupError(f"evidence lacks {kind.__name__}")

    def why_missing(self, kind: type) -> MissingEvidence | None:
        """Why there is no part of this class; None: there is one."""
        if any(isinstance(part, kind) for part in self.parts):
            return None
        return self.missing.get(kind, NOT_GATHERED)
