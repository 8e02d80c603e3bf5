"""What findings mean for the data set. Pure: the same findings, the same judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from penstock_contracts.drift import ColumnDrift, DriftReason, DriftVerdict, DriftWish, PartialDrift
from penstock_drift_monitor.detector.detector import LEAST_ROWS
from penstock_drift_monitor.detector.finding import ColumnFinding
from penstock_drift_monitor.timestamps import rfc3339

_NAMED: Final = 5
"""Columns that a message names."""
_LONGEST: Final = 60
"""Characters of a name in a message."""
_MEANING: Final = {
    "shape": "other values are frequent than in the reference sample",
    "location": "values are higher or lower than in the reference sample",
    "spread": "values lie further apart or closer together than in the reference sample",
    "missing": "the share of missing values is not the reference sample's",
    "non-finite": "infinities, or values that are no numbers",
    "unseen": "values that the reference sample does not hold",
}


@dataclass(frozen=True, kw_only=True)
class DataSetJudgement:
    """Of the data set."""

    verdict: DriftVerdict
    reason: DriftReason
    dataset_drift: bool | None
    """None: it cannot be said, as nothing was judged yet, or values are broken that may be the cause."""
    message: str
    columns: tuple[ColumnDrift, ...]


def judged(
    inputs: Sequence[ColumnFinding], predictions: Mapping[str, Sequence[ColumnFinding]], wish: DriftWish
) -> DataSetJudgement:
    """The verdict on a data set.

    The data set drifts with stable's prediction, with a key column, or with the share of inputs that the user names.
    Missing, non-finite or unseen values come before all that: they can make everything else drift, and are mended
    upstream. Predictions of other versions are judged and told, but they are no drift of the data set. Until every
    input, and stable's prediction where it has one, is judged, nothing is known. A model whose tensors have no columns
    (images) is judged by its prediction alone.

    Args:
        inputs: Of the input columns, against stable's reference.
        predictions: Of each version's prediction, against its own reference.
        wish: Key columns, share and period.
    """
    named = [(finding.column, finding) for finding in inputs]
    for version, findings in predictions.items():
        named += [(f"{finding.column} (version {version})", finding) for finding in findings]
    columns = tuple(_column(name, finding) for name, finding in named)
    stable = predictions.get(wish.stable.version, ())
    known = bool(inputs or stable) and all(finding.judged for finding in (*inputs, *stable))
    why = _of_the_data_set(inputs, stable, wish)
    broken = [name for name, finding in named if finding.drifted and finding.quality]
    drifted = [name for name, finding in named if finding.drifted and not finding.quality]
    verdict, told = DriftVerdict.DRIFT, _since(named)
    dataset: bool | None
    if broken:
        reason, dataset = DriftReason.DATA_QUALITY, None if why or not known else False
        message = f"missing, non-finite or unseen values in {_list(broken)}{told}: mend where they come from"
        message += f"; it may be why also {why}" if why else ""
    elif why:
        reason, dataset = DriftReason.DATASET_DRIFT, True
        message = f"{why} ({_list(drifted)}{told})"
    elif drifted:
        reason, dataset = DriftReason.COLUMN_DRIFT, False if known else None
        message = f"{_list(drifted)}: drift{told}, not enough for drift of the data set"
    elif known:
        verdict, reason, dataset = DriftVerdict.NO_DRIFT, DriftReason.NO_DRIFT, False
        message = f"{len(named)} columns: none is further from the reference sample than the margin"
    else:
        verdict, reason, dataset = DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, None
        message = _too_little(wish)
    if not inputs and verdict is not DriftVerdict.INCONCLUSIVE:
        message += "; inputs are not judged: the records have no columns of them"
    absent = sorted(set(wish.key_columns) - {finding.column for finding in inputs})
    if absent:
        message += f"; the reference sample has no key column {_list(absent)}"
    return DataSetJudgement(verdict=verdict, reason=reason, dataset_drift=dataset, message=message, columns=columns)


def of_inputs(inputs: Sequence[ColumnFinding], wish: DriftWish) -> PartialDrift:
    """The verdict on the inputs alone, whatever predictions do."""
    return _partial(inputs, wish, drift=_of_the_data_set(inputs, (), wish))


def of_prediction(findings: Sequence[ColumnFinding], wish: DriftWish) -> PartialDrift:
    """The verdict on one version's prediction, which is a key column."""
    drifts = any(finding.drifted and not finding.quality for finding in findings)
    return _partial(findings, wish, drift="its prediction drifts" if drifts else "")


def _partial(findings: Sequence[ColumnFinding], wish: DriftWish, *, drift: str) -> PartialDrift:
    """`drift`: why it is drift; empty: it is none."""
    told = _since([(finding.column, finding) for finding in findings])
    broken = [finding.column for finding in findings if finding.drifted and finding.quality]
    drifted = [finding.column for finding in findings if finding.drifted]
    if broken:
        verdict, reason = DriftVerdict.DRIFT, DriftReason.DATA_QUALITY
        message = f"missing, non-finite or unseen values in {_list(broken)}{told}"
    elif drift:
        verdict, reason, message = DriftVerdict.DRIFT, DriftReason.DATASET_DRIFT, f"{drift} ({_list(drifted)}{told})"
    elif not findings or not all(finding.judged for finding in findings):
        verdict, reason = DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA
        message = _too_little(wish)
    elif drifted:
        verdict, reason = DriftVerdict.NO_DRIFT, DriftReason.COLUMN_DRIFT
        message = f"{_list(drifted)}: drift{told}, not enough for drift of the data set"
    else:
        verdict, reason = DriftVerdict.NO_DRIFT, DriftReason.NO_DRIFT
        message = "none is further from the reference sample than the margin"
    return PartialDrift(
        verdict=verdict,
        reason=reason,
        message=message,
        score=max((finding.score / finding.threshold for finding in findings), default=0.0),
        rows=max((finding.rows for finding in findings), default=0),
    )


def _of_the_data_set(inputs: Sequence[ColumnFinding], stable: Sequence[ColumnFinding], wish: DriftWish) -> str:
    """Why the data set drifts, by what is not broken; empty: it does not."""
    drifted = [finding.column for finding in inputs if finding.drifted and not finding.quality]
    reasons = []
    if any(finding.drifted and not finding.quality for finding in stable):
        reasons.append(f"the prediction of version {wish.stable.version} drifts")
    if keys := [name for name in drifted if name in wish.key_columns]:
        reasons.append(f"key column {_list(keys)} drifts")
    if drifted and len(drifted) >= wish.share * len(inputs):
        reasons.append(f"{len(drifted)} of {len(inputs)} columns drift, and {wish.share:.0%} are drift of the data set")
    return "; ".join(reasons)


def _column(name: str, finding: ColumnFinding) -> ColumnDrift:
    if finding.drifted:
        verdict, message = DriftVerdict.DRIFT, _MEANING[finding.test]
    elif finding.judged:
        verdict, message = DriftVerdict.NO_DRIFT, ""
    else:
        verdict, message = DriftVerdict.INCONCLUSIVE, "no block of rows was judged yet"
    if finding.unusual and not finding.drifted:
        message = f"{message}; unusual for the period so far".removeprefix("; ")
    since = None if finding.since is None else rfc3339(finding.since, "milliseconds")
    return ColumnDrift(
        name=name,
        test=finding.test,
        verdict=verdict,
        score=finding.score,
        threshold=finding.threshold,
        rows=finding.rows,
        since=since,
        message=message,
    )


def _too_little(wish: DriftWish) -> str:
    if wish.period_seconds:
        return f"no period of {wish.period_seconds:g} s with at least {LEAST_ROWS} rows has ended yet"
    return f"fewer than {LEAST_ROWS} rows so far"


def _since(named: Sequence[tuple[str, ColumnFinding]]) -> str:
    moments = [finding.since for _, finding in named if finding.drifted and finding.since is not None]
    return f" since {rfc3339(min(moments), 'milliseconds')}" if moments else ""


def _list(names: Sequence[str]) -> str:
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
