"""One pass over one resource: one snapshot, one decision, at most one status write, then its actions."""

import logging

from penstock_contracts.api.reasons import Reason
from penstock_contracts.traffic import Traffic
from penstock_controller.errors import Invalid, PenstockError, Rejected, WriteConflict
from penstock_controller.observer import PassAdapters, PassObserver
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.gate_outcomes import document
from penstock_controller.rollout.trouble import INVALID, PASS_FAILING, PassTrouble
from penstock_controller.telemetry import ControllerTelemetry

_log = logging.getLogger(__name__)


class Reconciler:
    """Level-based: a pass needs nothing but the key, may be repeated, and may be cut short anywhere."""

    def __init__(
        self, adapters: PassAdapters, observer: PassObserver, telemetry: ControllerTelemetry, *, resync: float
    ) -> None:
        """`resync`: seconds after which a resource is looked at again when nothing happens."""
        self._adapters = adapters
        self._observer = observer
        self._telemetry = telemetry
        self._resync = resync

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Bring one resource one stage further.

        Returns the seconds until the next pass is due; None: the resource is gone.
        Raises WriteConflict when somebody wrote meanwhile, Away when something that it needs did not answer, Invalid,
        Rejected.
        """
        resource = await self._read(key)
        if resource is None:
            self.forget(key)
            self._observer.remove(key)
            return None
        self._telemetry.begins(key, generation=resource.generation, observed=resource.status.observed_generation)
        observation = await self._observer.observe(resource)
        decision = advance(resource.spec, resource.status, observation)
        await self._announce(resource, decision.announcements)
        status = decision.status
        if status != resource.status:
            # Traffic, evidence and what a person said come before any object: whatever is refused there is asked for
            # again by the next pass, from what it sees then.
            await self._adapters.resources.write_status(resource, status)
        await self._publish(resource, status.traffic)
        open_in = await self._adapters.effects.execute(resource, decision.actions)
        self._observer.passed(key, status, observation)
        self._telemetry.passed(written=status != resource.status)
        self._telemetry.stands(key, status)
        dues = (due for due in (self._resync, decision.requeue_after, open_in) if due is not None)
        return min(dues)

    async def _read(self, key: ResourceKey) -> ModelDeployment | None:
        try:
            return await self._adapters.resources.read(key)
        except Invalid:
            self._observer.skip(key)
            raise

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._observer.forget(key)
        self._adapters.effects.forget(key)
        self._adapters.trainings.forget(key)
        self._telemetry.forgotten(key)

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        """Have a resource's status tell why its passes fail. Written once; the first pass that ends takes it away."""
        reason = INVALID if isinstance(error, Invalid) else PASS_FAILING
        what = str(error) if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
        trouble = PassTrouble(
            reason=reason, message=f"each pass over it fails, see the controller's log: {what}"[:1024]
        )
        if await self._adapters.resources.tell(key, trouble, self._observer.clock()):
            self._telemetry.troubled(key, reason)
            _log.warning("passes fail: told in status", extra={"key": str(key), "reason": reason, "detail": what})

    async def _publish(self, resource: ModelDeployment, traffic: Traffic | None) -> None:
        """Hand the desired split to whoever routes. What is refused is not acknowledged either, which status tells."""
        try:
            await self._adapters.traffic.publish(resource, traffic)
        except (Rejected, WriteConflict) as error:
            reason = error.reason if isinstance(error, Rejected) else Reason.CHANGED
            self._telemetry.action_failed(resource.key, reason)
            _log.warning("traffic not published", extra={"key": str(resource.key), "detail": str(error)})

    async def _announce(self, resource: ModelDeployment, announcements: tuple[Announcement, ...]) -> None:
        """Tell users, before status says that they were told."""
        for announcement in announcements:
            where = {"key": str(resource.key), "reason": announcement.reason, "attempt": announcement.attempt}
            try:
                if not await self._adapters.announcer.announce(resource, announcement):
                    continue  # told by a pass that was cut short before it wrote status
            except Rejected as refusal:  # a quota on Events: log and metric tell it
                _log.warning("event refused", extra={**where, "detail": str(refusal)})
            self._telemetry.announced(resource.key, announcement)
            gates = {"gates": [document(gate) for gate in announcement.gates]} if announcement.gates else {}
            _log.info(announcement.message, extra={**where, "completion": announcement.completion, **gates})
