"""One pass over one resource: one snapshot, one decision, at most one status write, then its actions."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.api import duration
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.effects import Effects
from penstock_controller.errors import Invalid, PenstockError, Rejected
from penstock_controller.live_aliases import LiveAliases
from penstock_controller.ports import Announcer, Gateways, ModelDeployment, ModelDeployments, ResourceKey, Workloads
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.retraining_jobs import RetrainingJobs
from penstock_controller.rollout import evidence, slots, write_back
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.live_data import monitoring
from penstock_controller.rollout.monitor_answer import Monitoring
from penstock_controller.rollout.observation import Observation, Reading
from penstock_controller.rollout.trouble import INVALID, PASS_FAILING, PassTrouble
from penstock_controller.targets import Targets, named
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.turns import Turns

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PassAdapters:
    """The adapters that a pass uses."""

    resources: ModelDeployments
    workloads: Workloads
    gateways: Gateways
    effects: Effects
    jobs: RetrainingJobs
    announcer: Announcer


class Reconciler:
    """Level-based: a pass needs nothing but the key, may be repeated, and may be cut short anywhere."""

    def __init__(
        self,
        world: PassAdapters,
        watch: RegistryWatch,
        outbox: RegistryOutbox,
        targets: Targets,
        telemetry: ControllerTelemetry,
        *,
        turns: Turns,
        live_aliases: LiveAliases,
        drift: DriftWatch,
        clock: Callable[[], datetime],
        url: Callable[[ResourceKey], str],
        resync: float,
    ) -> None:
        """`resync`: seconds after which a resource is looked at again when nothing happens."""
        self._world = world
        self._watch = watch
        self._outbox = outbox
        self._targets = targets
        self._turns = turns
        self._live_aliases = live_aliases
        self._drift = drift
        self._telemetry = telemetry
        self._clock = clock
        self._url = url
        self._resync = resync
        self._brought_on: set[ResourceKey] = set()
        """Resources that this process has brought on: their running times are by its clock."""

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Bring one resource one stage further.

        Returns the seconds until the next pass is due; None: the resource is gone.
        Raises WriteConflict when somebody wrote meanwhile, Away when something that it needs did not answer, Invalid,
        Rejected.
        """
        resource = await self._read(key)
        if resource is None:
            self.forget(key)
            self._drift.remove(key)
            return None
        self._telemetry.begins(key, generation=resource.generation, observed=resource.status.observed_generation)
        observation = await self._observe(resource)
        decision = advance(resource.spec, resource.status, observation)
        await self._announce(resource, decision.announcements)
        status = decision.status
        if status != resource.status:
            # Traffic, evidence and what a person said come before any object: whatever is refused there is asked for
            # again by the next pass, from what it sees then.
            await self._world.resources.write_status(resource, status)
        open_in = await self._world.effects.execute(resource, decision.actions)
        seen_in = await self._world.jobs.start(resource, decision.job)
        self._world.jobs.call(resource, decision.webhook)
        self._brought_on.add(key)
        self._turns.note(key, slots.standing(status, observation.target, observation.pods))
        self._telemetry.passed(written=status != resource.status)
        self._telemetry.stands(key, status)
        dues = (due for due in (self._resync, decision.requeue_after, open_in, seen_in) if due is not None)
        return min(dues)

    async def _read(self, key: ResourceKey) -> ModelDeployment | None:
        try:
            return await self._world.resources.read(key)
        except Invalid:
            self._turns.skip(key)
            self._live_aliases.forget(key)
            raise

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._watch.forget(key)
        self._outbox.forget(key)
        self._turns.forget(key)
        self._live_aliases.forget(key)
        self._drift.forget(key)
        self._world.effects.forget(key)
        self._world.jobs.forget(key)
        self._telemetry.forgotten(key)
        self._brought_on.discard(key)

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        """Have a resource's status tell why its passes fail. Written once; the first pass that ends takes it away."""
        reason = INVALID if isinstance(error, Invalid) else PASS_FAILING
        what = str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
        trouble = PassTrouble(
            reason=reason, message=f"each pass over it fails, see the controller's log: {what}"[:1024]
        )
        if await self._world.resources.tell(key, trouble, self._clock()):
            self._telemetry.troubled(key, reason)
            _log.warning("passes fail: told in status", extra={"key": str(key), "reason": reason, "detail": what})

    async def _observe(self, resource: ModelDeployment) -> Observation:
        key = resource.key
        now = self._clock()
        resolution = self._watch.follow(key, resource.spec.registry)
        claim = self._live_aliases.ask(key, resource.spec.registry, resource.raw["metadata"]["creationTimestamp"])
        target, children, gateways, readings, jobs = await asyncio.gather(
            self._targets.target(resource, resolution),
            self._world.workloads.observe(resource),
            self._world.gateways.observe(key),
            self._evidence(resource, now),
            self._world.jobs.view(resource),
        )
        pods, paused = self._targets.pods, resource.spec.paused
        wants = slots.wants_turn(resource.status, target, resource.generation, paused=paused, pods=pods)
        return Observation(
            now=now,
            resumed=key not in self._brought_on,
            turn=self._turns.ask(key, wants=wants),
            pods=pods,
            generation=resource.generation,
            target=target,
            workloads={workload.revision: workload for workload in children.workloads},
            remains=children.remains,
            foreign=children.foreign,
            hindrances=self._world.effects.hindrances(key),
            gateways=gateways,
            registry_problem=resolution.away if resolution else "",
            registry_answers=self._outbox.offer(key, write_back.due(resource.status, moves_alias=claim.mine)),
            alias_mover=claim.other,
            url=self._url(key),
            evidence=readings,
            named=named(resolution),
            words=resource.words,
            monitoring=self._monitoring(resource),
            jobs=jobs,
        )

    def _monitoring(self, resource: ModelDeployment) -> Monitoring:
        """What is known of live data. The monitor is asked beside the passes."""
        key, status, drift = resource.key, resource.status, resource.spec.drift
        if drift is None:
            return self._drift.leave(key, known_there=status.drift is not None)
        wish, retrain = monitoring.wish(resource.spec, status), resource.spec.retrain
        least = retrain.min_labels if retrain else 0
        return self._drift.follow(key, wish, duration.seconds(drift.interval), least_labels=least)

    async def _evidence(self, resource: ModelDeployment, now: datetime) -> tuple[Reading, ...] | None:
        """One snapshot in each interval feeds all gates."""
        if not evidence.due(resource.spec, resource.status, now):
            return None
        return await self._world.gateways.evidence(resource.key, resource.status.attempt)

    async def _announce(self, resource: ModelDeployment, announcements: tuple[Announcement, ...]) -> None:
        """Tell users, before status says that they were told."""
        for announcement in announcements:
            where = {"key": str(resource.key), "reason": announcement.reason, "attempt": announcement.attempt}
            try:
                if not await self._world.announcer.announce(resource, announcement):
                    continue  # told by a pass that was cut short before it wrote status
            except Rejected as refusal:  # a quota on Events: log and metric tell it
                _log.warning("event refused", extra={**where, "detail": str(refusal)})
            self._telemetry.announced(resource.key, announcement)
            _log.info(announcement.message, extra={**where, "completion": announcement.completion})
