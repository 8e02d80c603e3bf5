"""Pairs of two versions' answers to the same inputs, counted while their records are kept, in the same transaction.

Rows are joined by request id (`answer_pairs`), and it does not matter which of the two comes first. Only counts are
kept of a pair, so the room for them does not grow.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from penstock_contracts.base import evolve
from penstock_contracts.divergence import (
    DIFFERENCE_BINS,
    DivergenceReport,
    DivergenceWish,
    ReplayReport,
    difference_bin,
)
from penstock_contracts.records import RecordedRun
from penstock_drift_monitor.answer_pairs import NewPair, StoredAnswer, arm_of, new_pairs
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.intake import AnsweredRow, ReadableBatch, input_values
from penstock_drift_monitor.kept_counts import KeptCounts
from penstock_drift_monitor.prediction import PredictionKind
from penstock_drift_monitor.replay_store import ChosenRequest, ReplayStore

_DISTINCT_SECONDS: Final = 60.0
"""An input counts once in such a time: a caller who repeats one is no thousand witnesses."""
_MOST_INPUTS: Final = 200_000
"""Remembered of all resources in that time, some 20 MB: from there on, repeated ones count."""


class _ReplayHead(msgspec.Struct, frozen=True):
    """What holds of a replay, beside what became of its requests."""

    test: str
    """As in ReplayWish."""
    problem: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplayStart:
    """Where a replay begins or goes on."""

    resource: int
    through: int
    """The last batch that was here when the counts began."""
    begun: bool
    """Its requests were chosen before."""


class DivergenceCounts(msgspec.Struct):
    """See DivergenceReport."""

    since: str
    differences: list[int]
    candidate_rows: int = 0
    stable_rows: int = 0
    unpredicted: int = 0
    pairs: int = 0
    classified: int = 0
    flips: int = 0
    scored: int = 0
    total_difference: float = 0.0
    scale: float | None = None
    unscaled: int = 0
    repeated: int = 0
    recorded: int = 0
    recorded_pairs: int = 0
    through: int = 0
    """The last batch that was here when the counts began: what is replayed was recorded before."""
    replay: _ReplayHead | None = None

    def add(self, one: AnsweredRow, other: StoredAnswer, kind: PredictionKind) -> None:
        """Count a pair. `kind`: of one of the two; a class beside none is another class."""
        self.pairs += 1
        if one.answer is not None or other.named is not None:
            self.classified += 1
            self.flips += one.answer != other.named
        if kind is PredictionKind.LABEL and one.score is None and other.score is None:
            return
        if self.scale is None:
            self.unscaled += 1
            return
        difference = _difference(one.score, other.score, self.scale)
        self.scored += 1
        self.total_difference += difference
        self.differences[difference_bin(difference)] += 1


@dataclass(frozen=True, slots=True)
class _RowPlace:
    """Where the inputs of an answered row stand."""

    run: RecordedRun
    offset: int
    """Of the run's rows."""


Scale = Callable[[str], float | None]


class DivergenceStore:
    """Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Over an open database."""
        self._database = database
        self._kept = KeptCounts(database, "divergences", DivergenceWish, DivergenceCounts)
        self.replays = ReplayStore(database)
        self._inputs: set[tuple[int, int]] = set()
        """Resources, and what the inputs hash to that were counted in this minute. Lost with the process: then a
        repeated input may count once more."""
        self._minute = 0

    def follow(self, resource: int, wish: DivergenceWish, now: float) -> None:
        """Count for a wish from now on; one that is followed already goes on."""

        def begin(since: str) -> DivergenceCounts:
            (through,) = self._database.execute("SELECT COALESCE(MAX(id), 0) FROM batches").fetchone()
            return DivergenceCounts(since=since, differences=[0] * DIFFERENCE_BINS, scale=wish.scale, through=through)

        if self._kept.follow(resource, _counted(wish), now, begin):
            self._inputs = {each for each in self._inputs if each[0] != resource}
            self.replays.forget(resource)

    def report(self, resource: int, namespace: str, name: str, attempt: int | None = None) -> DivergenceReport:
        """Give what was counted. Raises UnknownResource where nothing is counted for it, or for another attempt."""
        found = self._kept.of(resource)
        if found is None or attempt not in {None, found.wish.attempt}:
            last = f"; the last that was compared is attempt {found.wish.attempt}" if found else ""
            raise UnknownResource(
                f"{namespace}/{name}: no versions are compared{f' in attempt {attempt}' if attempt else ''}{last}: a "
                "gate prediction-divergence asks for that while an attempt runs"
            )
        return DivergenceReport(
            namespace=namespace,
            name=name,
            attempt=found.wish.attempt,
            candidate=found.wish.candidate.version,
            stable=found.wish.stable.version,
            **msgspec.structs.asdict(found.counts) | {"replay": self._replay_report(resource, found.counts.replay)},
        )

    def _replay_report(self, resource: int, head: _ReplayHead | None) -> ReplayReport | None:
        if head is None:
            return None
        return evolve(self.replays.report(resource), problem=head.problem, message=head.message)

    def replay_start(self, resource: int, wish: DivergenceWish) -> ReplayStart:
        """Give where a replay stands. Raises UnknownResource where other counts have begun since."""
        counts = self._counts_of(resource, wish)
        test = wish.replay.test if wish.replay else None
        begun = counts.replay is not None and counts.replay.test == test
        return ReplayStart(resource=resource, through=counts.through, begun=begun)

    def begin_replay(
        self, resource: int, wish: DivergenceWish, chosen: Sequence[ChosenRequest], why_none: tuple[str, str]
    ) -> None:
        """Have the candidate answer what was chosen. `why_none`: a word and a sentence; both empty where some were.

        Raises UnknownResource where other counts have begun since.
        """
        counts = self._counts_of(resource, wish)
        problem, message = why_none
        counts.replay = _ReplayHead(wish.replay.test if wish.replay else "", problem, message)
        self.replays.begin(resource, arm_of(self._database, resource, wish.candidate), chosen)
        self._kept.save(resource, counts)

    def _counts_of(self, resource: int, wish: DivergenceWish) -> DivergenceCounts:
        found = self._kept.of(resource)
        if found is None or found.wish != _counted(wish):
            raise UnknownResource(f"attempt {wish.attempt} is not compared any more")
        return found.counts

    def records_came(self, resource: int, arm: int, intake: ReadableBatch, now: float, scale: Scale) -> None:
        """Count the pairs that a batch completes: before its answers are kept, since those are known by that.

        `scale`: by the reference sample of a digest; None: it is not here.
        """
        found = self._kept.running(resource, now)
        if found is None:
            return
        wish, counts = found.wish, found.counts
        candidate, stable = (arm_of(self._database, resource, each) for each in (wish.candidate, wish.stable))
        if arm not in {candidate, stable} or candidate == stable:
            return
        if arm == candidate:
            counts.candidate_rows += intake.rows
        else:
            counts.stable_rows += intake.rows
        kind = intake.prediction.kind if intake.prediction else None
        if kind is None:
            counts.unpredicted += intake.rows
        elif counts.scale is None and kind is not PredictionKind.LABEL:
            counts.scale = 1.0 if kind is PredictionKind.PROBABILITY else scale(wish.stable.digest)
        other = stable if arm == candidate else candidate
        if other is not None:
            self._count(resource, new_pairs(self._database, arm, other, intake), intake, counts, now)
        self._kept.save(resource, counts)

    def unscaled(self) -> frozenset[str]:
        """Digests of versions whose reference sample is needed for a scale."""
        return frozenset(found.wish.stable.digest for _, found in self._kept.all() if _lacks_scale(found.counts))

    def forget_inputs(self) -> None:
        """After a rollback: what was remembered may not have been counted."""
        self._inputs.clear()

    def _count(
        self, resource: int, pairs: Iterator[NewPair], intake: ReadableBatch, counts: DivergenceCounts, now: float
    ) -> None:
        if intake.prediction is None:
            return
        places = list(_places(intake))
        replayed: set[str] = set()
        for pair in pairs:
            if self._is_repeated(resource, _input_hash(intake, places[pair.place]), now):
                counts.repeated += 1
                continue
            counts.add(pair.row, pair.partner, intake.prediction.kind)
            request = pair.row.request
            if counts.replay and self.replays.holds(resource, request):
                counts.recorded += request not in replayed
                counts.recorded_pairs += 1
                replayed.add(request)

    def _is_repeated(self, resource: int, hashed: int | None, now: float) -> bool:
        if hashed is None:
            return False
        minute = int(now // _DISTINCT_SECONDS)
        if minute != self._minute:
            self._minute, self._inputs = minute, set()
        if (resource, hashed) in self._inputs:
            return True
        if len(self._inputs) < _MOST_INPUTS:
            self._inputs.add((resource, hashed))
        return False


def _counted(wish: DivergenceWish) -> DivergenceWish:
    """The wish without its replay, which changes nothing of what is counted."""
    return evolve(wish, replay=None)


def _lacks_scale(counts: DivergenceCounts | DivergenceReport) -> bool:
    """Recorded requests come once: before their first answer nobody knows whether it needs a scale."""
    expected = counts.replay is not None and not counts.candidate_rows
    return counts.scale is None and (counts.unscaled > 0 or expected)


def missing_scale(report: DivergenceReport, wish: DivergenceWish) -> str | None:
    """The digest whose reference sample is needed; None: none is."""
    begins = wish.replay is not None and report.replay is None and report.scale is None
    return wish.stable.digest if begins or _lacks_scale(report) else None


def _difference(one: float | None, other: float | None, scale: float) -> float:
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    return min(1.0, abs(one - other) / scale)


def _places(intake: ReadableBatch) -> Iterator[_RowPlace]:
    """Give where each of the answered rows stands, in their order."""
    named = iter(intake.answered)
    following = next(named, None)
    for run in intake.batch.runs:
        start = 0
        for request in run.requests:
            if following is not None and request.id == following.request:
                for row in range(request.rows):
                    yield _RowPlace(run, start + row)
                    following = next(named, None)
            start += request.rows


def _input_hash(intake: ReadableBatch, place: _RowPlace) -> int | None:
    """Tell inputs apart; None: nothing is recorded of them."""
    if not intake.batch.inputs:
        return None
    return hash(input_values(intake.batch, place.run, place.offset, 1))
