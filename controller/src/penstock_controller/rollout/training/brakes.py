"""What keeps a drift from starting a training. Pure; the first brake that holds is the one that is told.

Drift is no proof of harm, and training costs money and may make things worse: so each brake has a name, and what may be
waited for says until when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock_contracts.api import duration
from penstock_contracts.api.drift import DriftStatus, OnDrift
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import Means, Retrain, RetrainingJob, RetrainingStatus
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.drift import DriftReason
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.timestamps import moment, stamp

SUCCEEDED = Reason.SUCCEEDED
_LONGEST_BACKOFF = 86400.0
_SHORTEST_BACKOFF = 60.0
"""Seconds: also without a cool-down Jobs that fail do not follow each other at once."""


@dataclass(frozen=True, kw_only=True)
class Brake:
    """Why no Job is started."""

    reason: str
    message: str
    until: datetime | None = None
    """When it lets go by itself; None: when something happens."""


def describe(job: RetrainingJob) -> str:
    """A training as messages name it."""
    return f"Job {job.name}" if job.means is Means.JOB else f"training {job.name}"


def unstartable(retrain: Retrain | None, why: str) -> Brake:
    """Nothing could be started by spec.retrain as it stands."""
    if retrain and retrain.means is Means.WEBHOOK:
        return Brake(reason=Reason.WEBHOOK_REFUSED, message=f"spec.retrain.webhook: {why}")
    return Brake(reason=Reason.JOB_REFUSED, message=f"spec.retrain.jobTemplate: {why}")


def drift_that_starts(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> DriftStatus | None:
    """The drift for which a Job is to be started; None: there is none, or only an alert is wanted."""
    wanted = spec.retrain is not None and spec.drift is not None and spec.drift.on_drift is OnDrift.RETRAIN
    drift = status.drift
    return drift if wanted and drift and drift.reason == DriftReason.DATASET_DRIFT else None


def by_drift(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation, drift: DriftStatus
) -> Brake | None:
    """The brake that holds where no Job is under way; None: a Job may be started."""
    retrain, known = spec.retrain, status.retraining or RetrainingStatus()
    if retrain is None:
        return None
    job = known.job
    return (
        _rollout(spec, status, observation)
        or (_fruitless(status, job, drift, duration.seconds(retrain.cooldown)) if job else None)
        or (_cooling(retrain, known, job, observation.now) if job else None)
        or _spent(retrain, known, observation.now)
        or _unprepared(retrain, observation)
    )


def by_schedule(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> Brake | None:
    """The brake that holds against a schedule: its own times are its cool-down."""
    known = status.retraining or RetrainingStatus()
    if spec.retrain is None:
        return None
    return (
        _rollout(spec, status, observation)
        or _spent(spec.retrain, known, observation.now)
        or _unprepared(spec.retrain, observation)
    )


def on_command(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> Brake | None:
    """The brake that holds against a person's word: neither cool-down, budget nor an earlier Job's fate is one."""
    known = status.retraining
    if spec.retrain is None:
        return Brake(reason=Reason.NO_TEMPLATE, message="spec.retrain is not there: write its jobTemplate or webhook")
    if known and known.job and known.job.ended_at is None:
        return Brake(reason=Reason.RUNNING, message=f"{describe(known.job)} is under way")
    return _rollout(spec, status, observation) or _unprepared(spec.retrain, observation)


def _rollout(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> Brake | None:
    if status.stable is None:
        return Brake(reason=Reason.NOTHING_SERVES, message="no version serves")
    if status.candidate or status.previous:
        what = "is on trial" if status.candidate else "bakes"
        return Brake(reason=Reason.ATTEMPT_UNDER_WAY, message=f"attempt {status.attempt} {what}")
    if status.hold:
        return Brake(
            reason=Reason.HELD, message=f"a person went back to version {status.hold.version}: retry ends that"
        )
    if spec.paused:
        return Brake(reason=Reason.HELD, message="spec.paused")
    named, refused = observation.named, status.refused
    tried = {status.stable.version, refused.version if refused else ""}
    if named and named.version not in tried:
        return Brake(reason=Reason.ATTEMPT_UNDER_WAY, message=f"version {named.version} is named and not tried yet")
    return None


def _fruitless(status: ModelDeploymentStatus, job: RetrainingJob, drift: DriftStatus, cooldown: float) -> Brake | None:
    """The last Job was for the same drift, and what it brought did not help."""
    stable = status.stable
    if stable is None or not job.columns or set(job.columns) != set(drift.columns) or job.end != SUCCEEDED:
        return None
    if job.refused and job.stable_digest == stable.digest:
        message = f"version {job.version} of {describe(job)}, for the same drift, was not promoted"
        return Brake(
            reason=Reason.REFUSED_FOR_THIS_DRIFT, message=f"{message}: until the drift changes, or retrain is said"
        )
    until = moment(stable.since) + timedelta(seconds=cooldown)
    if job.version == stable.version and moment(drift.since) <= until:
        message = f"the same columns drift again within {cooldown:g} s of version {stable.version}, of {describe(job)}"
        return Brake(reason=Reason.FLAPPING, message=f"{message}: training does not end this, see what sends the data")
    return None


def _cooling(retrain: Retrain, known: RetrainingStatus, job: RetrainingJob, now: datetime) -> Brake | None:
    if job.ended_at is None:
        return Brake(reason=Reason.RUNNING, message=f"{describe(job)} is under way")
    until = moment(job.ended_at) + timedelta(seconds=_wait(retrain, known.failures))
    if now >= until:
        return None
    if known.failures:
        # Why it ended is what a person needs to know, so that is the reason.
        message = (
            f"{describe(job)}: {job.message}; {known.failures} in a row brought nothing: not before {stamp(until)}"
        )
        return Brake(reason=job.end, message=message, until=until)
    return Brake(reason=Reason.COOLING_DOWN, message=f"{describe(job)} ended: not before {stamp(until)}", until=until)


def _wait(retrain: Retrain, failures: int) -> float:
    """Seconds from the end of a Job: the cool-down, doubled with each further Job that failed."""
    cooldown = duration.seconds(retrain.cooldown)
    if not failures:
        return cooldown
    doubled = max(cooldown, _SHORTEST_BACKOFF) * 2.0 ** min(failures - 1, 20)
    return max(cooldown, min(doubled, _LONGEST_BACKOFF))


def _spent(retrain: Retrain, known: RetrainingStatus, now: datetime) -> Brake | None:
    budget = retrain.budget
    started = in_budget(retrain, known, now)
    if len(started) < budget.most:
        return None
    until = moment(started[-budget.most]) + timedelta(seconds=duration.seconds(budget.per))
    message = f"{budget.most} Jobs in {budget.per} are the budget: not before {stamp(until)}"
    return Brake(reason=Reason.BUDGET_SPENT, message=message, until=until)


def in_budget(retrain: Retrain, known: RetrainingStatus, now: datetime) -> tuple[str, ...]:
    """When Jobs were started which count in the budget that runs."""
    since = now - timedelta(seconds=duration.seconds(retrain.budget.per))
    return tuple(start for start in known.starts if moment(start) > since)


def _unprepared(retrain: Retrain, observation: Observation) -> Brake | None:
    labelled = observation.monitoring.labelled
    if retrain.min_labels and (labelled is None or labelled < retrain.min_labels):
        told = "an unknown number" if labelled is None else str(labelled)
        message = f"{told} of {retrain.min_labels} labelled rows (spec.retrain.minLabels)"
        return Brake(reason=Reason.NOT_ENOUGH_LABELS, message=message)
    if observation.jobs.refused:
        return unstartable(retrain, observation.jobs.refused)
    if observation.named is None:
        return Brake(
            reason=Reason.VERSION_UNKNOWN, message="what spec.registry names is not known: nothing could be newer"
        )
    return None
