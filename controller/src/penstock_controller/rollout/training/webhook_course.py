"""The course of one training by a webhook, from the decision to its end. Pure.

Nobody tells when a pipeline ends, as a Job's status does: what ends it is the version that it brings, its own word, or
the time limit.
"""

from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import Means, Retrain, RetrainingJob
from penstock_contracts.base import evolve
from penstock_controller.rollout.job_sighting import JobSighting, JobState, JobView
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.timestamps import later, moment, seconds_since, stamp
from penstock_controller.rollout.training.job_course import close, is_newer, with_version

ANSWER_WAIT = 900.0
"""Seconds from the decision in which the webhook is to answer: it is called again and again until then."""


def run_name(view: JobView, number: int, now: datetime) -> str:
    """The name of a pipeline's run: whoever starts it knows by this name what was started already.

    Its time tells it from a run of an earlier life of the resource. It may be the name of a Kubernetes object.
    """
    time = stamp(now).replace("-", "").replace(":", "").lower()
    return f"{view.namespace}.{view.name}-retrain-{number}.{time}"


def follow(job: RetrainingJob, observation: Observation, retrain: Retrain | None) -> RetrainingJob:
    """A training under way, with what is seen of it now. `retrain`: of the spec as it stands."""
    sighting, named = observation.jobs.sighting or JobSighting(state=JobState.MISSING), observation.named
    job = _by_clock(job, observation.now, retrain)
    if job.seen and named and is_newer(job, named):
        return with_version(job, observation, named)
    match sighting.state:
        case JobState.RUNNING:
            seen = evolve(job, seen=True, url=sighting.url or job.url)
            return _in_time(seen, observation)
        case JobState.FAILED:
            return close(
                job, observation, Reason.PIPELINE_FAILED, f"the pipeline says that it failed: {sighting.message}"
            )
        case JobState.NOTHING_BETTER:
            message = f"the pipeline says that it found nothing better: {sighting.message}"
            return close(job, observation, Reason.NOTHING_REGISTERED, message)
        case JobState.REFUSED:
            return close(job, observation, Reason.WEBHOOK_REFUSED, sighting.message)
        case _:
            has_webhook = retrain is not None and retrain.means is Means.WEBHOOK
            return _unanswered(job, observation, sighting, has_webhook=has_webhook)


def _by_clock(job: RetrainingJob, now: datetime, retrain: Retrain | None) -> RetrainingJob:
    """No deadline is further away than the limit: a clock that was set back must not keep everything waiting."""
    if retrain is None or job.deadline is None:
        return job
    latest = later(now, duration.seconds(retrain.time_limit))
    return evolve(job, deadline=latest) if moment(job.deadline) > moment(latest) else job


def _in_time(job: RetrainingJob, observation: Observation) -> RetrainingJob:
    """A pipeline that runs; after its time only a registry that answers can have said that there is nothing."""
    if not _is_over(job, observation.now) or observation.named is None:
        return job
    message = f"until {job.deadline} the alias named nothing newer than version {job.named_version}"
    return close(job, observation, Reason.TIMED_OUT, f"{message}; it may still run (spec.retrain.timeLimit)")


def _is_over(job: RetrainingJob, now: datetime) -> bool:
    return job.deadline is not None and now >= moment(job.deadline)


def _unanswered(
    job: RetrainingJob, observation: Observation, sighting: JobSighting, *, has_webhook: bool
) -> RetrainingJob:
    was_tried, named = sighting.state is JobState.UNANSWERED, observation.named
    if not has_webhook:
        message = f"spec.retrain.webhook was taken away before it answered: {sighting.message or 'it was not called'}"
        return close(job, observation, Reason.WEBHOOK_UNREACHABLE, message)
    waited = seconds_since(job.started_at, observation.now)
    # A controller that was away all the time has not tried.
    if not was_tried or (waited < ANSWER_WAIT and not _is_over(job, observation.now)):
        return job
    if named and is_newer(job, named):
        # It was started all the same, and is done: only its answers were lost.
        return with_version(job, observation, named)
    message = f"it has not answered since {job.started_at}: {sighting.message}"
    return close(job, observation, Reason.WEBHOOK_UNREACHABLE, message)


def standing(job: RetrainingJob, sighting: JobSighting | None) -> str:
    """How far it is, in words."""
    if job.seen:
        where = f" at {job.url}" if job.url else ""
        return f"the pipeline runs{where}, and the alias is to name a version newer than {job.named_version}"
    if sighting and sighting.message:
        return f"its webhook is called again: {sighting.message}"
    return "its webhook is being called"
