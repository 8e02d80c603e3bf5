"""One pass over one resource: one snapshot, one decision, effects in order, at most one status write."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from penstock_controller.api.status import ModelDeploymentStatus
from penstock_controller.errors import Invalid, PenstockError, Rejected
from penstock_controller.ports import Announcer, Gateways, Key, Resource, Resources, Workloads
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.rollout import evidence, outcome, turn
from penstock_controller.rollout.actions import Decision
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.observation import Observation, Reading
from penstock_controller.rollout.trouble import INVALID, PASS_FAILING, Trouble
from penstock_controller.targets import Targets, named
from penstock_controller.telemetry import Telemetry
from penstock_controller.turns import Turns

_log = logging.getLogger(__name__)
_AFTER_REJECTION = 15.0
"""Seconds: a quota or policy is not changed within one."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The adapters that a pass uses."""

    resources: Resources
    workloads: Workloads
    gateways: Gateways
    announcer: Announcer


class Reconciler:
    """Level-based: a pass needs nothing but the key, may be repeated, and may be cut short anywhere."""

    def __init__(
        self,
        world: World,
        watch: RegistryWatch,
        outbox: RegistryOutbox,
        targets: Targets,
        telemetry: Telemetry,
        *,
        turns: Turns,
        clock: Callable[[], datetime],
        url: Callable[[Key], str],
        resync: float,
    ) -> None:
        """`resync`: seconds after which a resource is looked at again when nothing happens."""
        self._world = world
        self._watch = watch
        self._outbox = outbox
        self._targets = targets
        self._turns = turns
        self._telemetry = telemetry
        self._clock = clock
        self._url = url
        self._resync = resync
        self._brought_on: set[Key] = set()
        """Resources that this process has brought on: their running times are by its clock."""

    async def reconcile(self, key: Key) -> float | None:
        """Bring one resource one stage further.

        Returns the seconds until the next pass is due; None: the resource is gone.
        Raises Conflict when somebody wrote meanwhile, Away when something it needs did not answer, Invalid, Rejected.
        """
        resource = await self._read(key)
        if resource is None:
            self._watch.forget(key)
            self._outbox.forget(key)
            self._turns.forget(key)
            self._telemetry.forgotten(key)
            self._brought_on.discard(key)
            return None
        observation = await self._observe(resource)
        decision = advance(resource.spec, resource.status, observation)
        rejection = await self._execute(resource, decision)
        status = decision.status if rejection is None else _rejected(resource.status, rejection)
        if status != resource.status:
            await self._world.resources.write_status(resource, status)
        self._brought_on.add(key)
        self._turns.note(key, turn.standing(status, observation.target, observation.pods))
        self._telemetry.passed(written=status != resource.status)
        self._telemetry.stands(key, status.phase)
        if rejection is not None:
            return _AFTER_REJECTION
        return self._resync if decision.look_again is None else min(self._resync, decision.look_again)

    async def _read(self, key: Key) -> Resource | None:
        try:
            return await self._world.resources.read(key)
        except Invalid:
            self._turns.skip(key)
            raise

    async def tell(self, key: Key, error: Exception) -> None:
        """Have a resource's status tell why its passes fail. Written once; the first pass that ends takes it away."""
        reason = INVALID if isinstance(error, Invalid) else PASS_FAILING
        what = str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
        trouble = Trouble(reason=reason, message=f"each pass over it fails, see the controller's log: {what}"[:1024])
        if await self._world.resources.tell(key, trouble, self._clock()):
            _log.warning("passes fail: told in status", extra={"key": str(key), "reason": reason, "detail": what})

    async def _observe(self, resource: Resource) -> Observation:
        key = resource.key
        now = self._clock()
        resolution = self._watch.follow(key, resource.spec.registry)
        target, workloads, gateways, readings = await asyncio.gather(
            self._targets.target(resource, resolution),
            self._world.workloads.observe(key),
            self._world.gateways.observe(key),
            self._evidence(resource, now),
        )
        pods, paused = self._targets.pods, resource.spec.paused
        wants = turn.wants_turn(resource.status, target, resource.generation, paused=paused, pods=pods)
        return Observation(
            now=now,
            resumed=key not in self._brought_on,
            turn=self._turns.ask(key, wants=wants),
            pods=pods,
            generation=resource.generation,
            target=target,
            workloads={workload.revision: workload for workload in workloads},
            gateways=gateways,
            registry_problem=resolution.away if resolution else "",
            registry_answers=self._outbox.offer(key, outcome.due(resource.status)),
            url=self._url(key),
            evidence=readings,
            named=named(resolution),
            words=resource.words,
        )

    async def _evidence(self, resource: Resource, now: datetime) -> tuple[Reading, ...] | None:
        """One snapshot in each interval feeds all gates."""
        if not evidence.due(resource.spec, resource.status, now):
            return None
        return await self._world.gateways.evidence(resource.key, resource.status.attempt)

    async def _execute(self, resource: Resource, decision: Decision) -> Rejected | None:
        """Do what was decided, in order. The first refusal by the API server ends it: users are told."""
        try:
            for action in decision.actions:
                await self._world.workloads.execute(resource, action)
        except Rejected as rejection:
            _log.warning(
                "action refused", extra={"key": str(resource.key), "reason": "Rejected", "detail": str(rejection)}
            )
            return rejection
        for announcement in decision.announcements:
            if not await self._world.announcer.announce(resource, announcement):
                continue  # told by a pass that was cut short before it wrote status
            self._telemetry.announced(resource.key, announcement)
            _log.info(
                announcement.message,
                extra={
                    "key": str(resource.key),
                    "reason": announcement.reason,
                    "attempt": announcement.attempt,
                    "completion": announcement.completion,
                },
            )
        return None


def _rejected(status: ModelDeploymentStatus, rejection: Rejected) -> ModelDeploymentStatus:
    """Nothing moved in this pass but the message: the API server's own words."""
    return status.model_copy(update={"message": f"the API server refused it: {rejection}"[:4096]})
