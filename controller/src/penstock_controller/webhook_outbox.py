"""Calls webhooks beside the passes: what status says is still to be started, again and again until it is answered.

A pipeline that hangs holds up no pass, so no rollout. Nothing here has to outlive the process: status offers anew, and
by the training's name nobody starts it twice.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.retrain import Means, RetrainingJob
from penstock_controller import backoff
from penstock_controller.errors import ClusterAway, Rejected, WebhookAway, WebhookRefused, WriteConflict
from penstock_controller.ports import Headers, ModelDeployment, Pipelines, ResourceKey
from penstock_controller.rollout.job_sighting import JobSighting, JobState
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue
from penstock_controller.workload.webhook_call import WebhookCall, webhook_call

_log = logging.getLogger(__name__)
_CALLED_AT_ONCE = 8
"""Resources; one whose webhook hangs has one of these places until its time is over."""
_FIRST_AGAIN = 5.0
_LONGEST_AGAIN = 120.0
"""Seconds after which one that did not answer is called again."""
_UNCALLED = JobSighting(state=JobState.MISSING)
_FAILURES = {JobState.REFUSED: Reason.REFUSED, JobState.UNANSWERED: Reason.NOT_ANSWERED}
"""As metrics have them."""


@dataclass
class _Offered:
    """A training that is to be started."""

    call: WebhookCall
    sighting: JobSighting = _UNCALLED
    """What was answered last."""
    tries: int = 0


class WebhookOutbox:
    """Holds one call of each resource. Bounded by the number of resources."""

    def __init__(
        self,
        pipelines: Pipelines,
        headers: Headers,
        telemetry: ControllerTelemetry,
        wake: Callable[[ResourceKey], None],
        *,
        monitor_url: Callable[[ResourceKey], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monitor_url`: as a resource's pipeline is told it; empty: there is none. `clock`: seconds, monotonic."""
        self._pipelines = pipelines
        self._headers = headers
        self._telemetry = telemetry
        self._wake = wake
        self._monitor_url = monitor_url
        self._queue = WorkQueue(clock, workers=_CALLED_AT_ONCE)
        self._offered: dict[ResourceKey, _Offered] = {}

    async def check(self, resource: ModelDeployment) -> None:
        """Whether a call could be made by the spec: nothing is called. Raises Rejected, WriteConflict, ClusterAway."""
        call = self._built(resource, _SAMPLE)
        if call and call.secret:
            await self._headers.of(call.namespace, call.secret)

    def offer(self, resource: ModelDeployment, job: RetrainingJob) -> None:
        """Have the webhook called for a training until it answers. One that is offered already goes on."""
        known = self._offered.get(resource.key)
        try:
            call = self._built(resource, job)
        except Rejected as refusal:
            self._refused(resource.key, job, str(refusal))
            return
        if call is None or (known and known.call == call):
            return
        # A spec that was mended meanwhile counts at once.
        self._offered[resource.key] = _Offered(call=call)
        self._queue.add(resource.key)

    def seen(self, key: ResourceKey, run: str) -> JobSighting:
        """What its webhook has answered about a training."""
        known = self._offered.get(key)
        return known.sighting if known and known.call.name == run else _UNCALLED

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or nothing is to be started."""
        self._offered.pop(key, None)

    async def run(self) -> None:
        """Call until cancelled."""
        await self._queue.serve(self._visit)

    def _built(self, resource: ModelDeployment, job: RetrainingJob) -> WebhookCall | None:
        retrain = resource.spec.retrain
        if retrain is None or retrain.webhook is None:
            return None
        monitor_url = self._monitor_url(resource.key)
        return webhook_call(resource.raw["metadata"], resource.spec, retrain.webhook, job, monitor_url)

    def _refused(self, key: ResourceKey, job: RetrainingJob, why: str) -> None:
        call = WebhookCall(name=job.name, namespace=key.namespace, url="", secret=None, seconds=0.0, body=b"")
        if self.seen(key, job.name).state is not JobState.REFUSED:
            self._offered[key] = _Offered(call=call, sighting=JobSighting(state=JobState.REFUSED, message=why))
            self._wake(key)

    async def _visit(self, key: ResourceKey) -> float | None:
        """Call what is due; answers the seconds until it is called again. None: it has answered, or is not wanted."""
        known = self._offered.get(key)
        if known is None or known.sighting.state not in {JobState.MISSING, JobState.UNANSWERED}:
            return None
        sighting = await self._tried(key, known.call)
        if self._offered.get(key) is not known:
            return None
        if sighting.state in _FAILURES:
            self._telemetry.action_failed(key, _FAILURES[sighting.state])
        known.tries += 1
        known.sighting, before = sighting, known.sighting
        if sighting != before:
            self._wake(key)
        if sighting.state is not JobState.UNANSWERED:
            return None
        return backoff.delay(known.tries, first=_FIRST_AGAIN, longest=_LONGEST_AGAIN)

    async def _tried(self, key: ResourceKey, call: WebhookCall) -> JobSighting:
        where = {"key": str(key), "training": call.name}
        try:
            headers = await self._headers.of(call.namespace, call.secret) if call.secret else {}
            url = await self._pipelines.start(call, headers)
        except (WebhookRefused, Rejected) as refusal:
            _log.warning("training refused", extra={**where, "detail": str(refusal)})
            return JobSighting(state=JobState.REFUSED, message=str(refusal))
        except (WebhookAway, ClusterAway, WriteConflict) as away:
            _log.warning("training not started yet", extra={**where, "detail": str(away)})
            return JobSighting(state=JobState.UNANSWERED, message=str(away))
        except Exception:  # noqa: BLE001 - the outermost loop: one call must not end those of all
            _log.exception("webhook not called", extra=where)
            message = "calling it failed: see the controller's log"
            return JobSighting(state=JobState.UNANSWERED, message=message)
        _log.info("training started", extra={**where, "url": url})
        return JobSighting(state=JobState.RUNNING, url=url)


_SAMPLE = RetrainingJob(
    name="sample",
    means=Means.WEBHOOK,
    number=0,
    reason="",
    stable_version="",
    stable_digest="",
    named_version="",
    named_created_at_ms=0,
    started_at="",
)
