"""Training anew: when a Job or a pipeline is started, what becomes of it, and what is told. Pure.

The number of a Job is written to status before the Job is made; so one pass decides, and that pass or a later one makes
it. So is the name of a pipeline's run before its webhook is called. Nothing of a rollout depends on any of this.
"""

from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import MOST_STARTS, Means, Retrain, RetrainingJob, RetrainingStatus
from penstock_contracts.api.status import Condition, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftReason
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.decision import Announcement, CallWebhook, JobAction, StartJob
from penstock_controller.rollout.job_sighting import JobState
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.timestamps import later, moment, stamp
from penstock_controller.rollout.training import brakes, job_course, schedule, webhook_course
from penstock_controller.rollout.training.brakes import SUCCEEDED, Brake, describe
from penstock_controller.rollout.training.schedule import BadSchedule

CONDITION = "Retraining"
RUNNING, IDLE = Reason.RUNNING, Reason.NOT_NEEDED
BY_HAND, BY_SCHEDULE = Reason.BY_HAND, Reason.SCHEDULE
_LOOK = 10.0
"""Seconds after which a Job that runs is looked at again."""
_SOON = 1.0
_NONE = "no Job was started"
_QUIET = {RUNNING, IDLE, SUCCEEDED, Reason.COOLING_DOWN, Reason.ATTEMPT_UNDER_WAY, Reason.HELD}
"""Reasons for which nobody needs to do anything."""


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """What this pass does about it."""

    status: ModelDeploymentStatus
    judgement: ConditionState | None = None
    """The condition; None: nothing of it is asked for."""
    announcements: tuple[Announcement, ...] = ()
    actions: tuple[JobAction, ...] = ()
    requeue_after: float | None = None


def advance(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> Retraining:
    """Follow the training that is under way, or start one where drift or the schedule asks for it and no brake holds.

    `status`: with what this pass has made of the rollout and of drift; of training and conditions, as it was before.
    """
    known = status.retraining
    if spec.retrain is None and (known is None or _under_way(known) is None):
        gone = status if known is None else evolve(status, retraining=None)
        return Retraining(status=gone)
    before = _by_clock(known or RetrainingStatus(), observation.now)
    known = _moved(spec.retrain, before, status, observation)
    known = schedule.scheduled(known, spec.retrain.schedule if spec.retrain else "", observation.now)
    status = evolve(status, retraining=known)
    ended = known.job if _under_way(before) and _under_way(known) is None else None
    if ended:
        # Its end is told first: what keeps another from being started is the next pass's to say.
        return _tell(spec, status, observation, _end(ended), requeue_after=_SOON)
    drift, brake = brakes.drift_that_starts(spec, status), None
    if drift and spec.retrain and _under_way(known) is None and _is_live(observation):
        brake = brakes.by_drift(spec, status, observation, drift)
        if brake is None:
            status = begin(spec.retrain, status, observation, DriftReason.DATASET_DRIFT.value)
    due, late = _due(status.retraining or known)
    if spec.retrain and due and due <= observation.now:
        late = brakes.by_schedule(spec, status, observation)
        if late is None:
            status = _begun_by_schedule(spec.retrain, status, observation)
    brake = brake or late
    return _tell(
        spec,
        status,
        observation,
        _judge(spec, status, observation, brake),
        requeue_after=_next(due, brake, observation.now),
    )


def _due(known: RetrainingStatus) -> tuple[datetime | None, Brake | None]:
    """When the schedule wants a training, which may be over; or what is wrong with it. None while one is under way."""
    if _under_way(known):
        return None, None
    try:
        return schedule.due_at(known), None
    except BadSchedule as error:
        return None, Brake(reason=Reason.BAD_SCHEDULE, message=str(error))


def _begun_by_schedule(
    retrain: Retrain, status: ModelDeploymentStatus, observation: Observation
) -> ModelDeploymentStatus:
    status = begin(retrain, status, observation, BY_SCHEDULE)
    if status.retraining is None:
        return status
    # What was missed meanwhile is made up for by this one.
    known = evolve(status.retraining, scheduled_since=stamp(observation.now))
    return evolve(status, retraining=known)


def begin(
    retrain: Retrain, status: ModelDeploymentStatus, observation: Observation, reason: str
) -> ModelDeploymentStatus:
    """The status with a training that is to be started. Whoever asks has seen that no brake holds."""
    known, drift = status.retraining or RetrainingStatus(), status.drift
    stable, named = status.stable, observation.named
    if stable is None or named is None:
        return status
    number = known.job.number + 1 if known.job else 1
    drifted = drift is not None and drift.reason == DriftReason.DATASET_DRIFT
    called = retrain.means is Means.WEBHOOK
    job = RetrainingJob(
        name=_name(retrain.means, observation, number),
        means=retrain.means,
        number=number,
        reason=reason,
        columns=drift.columns if drift and drifted else (),
        stable_version=stable.version,
        stable_digest=stable.digest,
        named_version=named.version,
        named_created_at_ms=named.created_at_ms,
        started_at=stamp(observation.now),
        deadline=later(observation.now, duration.seconds(retrain.time_limit)) if called else None,
        labelled=observation.monitoring.labelled if called else None,
    )
    starts = (*brakes.in_budget(retrain, known, observation.now), job.started_at)[-MOST_STARTS:]
    return evolve(status, retraining=evolve(known, job=job, starts=starts))


def _name(means: Means, observation: Observation, number: int) -> str:
    if means is Means.WEBHOOK:
        return webhook_course.run_name(observation.jobs, number, observation.now)
    return job_course.job_name(observation.jobs.name, number)


def _under_way(known: RetrainingStatus) -> RetrainingJob | None:
    return known.job if known.job and known.job.ended_at is None else None


def _is_live(observation: Observation) -> bool:
    """Whether what is known of drift was said by the monitor about what serves now."""
    monitoring = observation.monitoring
    return monitoring.finding is not None and monitoring.is_current and not monitoring.away


def _by_clock(known: RetrainingStatus, now: datetime) -> RetrainingStatus:
    """A stamp from the future means now: a clock that was set back must not keep everything waiting."""
    job = known.job
    if job:
        job = evolve(job, ended_at=_past(job.ended_at, now), succeeded_at=_past(job.succeeded_at, now))
    starts = tuple(stamp(now) if moment(start) > now else start for start in known.starts)
    return evolve(known, job=job, starts=starts)


def _past(stamped: str | None, now: datetime) -> str | None:
    return stamp(now) if stamped and moment(stamped) > now else stamped


def _moved(
    retrain: Retrain | None, known: RetrainingStatus, status: ModelDeploymentStatus, observation: Observation
) -> RetrainingStatus:
    """What is known, with what is seen of the latest Job and of the version that it brought."""
    job = known.job
    if job is None:
        return known
    if job.ended_at is not None:
        return evolve(known, job=job_course.judge(job, status))
    if job.means is Means.WEBHOOK:
        after = webhook_course.follow(job, observation, retrain)
    else:
        has_template = retrain is not None and retrain.means is Means.JOB
        after = job_course.follow(job, observation, has_template=has_template)
    failures = known.failures
    if after.ended_at is not None:
        failures = 0 if after.end == SUCCEEDED else failures + 1
    return evolve(known, job=after, failures=failures)


def _tell(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    observation: Observation,
    judgement: ConditionState,
    *,
    requeue_after: float | None,
) -> Retraining:
    """The status that carries the condition's reason, and one announcement where that is another one than before."""
    known = status.retraining or RetrainingStatus()
    job = _under_way(known)
    told: tuple[Announcement, ...] = ()
    if known.reason != judgement.reason:
        was = f" (before: {known.reason} since {known.since})" if known.reason else ""
        told = (_announcement(judgement, was, status.attempt),)
        known = evolve(known, reason=judgement.reason, since=stamp(observation.now))
    waits_for_job = job and job.means is Means.JOB and (job.succeeded_at or not job.seen)
    running = (_SOON if waits_for_job else _LOOK) if job else None
    return Retraining(
        status=evolve(status, retraining=known),
        judgement=judgement,
        announcements=told,
        actions=_to_start(spec.retrain, job, observation),
        requeue_after=running or requeue_after,
    )


def _next(due: datetime | None, brake: Brake | None, now: datetime) -> float | None:
    """Seconds until a brake lets go by itself, or the schedule is due; None: nobody knows."""
    moments = [brake.until] if brake and brake.until else []
    if due and due > now:  # one that is over waits for a brake
        moments.append(due)
    return max(_SOON, (min(moments) - now).total_seconds()) if moments else None


def _announcement(judgement: ConditionState, was: str, attempt: int) -> Announcement:
    return Announcement(
        type="Normal" if judgement.reason in _QUIET else "Warning",
        reason=judgement.reason,
        # What was before tells two Events of the same words apart, also where a pass is repeated.
        message=f"retraining: {judgement.message}{was}",
        attempt=attempt,
        of_retraining=True,
    )


def _running(job: RetrainingJob, observation: Observation) -> str:
    by_words: dict[str, str] = {BY_HAND: "a person said retrain", BY_SCHEDULE: "spec.retrain.schedule says so"}
    why = by_words.get(job.reason) or f"{job.reason}: {', '.join(job.columns) or 'no column'}"
    begun_so = f"{describe(job)}, since {job.started_at}, because {why}"
    sighting = observation.jobs.sighting
    standing = (webhook_course if job.means is Means.WEBHOOK else job_course).standing(job, sighting)
    return f"{begun_so}; {standing}" if standing else begun_so


def _judge(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation, brake: Brake | None
) -> ConditionState:
    known = status.retraining or RetrainingStatus()
    job = _under_way(known)
    if job:
        return ConditionState(type=CONDITION, status=True, reason=RUNNING, message=_running(job, observation))
    if brake:
        return ConditionState(type=CONDITION, status=False, reason=brake.reason, message=brake.message)
    before = next((item for item in status.conditions if item.type == CONDITION), None)
    if before and before.reason != RUNNING and _nobody_told(spec, status, observation, before):
        # A controller that has just started, or a monitor that is away: what was said stands.
        return ConditionState(type=CONDITION, status=False, reason=before.reason, message=before.message)
    if observation.jobs.refused:
        brake = brakes.unstartable(spec.retrain, observation.jobs.refused)
        return ConditionState(type=CONDITION, status=False, reason=brake.reason, message=brake.message)
    return _end(known.job) if known.job else ConditionState(type=CONDITION, status=False, reason=IDLE, message=_NONE)


def _end(job: RetrainingJob) -> ConditionState:
    return ConditionState(type=CONDITION, status=False, reason=job.end, message=f"{describe(job)}: {job.message}")


def _nobody_told(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation, before: Condition
) -> bool:
    if observation.jobs.refused is None and before.reason in {Reason.JOB_REFUSED, Reason.WEBHOOK_REFUSED}:
        return True
    drift = brakes.drift_that_starts(spec, status)
    return drift is not None and not _is_live(observation) and not observation.jobs.refused


def _to_start(retrain: Retrain | None, job: RetrainingJob | None, observation: Observation) -> tuple[JobAction, ...]:
    """What starts the training under way, where it is not known to be there. Starting it twice does no harm."""
    if retrain is None or job is None or job.seen:
        return ()
    if job.means is Means.WEBHOOK:
        return (CallWebhook(training=job),) if retrain.means is Means.WEBHOOK else ()
    sighting = observation.jobs.sighting
    absent = sighting is None or sighting.state in {JobState.MISSING, JobState.OTHERS}
    start = StartJob(name=job.name, started_at=job.started_at, reason=job.reason, stable_version=job.stable_version)
    return (start,) if absent else ()
