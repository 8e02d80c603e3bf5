"""What is known of the inputs alone, and of each version's prediction alone. Pure."""

from collections.abc import Mapping

from penstock_contracts.drift import DriftReason, DriftVerdict, PartialDrift, PredictionDrift, ServedVersion
from penstock_drift_monitor.detector.judgement import of_inputs, of_prediction
from penstock_drift_monitor.watch import INPUTS, Watch, subject

NO_SAMPLE = "the version has none"
"""How the reason begins when a version was logged without a sample."""

Problems = Mapping[str, tuple[bool, str]]
"""By digest: whether trying again may help, and why its reference sample is not here."""


def inputs_verdict(watch: Watch, problems: Problems) -> PartialDrift:
    """The inputs against stable's reference sample."""
    stable = watch.wish.stable
    if INPUTS in watch.judges:
        return of_inputs(watch.judges[INPUTS].detector.findings(), watch.wish)
    reference = watch.reference(stable.digest)
    if reference is None:
        return without_sample(stable, problems)
    if watch.mismatch:
        return PartialDrift(verdict=DriftVerdict.ERROR, reason=DriftReason.BAD_REFERENCE, message=watch.mismatch)
    if reference.inputs is None:
        return _without("the reference sample has no column of an input")
    return of_inputs((), watch.wish)


def prediction_verdict(watch: Watch, of: ServedVersion, problems: Problems) -> PredictionDrift:
    """A version's prediction against its own reference sample."""
    judge, reference = watch.judges.get(subject(of.version, of.digest)), watch.reference(of.digest)
    if judge is not None:
        found = of_prediction(judge.detector.findings(), watch.wish)
    elif reference is None:
        found = without_sample(of, problems)
    elif reference.prediction is None:
        found = _without(f"the reference sample of version {of.version} has no column prediction: log one")
    else:
        found = of_prediction((), watch.wish)
    return PredictionDrift(version=of.version, digest=of.digest, found=found)


def without_sample(of: ServedVersion, problems: Problems) -> PartialDrift:
    """The verdict where a version's reference sample is not here."""
    again, why = problems.get(of.digest, (True, "it is being loaded"))
    message = f"the reference sample of version {of.version} is not here: {why}"
    if again:
        reason = DriftReason.INSUFFICIENT_DATA
        return PartialDrift(verdict=DriftVerdict.INCONCLUSIVE, reason=reason, message=message)
    reason = DriftReason.NO_REFERENCE if why.startswith(NO_SAMPLE) else DriftReason.BAD_REFERENCE
    return PartialDrift(verdict=DriftVerdict.ERROR, reason=reason, message=message)


def _without(message: str) -> PartialDrift:
    return PartialDrift(verdict=DriftVerdict.ERROR, reason=DriftReason.NO_REFERENCE, message=message)
