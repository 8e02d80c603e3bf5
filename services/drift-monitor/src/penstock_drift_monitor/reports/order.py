"""What the process that makes a report is told and answers: MessagePack on its standard input and output."""

from typing import Any

import msgspec
import numpy as np

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.reports.columns import Categories, Numbers, has_a_value, pair, taken, thinned
from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.look_alikes import look_alike, look_alikes
from penstock_drift_monitor.reports.specification import ReportJob


class OrderedColumn(msgspec.Struct, frozen=True):
    """A column that the report shows."""

    name: str
    """Made safe."""
    decided: bool
    """False: there is no verdict yet, which is not the same as no drift."""
    drifted: bool
    score: float
    threshold: float
    reference: Numbers | Categories
    current: Numbers | Categories


class OrderedQuality(msgspec.Struct, frozen=True):
    """Rows of which the label is known."""

    labels: tuple[int, ...]
    predictions: tuple[float, ...]
    are_probabilities: bool
    """Of class 1; otherwise predictions are classes."""


class ReportOrder(msgspec.Struct, frozen=True):
    """All that a report needs."""

    columns: tuple[OrderedColumn, ...]
    dataset_drift: bool
    quality: OrderedQuality | None
    memory_bytes: int
    cpu_seconds: int


class ReportAnswer(msgspec.Struct, frozen=True):
    """Of the process: the page and what it says as JSON, or why there is none."""

    html: bytes = b""
    drift: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    quality: dict[str, Any] | None = None
    reason: FailureReason | None = None
    message: str = ""


class Selection(msgspec.Struct, frozen=True):
    """Which columns a report shows, and what it says about the others."""

    shown: dict[str, str]
    """Each name with its look-alike."""
    left_out: dict[str, str]
    """Each name with the reason."""
    notes: tuple[str, ...]
    """What a reader must know about the whole."""


def ordered(job: ReportJob, *, memory_bytes: int, cpu_seconds: int) -> tuple[ReportOrder, Selection]:
    """Choose columns and rows. Raises ReportFailed (NoData) when none are left."""
    reference_rows, current_rows = _rows(job.reference, "the reference sample"), _rows(job.current, "the window")
    kept = thinned(reference_rows, job.limits.rows), thinned(current_rows, job.limits.rows)
    left_out: dict[str, str] = {}
    chosen: dict[str, tuple[ColumnDrift, Numbers | Categories, Numbers | Categories]] = {}
    for verdict in sorted(job.columns, key=lambda column: (-_sortable(column.score), column.name)):
        if verdict.name in chosen or verdict.name in left_out:
            continue
        if reason := _absent(job, verdict.name):
            left_out[verdict.name] = reason
        elif len(chosen) == job.limits.columns:
            left_out[verdict.name] = f"only the {job.limits.columns} columns with the highest odds are shown"
        else:
            columns = pair(
                taken(job.reference[verdict.name], kept[0]),
                taken(job.current[verdict.name], kept[1]),
                job.limits.categories,
            )
            if empty := _empty(*columns):
                left_out[verdict.name] = empty
            else:
                chosen[verdict.name] = (verdict, *columns)
    if not chosen:
        told = "; ".join(f"{look_alike(name)}: {reason}" for name, reason in list(left_out.items())[:3])
        raise ReportFailed(FailureReason.NO_DATA, f"no column can be shown ({told or 'none was judged yet'})")
    names = look_alikes(chosen)
    quality, about_quality = _quality(job, current_rows)
    order = ReportOrder(
        columns=tuple(
            OrderedColumn(
                names[name],
                verdict.verdict in (DriftVerdict.DRIFT, DriftVerdict.NO_DRIFT),
                verdict.verdict is DriftVerdict.DRIFT,
                verdict.score,
                verdict.threshold,
                reference,
                current,
            )
            for name, (verdict, reference, current) in chosen.items()
        ),
        dataset_drift=job.dataset_drift is True,
        quality=quality,
        memory_bytes=memory_bytes,
        cpu_seconds=cpu_seconds,
    )
    about_rows = _about_rows(reference_rows, current_rows, job.limits.rows)
    return order, Selection(names, left_out, tuple(filter(None, (about_rows, about_quality))))


def _rows(sample: Any, whose: str) -> int:
    lengths = {name: len(values) for name, values in sample.items()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lambda n: lengths[n]), max(lengths, key=lambda n: lengths[n])
        raise ValueError(
            f"{whose}: column {short!r} has {lengths[short]} rows, {long!r} has {lengths[long]}: "
            "give all columns all rows"
        )
    rows = next(iter(lengths.values()), 0)
    if rows == 0:
        raise ReportFailed(
            FailureReason.NO_DATA, f"{whose} has no rows: a report compares two samples; ask again when there are some"
        )
    return rows


def _sortable(score: float) -> float:
    return score if score == score else float("-inf")  # noqa: PLR0124 - NaN


def _absent(job: ReportJob, name: str) -> str:
    if name not in job.reference:
        return "the sample of the version that serves has no such column"
    return "" if name in job.current else "the window has no such column"


def _empty(reference: Numbers | Categories, current: Numbers | Categories) -> str:
    if not has_a_value(reference):
        return "no value in the reference sample: all are missing or not finite"
    return "" if has_a_value(current) else "no value in the window: all are missing or not finite"


def _about_rows(reference: int, current: int, most: int) -> str:
    if max(reference, current) <= most:
        return ""
    return (
        f"Plots and tables are of at most {most:,} rows each, evenly spread over {reference:,} of the reference and "
        f"{current:,} of the window. Verdicts are of all rows."
    )


def _quality(job: ReportJob, rows: int) -> tuple[OrderedQuality | None, str]:
    """Pair labels and predictions; or say why there is no table of quality."""
    if job.labels is None:
        return None, ""
    if len(job.labels) != rows:
        raise ValueError(f"{len(job.labels)} labels for {rows} rows: give one for each row, None where it is not known")
    predictions, _ = pair(job.current.get(job.prediction, []), [], job.limits.categories)
    if not isinstance(predictions, Numbers) or not predictions.float64:
        return None, f"No quality: {look_alike(job.prediction)} is no column of numbers in the window."
    values = np.frombuffer(predictions.float64, "<f8")
    known = [place for place, label in enumerate(job.labels) if label is not None and np.isfinite(values[place])]
    known = [known[place] for place in thinned(len(known), job.limits.rows)]
    labels = tuple(label for label in (job.labels[place] for place in known) if label is not None)
    paired = values[known]
    if len(set(labels)) < 2:  # noqa: PLR2004 - two classes
        return None, f"No quality: {len(labels)} labelled rows have {len(set(labels))} classes, two are needed."
    whole = bool((paired == np.floor(paired)).all())
    probabilities = set(labels) == {0, 1} and bool(((paired >= 0) & (paired <= 1)).all())
    if not whole and not probabilities:
        return None, f"No quality: {look_alike(job.prediction)} holds neither classes nor probabilities of class 1."
    if whole and len({*labels, *paired.tolist()}) > job.limits.classes:
        return None, f"No quality: there are more than {job.limits.classes} classes."
    about = f"Quality is of {len(labels):,} labelled rows of the window."
    return OrderedQuality(labels, tuple(paired.tolist()), probabilities and not whole), about
