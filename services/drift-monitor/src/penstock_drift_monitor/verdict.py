"""The report of a resource from what its judges found. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock_contracts.drift import ColumnDrift, DriftReason, DriftReport, DriftVerdict
from penstock_drift_monitor.detector.judgement import judged
from penstock_drift_monitor.judging import LoadedReference
from penstock_drift_monitor.partial_verdicts import inputs_verdict, prediction_verdict, without_sample
from penstock_drift_monitor.timestamps import rfc3339
from penstock_drift_monitor.watch import INPUTS, Watch, subject

if TYPE_CHECKING:
    from penstock_drift_monitor.detector.detector import ColumnFinding

_SHOWN = 10


@dataclass(frozen=True)
class RecordedSpan:
    """What was recorded of a resource."""

    first: float | None
    """Unix time of the first row of the windows; None: they are empty."""
    last: float | None
    rows: int
    """In the windows."""
    dropped: int
    replica: str = ""
    """Which of several looks; empty: there is but one."""


def report_of(
    namespace: str, name: str, watch: Watch, problems: Mapping[str, tuple[bool, str]], seen: RecordedSpan
) -> DriftReport:
    """Say what is known. `problems`: by digest, whether trying again may help, and why its reference is not here."""
    inputs = watch.judges[INPUTS].detector.findings() if INPUTS in watch.judges else ()
    predictions: dict[str, tuple[ColumnFinding, ...]] = {}
    for each in watch.versions():
        judge = watch.judges.get(subject(each.version, each.digest))
        if judge is not None:
            predictions[each.version] = judge.detector.findings()
    reference = watch.reference(watch.wish.stable.digest)
    verdict, reason, message = _nothing(watch, reference, problems, seen)
    dataset: bool | None = None
    columns: tuple[ColumnDrift, ...] = ()
    if not message:
        judgement = judged(inputs, predictions, watch.wish)
        verdict, reason, dataset = judgement.verdict, judgement.reason, judgement.dataset_drift
        message, columns = judgement.message + _left_out(watch, reference), judgement.columns
    return DriftReport(
        namespace=namespace,
        name=name,
        dataset_drift=dataset,
        verdict=verdict,
        reason=reason,
        message=message,
        columns=columns,
        inputs=inputs_verdict(watch, problems),
        predictions=tuple(prediction_verdict(watch, each, problems) for each in watch.versions()),
        rows=max((finding.rows for finding in inputs), default=0),
        reference_rows=reference.rows if reference else 0,
        window_from=_stamped(seen.first),
        window_to=_stamped(seen.last),
        dropped=seen.dropped,
    )


def _nothing(
    watch: Watch, reference: LoadedReference | None, problems: Mapping[str, tuple[bool, str]], seen: RecordedSpan
) -> tuple[DriftVerdict, DriftReason, str]:
    """Why nothing can be judged; an empty message: something can."""
    if reference is None:
        found = without_sample(watch.wish.stable, problems)
        return found.verdict, found.reason, found.message
    if watch.mismatch and INPUTS not in watch.judges:
        return DriftVerdict.ERROR, DriftReason.BAD_REFERENCE, watch.mismatch
    if not seen.rows and not any(judge.through for judge in watch.judges.values()):
        said = "no records came yet: check that spec.predictor.logger.mode is all and that the model has traffic"
        if seen.replica:
            said += (
                f"; replica {seen.replica} holds this resource: after a change of driftMonitor.replicas the windows of "
                "a resource that moved begin anew"
            )
        return DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, said
    if not watch.judges:
        said = "the records have no column that the reference sample has"
        return DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, said
    return DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, ""


def _left_out(watch: Watch, reference: LoadedReference | None) -> str:
    if reference is None or reference.inputs is None or INPUTS not in watch.judges:
        return ""
    kept = set(watch.judges[INPUTS].reference.columns)
    left = [name for name in reference.inputs.columns if name not in kept]
    if not left:
        return ""
    named = ", ".join(name[:60] for name in left[:_SHOWN]) + (" and more" if len(left) > _SHOWN else "")
    why = "they are not recorded, or as hashes, or as text where the reference sample has numbers"
    return f"; not judged, for {why}: {named}"


def _stamped(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
