"""Whom a wish has watched: a judge for the inputs, and one for each version's prediction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_drift_monitor.intake import ReadableBatch
from penstock_drift_monitor.judging import DriftJudge, LoadedReference

INPUTS = ""
"""Subject of the judge of inputs; a version's is its number and digest."""


@dataclass
class Watch:
    """Of one resource. Only the writer's thread touches it."""

    wish: DriftWish
    references: Mapping[tuple[str, float], LoadedReference]
    """By digest and margin; others add to it."""
    judges: dict[str, DriftJudge] = field(default_factory=dict)
    mismatch: str = ""
    """Why no input can be judged, though there are records and a reference."""

    def versions(self) -> tuple[ServedVersion, ...]:
        """Stable first; each once."""
        found = {subject(each.version, each.digest): each for each in (self.wish.stable, *self.wish.others)}
        return tuple(found.values())

    def reference(self, digest: str) -> LoadedReference | None:
        """The sample of a digest; None: it is not here yet."""
        return self.references.get((digest, self.wish.margin))

    def predictions_wanted(self) -> dict[str, LoadedReference]:
        """Subjects of the versions whose prediction can be judged."""
        found = {subject(each.version, each.digest): self.reference(each.digest) for each in self.versions()}
        return {name: loaded for name, loaded in found.items() if loaded is not None and loaded.prediction is not None}

    def begin_prediction(self, name: str, loaded: LoadedReference) -> DriftJudge | None:
        """Have a judge for a version's prediction."""
        if loaded.prediction is None:
            return None
        self.judges[name] = DriftJudge(
            loaded.prediction, digest=loaded.digest, margin=loaded.margin, period_seconds=self.wish.period_seconds
        )
        return self.judges[name]

    def begin_inputs(self, columns: tuple[str, ...]) -> DriftJudge | None:
        """Have a judge for those columns of stable's reference; None: there is no reference, or no such column."""
        loaded = self.reference(self.wish.stable.digest)
        if loaded is None or loaded.inputs is None or not columns:
            return None
        self.judges[INPUTS] = DriftJudge(
            loaded.inputs.only(columns),
            digest=loaded.digest,
            margin=loaded.margin,
            period_seconds=self.wish.period_seconds,
        )
        return self.judges[INPUTS]

    def columns_of(self, intake: ReadableBatch) -> tuple[str, ...] | None:
        """Input columns that this batch asks to be judged; None: it has no say, or there is no reference.

        Stable's own revision decides, since exclusion is a property of a revision; others only where nobody did.
        """
        loaded, batch, stable = self.reference(self.wish.stable.digest), intake.batch, self.wish.stable
        if loaded is None or not intake.inputs or not intake.rows:
            return None
        decides = (batch.digest, batch.revision) == (stable.digest, stable.revision)
        if INPUTS in self.judges and not decides:
            return None
        live = loaded.named(intake.inputs)
        columns = tuple(name for name in loaded.comparable(live) if name not in self.wish.hashed_columns)
        self.mismatch = "" if columns else _mismatch(loaded, tuple(live))
        return columns

    def judge_batch(self, name: str, judge: DriftJudge, number: int, intake: ReadableBatch) -> None:
        """Show a batch to a judge; nothing happens when it saw it before."""
        if number <= judge.through:
            return
        if name == INPUTS:
            loaded = self.reference(self.wish.stable.digest)
            if loaded is not None and intake.inputs and intake.users.any():
                live = loaded.fit(loaded.named(intake.seen_by_users()), judge.reference.columns)
                judge.see(number, live, intake.last)
                return
        elif name == subject(intake.batch.version, intake.batch.digest):
            loaded = self.reference(intake.batch.digest)
            if loaded is not None and intake.prediction is not None and intake.rows:
                judge.see(number, loaded.fit(intake.predictions(), judge.reference.columns), intake.last)
                return
        judge.pass_by(number)


def subject(version: str, digest: str) -> str:
    """Name of the judge of a version's prediction."""
    return f"{version} {digest}"


def _mismatch(loaded: LoadedReference, live: tuple[str, ...]) -> str:
    theirs = loaded.inputs.columns if loaded.inputs else ()
    return (
        f"no column of the reference sample ({_some(theirs)}) is among the columns that are recorded ({_some(live)}), "
        "or their types differ: log the sample with the columns that the model takes"
    )


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(name[:60] for name in names[:5])
    return (shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")) or "none"  # noqa: PLR2004
