"""Looks at trainings for each pass, and starts those that a pass has decided on. None of it can break off a pass.

What is remembered is for telling only: what must not be lost stands in status.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import Means, RetrainingJob
from penstock_controller.errors import ClusterAway, Rejected, WriteConflict
from penstock_controller.ports import Jobs, ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import CallWebhook, JobAction, StartJob
from penstock_controller.rollout.job_sighting import JobSighting, JobState, JobView
from penstock_controller.rollout.training import pipeline_state
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.webhook_outbox import WebhookOutbox

_log = logging.getLogger(__name__)
_AGAIN = 300.0
"""Seconds after which what was refused is tried again: a policy may have given way, a Secret may be there."""
_SOON = 1.0


@dataclass
class _Known:
    """Of one resource."""

    checked: tuple[str, int] | None = None
    """uid and generation for which it was tried whether something could be started."""
    refused: str | None = None
    due: float = 0.0
    made: set[str] = field(default_factory=set)
    """The Job that this process made; one at most."""
    unmade: dict[str, str] = field(default_factory=dict)
    """The Job that the API server refused, and its words; one at most."""


class RetrainingJobs:
    """What a pass needs to know of trainings: of Jobs, and of pipelines that webhooks start."""

    def __init__(
        self, jobs: Jobs, webhooks: WebhookOutbox, telemetry: ControllerTelemetry, clock: Callable[[], float]
    ) -> None:
        """`clock`: seconds, monotonic."""
        self._jobs = jobs
        self._webhooks = webhooks
        self._telemetry = telemetry
        self._clock = clock
        self._known: dict[ResourceKey, _Known] = {}

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._known.pop(key, None)
        self._webhooks.forget(key)

    async def view(self, resource: ModelDeployment) -> JobView:
        """What is known now. A resource that has nothing to do with training costs no call."""
        key, retraining = resource.key, resource.status.retraining
        job = retraining.job if retraining and retraining.job and retraining.job.ended_at is None else None
        if resource.spec.retrain is None and job is None:
            self.forget(resource.key)
            return JobView(name=key.name, namespace=key.namespace)
        known = self._known.setdefault(resource.key, _Known())
        self._telemetry.trains(resource.key)
        await self._check(resource, known)
        if job and job.means is Means.WEBHOOK:
            sighting: JobSighting | None = self._heard(resource, job)
        else:
            self._webhooks.forget(key)
            sighting = await self._look(resource, job, known) if job else None
        return JobView(name=key.name, namespace=key.namespace, sighting=sighting, refused=known.refused)

    async def execute(self, resource: ModelDeployment, action: JobAction) -> float | None:
        """Make a Job, or have a webhook called: the resource is woken when that has answered."""
        match action:
            case StartJob():
                return await self._make(resource, action)
            case CallWebhook(training=training):
                self._webhooks.offer(resource, training)
                return None
            case never:
                assert_never(never)

    async def _make(self, resource: ModelDeployment, start: StartJob) -> float:
        known = self._known.setdefault(resource.key, _Known())
        where = {"key": str(resource.key), "job": start.name}
        try:
            await self._jobs.create(resource, start)
        except Rejected as refusal:
            self._telemetry.action_failed(resource.key, refusal.reason)
            _log.warning("job refused", extra={**where, "detail": str(refusal)})
            known.unmade = {start.name: str(refusal)}
            return 0.0
        except (WriteConflict, ClusterAway) as error:
            reason = Reason.CHANGED if isinstance(error, WriteConflict) else Reason.NOT_ANSWERED
            self._telemetry.action_failed(resource.key, reason)
            _log.warning("job not made yet", extra={**where, "detail": str(error)})
            return _SOON
        _log.info("job made", extra={**where, "reason": start.reason})
        known.made = {start.name}
        return 0.0

    def _heard(self, resource: ModelDeployment, job: RetrainingJob) -> JobSighting:
        """What the pipeline says of a training, or else its webhook."""
        annotations = resource.raw["metadata"].get("annotations") or {}
        word = pipeline_state.state_of(annotations.get(pipeline_state.ANNOTATION, ""), job.name)
        if word:
            return word
        return JobSighting(state=JobState.RUNNING) if job.seen else self._webhooks.seen(resource.key, job.name)

    async def _check(self, resource: ModelDeployment, known: _Known) -> None:
        """Try whether something could be started, once for each generation and again where it was refused."""
        which = (str(resource.raw["metadata"].get("uid")), resource.generation)
        if resource.spec.retrain is None:
            known.refused = ""
            return
        if known.checked == which and (not known.refused or self._clock() < known.due):
            return
        try:
            await (self._webhooks if resource.spec.retrain.webhook else self._jobs).check(resource)
        except Rejected as refusal:
            known.refused = str(refusal)
        except (WriteConflict, ClusterAway) as error:
            _log.warning("spec.retrain not checked", extra={"key": str(resource.key), "detail": str(error)})
            if known.checked != which:
                known.refused = None
            return
        else:
            known.refused = ""
        known.checked, known.due = which, self._clock() + _AGAIN

    async def _look(self, resource: ModelDeployment, job: RetrainingJob, known: _Known) -> JobSighting:
        if job.name in known.unmade:
            return JobSighting(state=JobState.REFUSED, message=known.unmade[job.name])
        try:
            found = await self._jobs.look(resource, job)
        except (Rejected, WriteConflict, ClusterAway) as error:
            _log.warning("job not looked at", extra={"key": str(resource.key), "detail": str(error)})
            return JobSighting(state=JobState.UNKNOWN, message=str(error))
        if found.state is JobState.MISSING and job.name in known.made:
            return JobSighting(state=JobState.GONE, message="it was deleted")
        return found
