"""The jobs port: batch/v1 Jobs that train."""

from collections.abc import Callable

from kubernetes.aio.client import ApiClient

from penstock_contracts.api.retrain import RetrainingJob
from penstock_controller.adapters.kubernetes.child_objects import ApiKind, ChildObjects
from penstock_controller.errors import WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import StartJob
from penstock_controller.rollout.job_sighting import JobSighting, JobState
from penstock_controller.rollout.training.job_course import job_name
from penstock_controller.workload.objects import Object
from penstock_controller.workload.retraining_job import ANNOTATION_STARTED, retraining_job

JOBS = ApiKind(kind="Job", api_version="batch/v1", plural="jobs")
_LONGEST = 512
"""Characters of what a Job's condition says."""


class KubernetesJobs:
    """Makes Jobs and looks at them. None is changed, and none deleted: the user's template says when it leaves."""

    def __init__(self, api: ApiClient, monitor_url: Callable[[ResourceKey], str]) -> None:
        """`monitor_url`: of the drift monitor, as a resource's Jobs are told it; empty: there is none."""
        self._objects = ChildObjects(api)
        self._monitor_url = monitor_url

    async def check(self, resource: ModelDeployment) -> None:
        """Have the API server judge one that is not made."""
        start = StartJob(name=job_name(resource.key.name, 0), started_at="", reason="", stable_version="")
        wish = self._wish(resource, start)
        if wish:
            await self._objects.create(JOBS, wish, dry_run=True)

    async def look(self, resource: ModelDeployment, job: RetrainingJob) -> JobSighting:
        """One look at a Job of this resource."""
        found = await self._objects.find(JOBS, resource.key.namespace, job.name)
        if found is None:
            return JobSighting(state=JobState.MISSING)
        return _sighting(found) if _is_ours(found, resource.raw, job.started_at) else _others(found)

    async def create(self, resource: ModelDeployment, job: StartJob) -> None:
        """Make one."""
        wish = self._wish(resource, job)
        if wish is None:
            return
        try:
            await self._objects.create(JOBS, wish)
        except WriteConflict:
            # Its name is taken, by itself or by another, which a look tells apart. A quota that was changed meanwhile
            # answers the same, and has made nothing.
            if await self._objects.find(JOBS, resource.key.namespace, job.name) is None:
                raise

    def _wish(self, resource: ModelDeployment, start: StartJob) -> Object | None:
        retrain = resource.spec.retrain
        if retrain is None:
            return None
        return retraining_job(resource.raw, resource.spec, retrain, start, self._monitor_url(resource.key))


def _is_ours(found: Object, owner: Object, started_at: str) -> bool:
    metadata = found["metadata"]
    owners = {item.get("uid") for item in metadata.get("ownerReferences") or [] if item.get("controller")}
    annotations = metadata.get("annotations") or {}
    return owner["metadata"]["uid"] in owners and annotations.get(ANNOTATION_STARTED) == started_at


def _others(found: Object) -> JobSighting:
    return JobSighting(state=JobState.OTHERS, message=f"Job {found['metadata']['name']} was made for something else")


def _sighting(found: Object) -> JobSighting:
    status = found.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or [] if item.get("status") == "True"}
    if "Complete" in conditions:
        return JobSighting(state=JobState.SUCCEEDED)
    failed = conditions.get("Failed")
    if failed:
        is_late = failed.get("reason") == "DeadlineExceeded"
        return JobSighting(state=JobState.TIMED_OUT if is_late else JobState.FAILED, message=_words(failed))
    if found["metadata"].get("deletionTimestamp"):
        return JobSighting(state=JobState.GONE, message="it is being deleted")
    return JobSighting(state=JobState.SUSPENDED if "Suspended" in conditions else JobState.RUNNING)


def _words(condition: Object) -> str:
    said = ": ".join(part for part in (condition.get("reason"), condition.get("message")) if part)
    return "".join(each if each.isprintable() else " " for each in said)[:_LONGEST] or "its condition gives no reason"
