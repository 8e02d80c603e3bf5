"""The course of one retraining Job, from the decision to its end. Pure. What serves does not depend on any of it."""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import LONGEST_END, RetrainingJob
from penstock_contracts.api.status import Completion, ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_controller.rollout.job_sighting import JobSighting, JobState
from penstock_controller.rollout.observation import Observation, RegistryVersion
from penstock_controller.rollout.timestamps import seconds_since, stamp
from penstock_controller.rollout.training.brakes import SUCCEEDED

REGISTRY_WAIT = 120.0
"""Seconds from the end of a Job in which the registry is to name what it brought."""
_ENDS = {
    JobState.FAILED: Reason.JOB_FAILED,
    JobState.TIMED_OUT: Reason.TIMED_OUT,
    JobState.REFUSED: Reason.JOB_REFUSED,
    JobState.GONE: Reason.JOB_GONE,
}
_NEVER_MADE = "spec.retrain was taken away before it was made"
_TAKEN_BACK = {Completion.ROLLED_BACK, Completion.ABORTED, Completion.REFUSED}


def job_name(resource: str, number: int) -> str:
    """The name of a resource's Job."""
    return f"{resource}-retrain-{number}"


def follow(job: RetrainingJob, observation: Observation, *, has_template: bool) -> RetrainingJob:
    """A Job under way, with what is seen of it now. `has_template`: it could still be made."""
    sighting = observation.jobs.sighting or JobSighting(state=JobState.MISSING)
    if sighting.state in _ENDS:
        return _end(job, observation, sighting.state, sighting.message)
    match sighting.state:
        case JobState.OTHERS:
            # After a lost status its number was given before.
            number = job.number + 1
            return evolve(job, number=number, name=job_name(observation.jobs.name, number))
        case JobState.MISSING:
            why = "it was deleted" if job.seen else "" if has_template else _NEVER_MADE
            return _end(job, observation, JobState.GONE, why) if why else job
        case JobState.RUNNING | JobState.SUSPENDED:
            return evolve(job, seen=True)
        case JobState.SUCCEEDED:
            return _after_success(evolve(job, seen=True), observation)
        case _:
            return job


def _after_success(job: RetrainingJob, observation: Observation) -> RetrainingJob:
    named = observation.named
    if named is None:
        # A registry that does not answer has not said that there is nothing: time begins when it does.
        return evolve(job, succeeded_at=None)
    if is_newer(job, named):
        return with_version(job, observation, named)
    since = job.succeeded_at
    if since is None or observation.resumed:
        return evolve(job, succeeded_at=stamp(observation.now))
    if seconds_since(since, observation.now) < REGISTRY_WAIT:
        return job
    message = f"it succeeded, and the alias names nothing newer than version {job.named_version}"
    return close(job, observation, Reason.NOTHING_REGISTERED, message)


def is_newer(job: RetrainingJob, named: RegistryVersion) -> bool:
    """Whether the registry names a version that is newer than the one that it named when this began."""
    now, then = (named.created_at_ms, named.version), (job.named_created_at_ms, job.named_version)
    return _order(*now) > _order(*then)


def _order(created_at_ms: int, version: str) -> tuple[int, int]:
    return created_at_ms, int(version) if version.isdecimal() else 0


def with_version(job: RetrainingJob, observation: Observation, named: RegistryVersion) -> RetrainingJob:
    """A training that has ended with this version."""
    brought = evolve(job, version=named.version, created_at_ms=named.created_at_ms)
    return close(brought, observation, SUCCEEDED, f"it brought version {named.version}")


def _end(job: RetrainingJob, observation: Observation, state: JobState, message: str) -> RetrainingJob:
    named = observation.named
    if state is JobState.GONE and named and is_newer(job, named):
        # It cleaned up after itself (ttlSecondsAfterFinished) before anybody looked.
        return with_version(job, observation, named)
    return close(job, observation, _ENDS[state], message)


def close(job: RetrainingJob, observation: Observation, end: str, message: str) -> RetrainingJob:
    """A training that has ended now."""
    return evolve(job, ended_at=stamp(observation.now), end=end, message=message[:LONGEST_END])


def standing(job: RetrainingJob, sighting: JobSighting | None) -> str:
    """How far one under way is, in words; empty: it runs."""
    if job.succeeded_at:
        return f"it has succeeded, and the alias is to name a version newer than {job.named_version}"
    match sighting.state if sighting else None:
        case JobState.SUCCEEDED:
            return "it has succeeded, and the registry does not tell what the alias names"
        case JobState.MISSING:
            return "it is not made yet: the API server has not taken it, nor refused it"
        case JobState.SUSPENDED:
            return "it is suspended"
        case JobState.UNKNOWN:
            return f"it cannot be looked at: {sighting.message if sighting else ''}"
        case _:
            return ""


def judge(job: RetrainingJob, status: ModelDeploymentStatus) -> RetrainingJob:
    """A Job that has ended, with what became of its version: the newest record of it says so."""
    if job.version is None:
        return job
    is_refused = _is_refused(job, status)
    return job if is_refused is None else evolve(job, refused=is_refused)


def _is_refused(job: RetrainingJob, status: ModelDeploymentStatus) -> bool | None:
    refused, brought = status.refused, (job.version, job.created_at_ms)
    if refused and (refused.version, refused.created_at_ms) == brought:
        return True
    ends = (item.completion for item in status.history if (item.version, item.created_at_ms) == brought)
    completion = next(ends, None)
    return None if completion is None else completion in _TAKEN_BACK
