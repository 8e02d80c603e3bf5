"""All that the monitor keeps, as the writer's thread sees it: one transaction for records, senders and detectors."""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from penstock_contracts.base import evolve
from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.drift import DriftReport, DriftWish
from penstock_contracts.labels import LabelOutcome
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.store import CourseStore
from penstock_drift_monitor.course_notes import EVERY_SECONDS, CourseNotes
from penstock_drift_monitor.divergence_store import DivergenceStore, ReplayStart
from penstock_drift_monitor.errors import NoRoom, UnknownResource
from penstock_drift_monitor.intake import ReadableBatch, read_kept_batch
from penstock_drift_monitor.judging import DriftJudge, LoadedReference, columns_of_fingerprint
from penstock_drift_monitor.label_store import LabelStore, ReadLabel, ReadLabels
from penstock_drift_monitor.model_store import KeptSample
from penstock_drift_monitor.outbox import Outbox
from penstock_drift_monitor.paired_quality_store import PairedQualityStore
from penstock_drift_monitor.skew_store import SkewStore
from penstock_drift_monitor.verdict import RecordedSpan, report_of
from penstock_drift_monitor.watch import INPUTS, Watch, subject

_log = logging.getLogger(__name__)
_BEGINNINGS = 3
"""How often judges of inputs may begin anew for one batch: the first that came, then stable's own."""


def kept_sample(database: sqlite3.Connection, digest: str) -> KeptSample | None:
    """Read the reference sample that `Ledger.sample` kept; None: there is none of this digest."""
    found = database.execute("SELECT path, columns, body FROM samples WHERE digest = ?", (digest,)).fetchone()
    return KeptSample(*found) if found else None


@dataclass(frozen=True, kw_only=True)
class LedgerBounds:
    """How much is kept."""

    window_rows: int
    resources: int
    versions: int


@dataclass(frozen=True, kw_only=True)
class BatchReceipt:
    """What became of a batch."""

    new: bool
    """False: it was here already."""
    rows: int
    dropped: int
    """Rows more than the sender told of before."""
    unnamed: int = 0


@dataclass
class Ledger:
    """Methods must run inside a transaction, which the writer commits; after a rollback `forget_judges` is called."""

    database: sqlite3.Connection
    bounds: LedgerBounds
    labels: LabelStore
    replica: str = ""
    """Name of this one of several; empty: there is but one."""
    outbox: Outbox | None = None
    """What waits for sinks; None: there are none."""
    references: dict[tuple[str, float], LoadedReference] = field(default_factory=dict)
    problems: dict[str, tuple[bool, str]] = field(default_factory=dict)
    """By digest: whether trying again may help, and why there is no reference sample."""
    _watches: dict[int, Watch] = field(default_factory=dict)
    courses: CourseNotes = field(init=False)
    divergences: DivergenceStore = field(init=False)
    paired_qualities: PairedQualityStore = field(init=False)
    skews: SkewStore = field(init=False)

    def __post_init__(self) -> None:
        self.courses = CourseNotes(CourseStore(self.database))
        self.divergences = DivergenceStore(self.database)
        self.paired_qualities = PairedQualityStore(self.database)
        self.skews = SkewStore(self.database)
        for (resource,) in self.database.execute("SELECT id FROM resources WHERE wish IS NOT NULL").fetchall():
            self.courses.rows_came(resource)

    def take(self, intake: ReadableBatch, now: float) -> BatchReceipt:
        """Keep a batch and judge it, unless it was kept before. Raises NoRoom for a resource beyond the bound."""
        batch = intake.batch
        resource = self._resource(batch.namespace, batch.name)
        before = self.database.execute(
            "SELECT number, dropped FROM senders WHERE resource = ? AND sender = ?", (resource, batch.sender)
        ).fetchone() or (0, 0)
        if batch.number <= before[0]:
            return BatchReceipt(new=False, rows=0, dropped=0)
        dropped = max(batch.dropped, before[1])
        self.database.execute(
            "INSERT OR REPLACE INTO senders VALUES (?, ?, ?, ?, ?)",
            (resource, batch.sender, batch.number, dropped, now),
        )
        if intake.rows:
            self._keep(resource, intake, now)
        return BatchReceipt(new=True, rows=intake.rows, dropped=dropped - before[1], unnamed=intake.unnamed)

    def _keep(self, resource: int, intake: ReadableBatch, now: float) -> None:
        arm = self._arm(resource, intake.batch.digest, intake.batch.version, now)
        number = self.database.execute(
            "INSERT INTO batches (resource, arm, first, last, row_count, body) VALUES (?, ?, ?, ?, ?, ?)",
            (resource, arm, intake.first, intake.last, intake.rows, intake.body),
        ).lastrowid
        self.divergences.records_came(resource, arm, intake, now, self._scale)
        self.paired_qualities.records_came(resource, arm, intake, now)
        self.database.executemany(
            "INSERT OR IGNORE INTO answers (arm, request, row, score, answer, shadow, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(arm, each.request, each.row, each.score, each.answer, each.shadow, each.at) for each in intake.answered],
        )
        self.labels.records_came(resource, intake.answered)
        if self.outbox is not None:
            self.outbox.put(intake)
        self._judge(resource, {number or 0: intake})
        self._trim(arm, intake.rows)
        self.courses.rows_came(resource)

    def _trim(self, arm: int, added: int) -> None:
        """Keep the newest batches that have the window's rows between them."""
        (held,) = self.database.execute("SELECT held FROM arms WHERE id = ?", (arm,)).fetchone()
        held += added
        while True:
            oldest = self.database.execute(
                "SELECT id, row_count FROM batches WHERE arm = ? ORDER BY id LIMIT 1", (arm,)
            ).fetchone()
            if oldest is None or held - oldest[1] < self.bounds.window_rows:
                break
            self.database.execute("DELETE FROM batches WHERE id = ?", (oldest[0],))
            held -= oldest[1]
        self.database.execute("UPDATE arms SET held = ?, came = came + ? WHERE id = ?", (held, added, arm))

    def take_labels(self, namespace: str, name: str, read: ReadLabels, now: float) -> LabelOutcome:
        """Keep labels, and count the pairs that have theirs now. Raises UnknownResource."""
        resource, joined = self.known(namespace, name), list[ReadLabel]()
        outcome = self.labels.take(resource, read, now, joined.append)
        self.paired_qualities.labels_came(resource, joined, now)
        return outcome

    # Wishes.

    def wish(self, namespace: str, name: str, wish: DriftWish, now: float | None = None) -> DriftReport:
        """Remember whom to watch; the verdict so far. `now`: Unix seconds; None: of the clock.

        Raises NoRoom for a resource beyond the bound.
        """
        now = time.time() if now is None else now
        resource = self._resource(namespace, name)
        watch = self._watch(resource)
        if watch is None or watch.wish != wish:
            self.database.execute("UPDATE resources SET wish = ? WHERE id = ?", (wish.model_dump_json(), resource))
            self.courses.rollout(resource, wish.rollout, now)
        if watch is not None and watch.wish.watches_as(wish):
            watch.wish = wish
        else:
            self._save(resource)
            self._watches.pop(resource, None)
            self._judge(resource, {})
            self._drop_states(resource)
        if watch is None:
            self.note_course(resource, now - EVERY_SECONDS)  # where its rows are counted from
        return self._report(resource, namespace, name)

    def report(self, namespace: str, name: str) -> DriftReport:
        """Give the verdict so far. Raises UnknownResource."""
        return self._report(self.known(namespace, name), namespace, name)

    def known(self, namespace: str, name: str) -> int:
        """Find a resource that has a wish. Raises UnknownResource."""
        resource = self._found(namespace, name)
        if resource is None or self._watch(resource) is None:
            raise UnknownResource(
                f"{namespace}/{name} is not watched: set spec.drift of the ModelDeployment, or PUT "
                f"/v1/resources/{namespace}/{name}"
            )
        return resource

    def wish_of(self, namespace: str, name: str) -> tuple[int, DriftWish]:
        """Find a resource's number and wish. Raises UnknownResource."""
        resource = self.known(namespace, name)
        return resource, self._watches[resource].wish

    def forget(self, namespace: str, name: str) -> None:
        """Forget all of a resource; what is much goes with the next tidying."""
        resource = self._found(namespace, name)
        if resource is None:
            return
        self._watches.pop(resource, None)
        for table in ("senders", "states", "batches", "divergences", "replays", "paired_qualities", "skews"):
            self.database.execute(f"DELETE FROM {table} WHERE resource = ?", (resource,))  # noqa: S608 - our own names
        self.database.execute(
            "UPDATE resources SET namespace = '', name = ?, wish = NULL WHERE id = ?", (str(resource), resource)
        )

    def give_up(self, holds: Callable[[str, str], bool]) -> tuple[str, ...]:
        """Watch no more what is another replica's now, and say which. What is kept of it goes with its age."""
        moved = [key for key in self.wishes() if not holds(*key)]
        for namespace, name in moved:
            resource = self._found(namespace, name)
            self._watches.pop(resource or 0, None)
            self.database.execute("UPDATE resources SET wish = NULL WHERE id = ?", (resource,))
        return tuple(f"{namespace}/{name}" for namespace, name in moved)

    def wishes(self) -> dict[tuple[str, str], DriftWish]:
        """Every wish, by namespace and name."""
        rows = self.database.execute("SELECT namespace, name, wish FROM resources WHERE wish IS NOT NULL").fetchall()
        return {(namespace, name): DriftWish.model_validate_json(wish) for namespace, name, wish in rows}

    def reference_came(self, loaded: LoadedReference) -> None:
        """Judge by it from now on, beginning with what the windows still hold."""
        self.problems.pop(loaded.digest, None)
        self.references[loaded.digest, loaded.margin] = loaded
        for (resource,) in self.database.execute("SELECT id FROM resources WHERE wish IS NOT NULL").fetchall():
            watch = self._watch(resource)
            if watch and any(each.digest == loaded.digest for each in watch.versions()):
                self._judge(resource, {})

    def reference_missing(self, digest: str, why: str, *, try_again: bool) -> None:
        """Note why there is none: for the report."""
        self.problems[digest] = (try_again, why)

    def sample(self, digest: str, path: str, columns: str, body: bytes) -> None:
        """Keep a reference sample, so that a restart needs no model store."""
        self.database.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)", (digest, path, columns, body))

    def tidied(self) -> None:
        """After old rows went: drop what they leave behind, and samples that no wish names."""
        self.labels.forget_count()
        self.paired_qualities.answers_went()
        wishes = self.wishes().values()
        wanted = {(each.digest, wish.margin) for wish in wishes for each in (wish.stable, *wish.others)}
        digests = {digest for digest, _ in wanted} | (unscaled := self.divergences.unscaled())
        for key in self.references.keys() - wanted:
            if key[0] not in unscaled:
                del self.references[key]
        for digest in self.problems.keys() - digests:
            del self.problems[digest]
        for (digest,) in self.database.execute("SELECT digest FROM samples").fetchall():
            if digest not in digests:
                self.database.execute("DELETE FROM samples WHERE digest = ?", (digest,))

    # Courses.

    def course_due(self) -> list[int]:
        """Take the resources whose course is to be noted."""
        return self.courses.due()

    def note_course(self, resource: int, now: float) -> None:
        """Note what holds of a resource, unless it was forgotten or nobody watches it."""
        exists = self.database.execute("SELECT 1 FROM resources WHERE id = ?", (resource,)).fetchone()
        watch = self._watch(resource) if exists else None
        if watch is not None:
            came: Counter[str] = Counter()
            for version, count in self.database.execute(
                "SELECT version, came FROM arms WHERE resource = ? ORDER BY seen", (resource,)
            ):
                came[version] += count
            self.courses.note(resource, watch, came, now)

    def note_quality(self, report: QualityReport, now: float) -> None:
        """Note how good a resource's versions are. Raises UnknownResource: it was forgotten."""
        self.courses.quality(self.known(report.namespace, report.name), report, now)

    # Two versions on the same requests.

    def compare(self, namespace: str, name: str, wish: DivergenceWish, now: float) -> DivergenceReport:
        """Count pairs of two versions from now on; what was counted so far. `now`: Unix seconds.

        Raises NoRoom for a resource beyond the bound.
        """
        resource = self._resource(namespace, name)
        self.divergences.follow(resource, wish, now)
        return self.divergences.report(resource, namespace, name)

    def divergence(self, namespace: str, name: str, attempt: int | None) -> DivergenceReport:
        """Give what was counted. Raises UnknownResource where nothing was, or only for another attempt."""
        return self.divergences.report(self._found(namespace, name) or 0, namespace, name, attempt)

    def replay_start(self, namespace: str, name: str, wish: DivergenceWish) -> ReplayStart:
        """Give where a replay stands. Raises UnknownResource where other counts have begun since."""
        return self.divergences.replay_start(self._found(namespace, name) or 0, wish)

    def compare_quality(self, namespace: str, name: str, wish: PairedQualityWish, now: float) -> PairedQualityReport:
        """Count labelled pairs of two versions from now on; what was counted so far. `now`: Unix seconds.

        Raises NoRoom for a resource beyond the bound.
        """
        resource = self._resource(namespace, name)
        self.paired_qualities.follow(resource, wish, now)
        return self.paired_qualities.report(resource, namespace, name)

    def paired_quality(self, namespace: str, name: str, attempt: int | None) -> PairedQualityReport:
        """Give what was counted. Raises UnknownResource where nothing was, or only for another attempt."""
        return self.paired_qualities.report(self._found(namespace, name) or 0, namespace, name, attempt)

    def _scale(self, digest: str) -> float | None:
        """What a version's predictions spread over, by its reference sample; None: that is not here."""
        loaded = next((each for (of, _), each in self.references.items() if of == digest), None)
        return loaded.prediction_spread if loaded else None

    # Judges.

    def _judge(self, resource: int, fresh: dict[int, ReadableBatch]) -> None:
        """Show every judge the batches that it has not seen; those of `fresh` are decoded already."""
        watch = self._watch(resource)
        if watch is None:
            return
        for name, loaded in watch.predictions_wanted().items():
            if name not in watch.judges:
                judge = watch.begin_prediction(name, loaded)
                self._resume(resource, name, judge)
        self._resume_inputs(resource, watch)
        for _ in range(_BEGINNINGS):
            if not self._pass(resource, watch, fresh):
                break

    def _pass(self, resource: int, watch: Watch, fresh: dict[int, ReadableBatch]) -> bool:
        """Go through the batches once; True: a judge of inputs has begun, so those before are to be looked at again."""
        starts = [judge.through for judge in watch.judges.values()]
        loaded = watch.reference(watch.wish.stable.digest)
        if INPUTS not in watch.judges and loaded is not None and loaded.inputs is not None:
            # Without `fresh` this is the first look, at the whole window; from then on only what comes can begin it.
            starts.append(min(fresh) - 1 if fresh else 0)
        if not starts:
            return False
        for number, intake in self._batches(resource, min(starts), fresh):
            columns = watch.columns_of(intake)
            now = watch.judges.get(INPUTS)
            if columns and (now is None or now.reference.columns != columns):
                watch.begin_inputs(columns)
                return True
            for name, judge in watch.judges.items():
                watch.judge_batch(name, judge, number, intake)
        return False

    def _batches(
        self, resource: int, after: int, fresh: dict[int, ReadableBatch]
    ) -> Iterator[tuple[int, ReadableBatch]]:
        rows = self.database.execute(
            "SELECT id FROM batches WHERE resource = ? AND id > ? ORDER BY id", (resource, after)
        ).fetchall()
        for (number,) in rows:
            if number not in fresh:
                body, last = self.database.execute("SELECT body, last FROM batches WHERE id = ?", (number,)).fetchone()
                fresh[number] = read_kept_batch(body, last)
            yield number, fresh[number]

    def _resume(self, resource: int, name: str, judge: DriftJudge | None) -> None:
        kept = self.database.execute(
            "SELECT fingerprint, through, body FROM states WHERE resource = ? AND subject = ?", (resource, name)
        ).fetchone()
        if judge is not None and kept is not None and not judge.resume(*kept):
            _log.info("bets begin anew", extra={"resource": resource, "subject": name, "fingerprint": kept[0]})

    def _resume_inputs(self, resource: int, watch: Watch) -> None:
        kept = self.database.execute(
            "SELECT fingerprint FROM states WHERE resource = ? AND subject = ?", (resource, INPUTS)
        ).fetchone()
        if INPUTS in watch.judges or kept is None:
            return
        columns = columns_of_fingerprint(kept[0])
        loaded = watch.reference(watch.wish.stable.digest)
        if loaded is None or loaded.inputs is None or not set(columns) <= set(loaded.inputs.columns):
            return
        judge = watch.begin_inputs(columns)
        self._resume(resource, INPUTS, judge)

    def save_judges(self) -> None:
        """Write the state of every judge that saw something: the writer calls it before each commit."""
        for resource in self._watches:
            self._save(resource)

    def forget_judges(self) -> None:
        """After a rollback: what the judges saw did not happen, so they are made again from their kept states."""
        self._watches.clear()
        self.courses.forget()
        self.divergences.forget_inputs()
        self.labels.forget_count()
        if self.outbox is not None:
            self.outbox.forget_count()

    def _save(self, resource: int) -> None:
        watch = self._watches.get(resource)
        for name, judge in (watch.judges if watch else {}).items():
            if judge.changed:
                self.database.execute(
                    "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)",
                    (resource, name, judge.fingerprint, judge.through, judge.detector.to_bytes()),
                )
                judge.changed = False

    def _drop_states(self, resource: int) -> None:
        """Remove states of versions that nobody names any more."""
        watch = self._watches[resource]
        wanted = {INPUTS, *(subject(each.version, each.digest) for each in watch.versions())}
        for (name,) in self.database.execute("SELECT subject FROM states WHERE resource = ?", (resource,)).fetchall():
            if name not in wanted:
                self.database.execute("DELETE FROM states WHERE resource = ? AND subject = ?", (resource, name))

    def _watch(self, resource: int) -> Watch | None:
        if resource not in self._watches:
            (wish,) = self.database.execute("SELECT wish FROM resources WHERE id = ?", (resource,)).fetchone()
            if wish is None:
                return None
            self._watches[resource] = Watch(DriftWish.model_validate_json(wish), self.references)
            self._judge(resource, {})
        return self._watches[resource]

    # Reports.

    def _report(self, resource: int, namespace: str, name: str) -> DriftReport:
        watch = self._watches[resource]
        first, last, rows = self.database.execute(
            "SELECT MIN(first), MAX(last), TOTAL(row_count) FROM batches WHERE resource = ?", (resource,)
        ).fetchone()
        (dropped,) = self.database.execute(
            "SELECT TOTAL(dropped) FROM senders WHERE resource = ?", (resource,)
        ).fetchone()
        seen = RecordedSpan(first=first, last=last, rows=int(rows), dropped=int(dropped), replica=self.replica)
        return evolve(report_of(namespace, name, watch, self.problems, seen), skew=self.skews.report(resource))

    # Names.

    def _found(self, namespace: str, name: str) -> int | None:
        found = self.database.execute(
            "SELECT id FROM resources WHERE namespace = ? AND name = ?", (namespace, name)
        ).fetchone()
        return int(found[0]) if found else None

    def _resource(self, namespace: str, name: str) -> int:
        """Find a resource, or begin one."""
        found = self._found(namespace, name)
        if found is not None:
            return found
        (count,) = self.database.execute("SELECT COUNT(*) FROM resources").fetchone()
        if count >= self.bounds.resources:
            raise NoRoom(
                f"{namespace}/{name} would be resource {count + 1}, more than {self.bounds.resources}: delete some "
                "(DELETE /v1/resources/{namespace}/{name}) or raise PENSTOCK_MAX_RESOURCES"
            )
        made = self.database.execute("INSERT INTO resources (namespace, name) VALUES (?, ?)", (namespace, name))
        return made.lastrowid or 0

    def _arm(self, resource: int, digest: str, version: str, now: float) -> int:
        key = (resource, digest, version)
        found = self.database.execute(
            "SELECT id FROM arms WHERE resource = ? AND digest = ? AND version = ?", key
        ).fetchone()
        if found is not None:
            self.database.execute("UPDATE arms SET seen = ? WHERE id = ?", (now, found[0]))
            return int(found[0])
        arms = self.database.execute("SELECT id FROM arms WHERE resource = ? ORDER BY seen", (resource,)).fetchall()
        for (arm,) in arms[: max(0, len(arms) + 1 - self.bounds.versions)]:
            for table in ("batches", "answers"):
                self.database.execute(f"DELETE FROM {table} WHERE arm = ?", (arm,))  # noqa: S608 - our own names
            self.database.execute("DELETE FROM arms WHERE id = ?", (arm,))
        made = self.database.execute(
            "INSERT INTO arms (resource, digest, version, seen) VALUES (?, ?, ?, ?)", (*key, now)
        ).lastrowid
        return made or 0
