"""Pairs of two versions' answers to the same inputs, counted while their records are kept, in the same transaction.

Rows are joined by request id: of what came before there are answers in the database, so it does not matter which of
the two comes first. Only counts are kept of a pair, so the room for them does not grow.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from penstock_contracts.drift import ServedVersion
from penstock_contracts.records import RecordedRun
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.intake import AnsweredRow, ReadableBatch, input_values
from penstock_drift_monitor.prediction import PredictionKind
from penstock_drift_monitor.replay_store import ChosenRequest, ReplayStore

_LAPSES_AFTER: Final = 3600.0
"""Seconds: an attempt is over, or the controller away."""
_NOTED_EVERY: Final = 60.0
"""Seconds: that a wish was repeated is written so often."""
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


class _Counts(msgspec.Struct):
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

    def add(self, one: "_Answer", other: "_Answer", kind: PredictionKind) -> None:
        """Count a pair. `kind`: of one of the two; a class beside none is another class."""
        self.pairs += 1
        if one.named is not None or other.named is not None:
            self.classified += 1
            self.flips += one.named != other.named
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
class _Answer:
    score: float | None
    named: str | None
    shadow: bool


@dataclass(frozen=True, slots=True)
class _RowPlace:
    """Where the inputs of an answered row stand."""

    run: RecordedRun
    offset: int
    """Of the run's rows."""


_COUNTS = msgspec.json.Decoder(_Counts)
Scale = Callable[[str], float | None]


class DivergenceStore:
    """Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Over an open database."""
        self._database = database
        self.replays = ReplayStore(database)
        self._inputs: set[tuple[int, int]] = set()
        """Resources, and what the inputs hash to that were counted in this minute. Lost with the process: then a
        repeated input may count once more."""
        self._minute = 0

    def follow(self, resource: int, wish: DivergenceWish, now: float) -> None:
        """Count for a wish from now on; one that is followed already goes on."""
        found = self._database.execute("SELECT wish, asked FROM divergences WHERE resource = ?", (resource,)).fetchone()
        if found is not None and DivergenceWish.model_validate_json(found[0]).counts_as(wish):
            if not 0 <= now - found[1] < _NOTED_EVERY:
                self._database.execute("UPDATE divergences SET asked = ? WHERE resource = ?", (now, resource))
            return
        since = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds")
        (through,) = self._database.execute("SELECT COALESCE(MAX(id), 0) FROM batches").fetchone()
        counts = _Counts(since=since, differences=[0] * DIFFERENCE_BINS, scale=wish.scale, through=through)
        self._inputs = {each for each in self._inputs if each[0] != resource}
        self.replays.forget(resource)
        self._database.execute(
            "INSERT OR REPLACE INTO divergences VALUES (?, ?, ?, ?)",
            (resource, evolve(wish, replay=None).model_dump_json(), now, msgspec.json.encode(counts)),
        )

    def report(self, resource: int, namespace: str, name: str, attempt: int | None = None) -> DivergenceReport:
        """Give what was counted. Raises UnknownResource where nothing is counted for it, or for another attempt."""
        found = self._database.execute(
            "SELECT wish, counts FROM divergences WHERE resource = ?", (resource,)
        ).fetchone()
        wish = DivergenceWish.model_validate_json(found[0]) if found else None
        if wish is None or attempt not in {None, wish.attempt}:
            last = f"; the last that was compared is attempt {wish.attempt}" if wish else ""
            raise UnknownResource(
                f"{namespace}/{name}: no versions are compared{f' in attempt {attempt}' if attempt else ''}{last}: a "
                "gate prediction-divergence asks for that while an attempt runs"
            )
        counts = msgspec.structs.asdict(_COUNTS.decode(found[1]))
        return DivergenceReport(
            namespace=namespace,
            name=name,
            attempt=wish.attempt,
            candidate=wish.candidate.version,
            stable=wish.stable.version,
            **counts | {"replay": self._replay_report(resource, counts["replay"])},
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
        self.replays.begin(resource, self._arm(resource, _bytes_of(wish.candidate)), chosen)
        self._database.execute(
            "UPDATE divergences SET counts = ? WHERE resource = ?", (msgspec.json.encode(counts), resource)
        )

    def _counts_of(self, resource: int, wish: DivergenceWish) -> _Counts:
        found = self._database.execute(
            "SELECT wish, counts FROM divergences WHERE resource = ?", (resource,)
        ).fetchone()
        if found is None or not DivergenceWish.model_validate_json(found[0]).counts_as(wish):
            raise UnknownResource(f"attempt {wish.attempt} is not compared any more")
        return _COUNTS.decode(found[1])

    def records_came(self, resource: int, arm: int, intake: ReadableBatch, now: float, scale: Scale) -> None:
        """Count the pairs that a batch completes: before its answers are kept, since those are known by that.

        `scale`: by the reference sample of a digest; None: it is not here.
        """
        found = self._database.execute(
            "SELECT wish, asked, counts FROM divergences WHERE resource = ?", (resource,)
        ).fetchone()
        if found is None or now - found[1] > _LAPSES_AFTER:
            return
        wish = DivergenceWish.model_validate_json(found[0])
        came = (intake.batch.version, intake.batch.digest)
        candidate, stable = _bytes_of(wish.candidate), _bytes_of(wish.stable)
        if came not in {candidate, stable} or candidate == stable:
            return
        counts = _COUNTS.decode(found[2])
        if came == candidate:
            counts.candidate_rows += intake.rows
        else:
            counts.stable_rows += intake.rows
        kind = intake.prediction.kind if intake.prediction else None
        if kind is None:
            counts.unpredicted += intake.rows
        elif counts.scale is None and kind is not PredictionKind.LABEL:
            counts.scale = 1.0 if kind is PredictionKind.PROBABILITY else scale(wish.stable.digest)
        other = self._arm(resource, stable if came == candidate else candidate)
        if other is not None:
            self._join(resource, arm, other, intake, counts, now)
        self._database.execute(
            "UPDATE divergences SET counts = ? WHERE resource = ?", (msgspec.json.encode(counts), resource)
        )

    def unscaled(self) -> frozenset[str]:
        """Digests of versions whose reference sample is needed for a scale."""
        rows = self._database.execute("SELECT wish, counts FROM divergences").fetchall()
        return frozenset(
            DivergenceWish.model_validate_json(wish).stable.digest
            for wish, counts in rows
            if _lacks_scale(_COUNTS.decode(counts))
        )

    def forget_inputs(self) -> None:
        """After a rollback: what was remembered may not have been counted."""
        self._inputs.clear()

    def _arm(self, resource: int, version: tuple[str, str]) -> int | None:
        found = self._database.execute(
            "SELECT id FROM arms WHERE resource = ? AND version = ? AND digest = ?", (resource, *version)
        ).fetchone()
        return int(found[0]) if found else None

    def _join(  # noqa: PLR0917
        self, resource: int, arm: int, other: int, intake: ReadableBatch, counts: _Counts, now: float
    ) -> None:
        if intake.prediction is None:
            return
        counted: set[tuple[str, int]] = set()
        replayed: set[str] = set()
        known: dict[int, dict[int, _Answer]] = {}
        request = ""
        for place, row in zip(_places(intake), intake.answered, strict=True):
            if row.request != request:
                request, known = row.request, self._answers(row.request, arm, other)
            key = (row.request, row.row)
            partner = known.get(other, {}).get(row.row)
            if partner is None or row.row in known.get(arm, {}) or key in counted or partner.shadow == row.shadow:
                continue
            counted.add(key)
            if self._is_repeated(resource, _input_hash(intake, place), now):
                counts.repeated += 1
                continue
            counts.add(_answer_of(row), partner, intake.prediction.kind)
            if counts.replay and self.replays.holds(resource, request):
                counts.recorded += request not in replayed
                counts.recorded_pairs += 1
                replayed.add(request)

    def _answers(self, request: str, arm: int, other: int) -> dict[int, dict[int, _Answer]]:
        """Answers to a request that are kept, by arm and row."""
        found: dict[int, dict[int, _Answer]] = {}
        for which, row, score, answer, shadow in self._database.execute(
            "SELECT arm, row, score, answer, shadow FROM answers WHERE request = ? AND arm IN (?, ?)",
            (request, arm, other),
        ):
            found.setdefault(which, {})[row] = _Answer(score, answer, bool(shadow))
        return found

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


def _lacks_scale(counts: _Counts | DivergenceReport) -> bool:
    return counts.scale is None and counts.unscaled > 0


def missing_scale(report: DivergenceReport, wish: DivergenceWish) -> str | None:
    """The digest whose reference sample is needed; None: none is."""
    return wish.stable.digest if _lacks_scale(report) else None


def _bytes_of(served: ServedVersion) -> tuple[str, str]:
    return served.version, served.digest


def _answer_of(row: AnsweredRow) -> _Answer:
    return _Answer(row.score, row.answer, row.shadow)


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
