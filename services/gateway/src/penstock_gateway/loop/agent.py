"""The loop that brings Envoy to what the API server asks for. Level-based: each pass starts from what it sees."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.snapshot import ApiServerSnapshot, ModelKey
from penstock_gateway.errors import EnvoyAway, EnvoyRefused, Unconfirmed, Unwritable
from penstock_gateway.loop.applied import AppliedSplit, acknowledge, describe_changes
from penstock_gateway.loop.metrics import GatewayMetrics
from penstock_gateway.loop.publish import Publisher
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_gateway.splits.plan import apply_only, differing_models
from penstock_gateway.splits.splits import choose_splits

_log = logging.getLogger(__name__)
_COALESCE_SECONDS = 0.01
_VERIFY_SECONDS = 1.0
_RETRY_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class AgentStatus:
    """What this pod may say about itself."""

    applied: Mapping[ModelKey, AppliedSplit] = field(default_factory=dict)
    rejected: Mapping[ModelKey, str] = field(default_factory=dict)
    not_ready: str = "Envoy has not confirmed a configuration yet"
    """Why this pod is not ready; empty: it is."""


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """A part of a configuration that Envoy refused: not tried again until it changes."""

    part: Configuration
    reason: str


class Agent:
    """Owns the publisher; one pass at a time."""

    def __init__(
        self,
        latest: LatestSnapshot,
        publisher: Publisher,
        metrics: GatewayMetrics,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._latest = latest
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._refusals: dict[ModelKey, _Refusal] = {}
        self._since: float | None = None
        self.progress_at = clock()
        """The clock's time at which the loop last showed that it does not hang."""
        self.status = AgentStatus()

    async def run(self) -> None:
        """Never return."""
        while True:
            await self.pass_once()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._latest.wait_for_change(), self._until_next())
                # A rollout changes many objects at once: one configuration for all of them.
                await asyncio.sleep(_COALESCE_SECONDS)

    async def pass_once(self) -> None:
        """Publish what the newest snapshot asks for, and note what Envoy confirms."""
        self.progress_at = self._clock()
        snapshot, since = self._latest.take()
        self._since = self._since or since
        rejected: Mapping[ModelKey, str] = {}
        try:
            if snapshot.complete:
                rejected, confirmed = await self._publish(snapshot)
            else:
                confirmed = await self._publisher.is_confirmed()
            why_not = "" if confirmed else "Envoy does not run on what is on disk"
        except (EnvoyAway, Unconfirmed, Unwritable) as error:
            confirmed, why_not = False, str(error)
        self._update_status(confirmed=confirmed, why_not=why_not, rejected=rejected)

    async def _publish(self, snapshot: ApiServerSnapshot) -> tuple[Mapping[ModelKey, str], bool]:
        """Return what was rejected, by us, by Envoy or by the disk, and whether everything else is active."""
        on_disk = self._publisher.on_disk
        chosen = choose_splits(snapshot.desired or {}, on_disk.live)
        target = self._without_refused(configure(chosen.live, snapshot.endpoints()))
        unwritten: Mapping[ModelKey, str] = {}
        confirmed = True
        try:
            await self._publisher.publish(target)
        except EnvoyRefused as error:
            await self._publish_one_by_one(target, error)
        except Unwritable as error:
            unwritten = dict.fromkeys(differing_models(self._publisher.on_disk, target), str(error))
            confirmed = await self._publisher.is_confirmed()
        refused = {key: refusal.reason for key, refusal in self._refusals.items()}
        return {**chosen.rejected, **refused, **unwritten}, confirmed

    async def _publish_one_by_one(self, target: Configuration, error: EnvoyRefused) -> None:
        """Envoy refuses a file as a whole: find out whose part it is, so that only that one stays behind."""
        _log.warning("%s; trying each changed ModelDeployment alone", error)
        for key in differing_models(self._publisher.on_disk, target):
            part = apply_only(self._publisher.on_disk, target, key)
            self.progress_at = self._clock()
            try:
                await self._publisher.publish(part)
            except EnvoyRefused as refused:
                _log.error("ModelDeployment %s: %s", key, refused)
                self._refusals[key] = _Refusal(part=apply_only(Configuration(), target, key), reason=str(refused))

    def _without_refused(self, target: Configuration) -> Configuration:
        """Return the target with what Envoy refused left at its last good state, for as long as it is the same."""
        same = {key: one for key, one in self._refusals.items() if apply_only(Configuration(), target, key) == one.part}
        self._refusals = same
        for key in same:
            target = apply_only(target, self._publisher.on_disk, key)
        return target

    def _update_status(self, *, confirmed: bool, why_not: str, rejected: Mapping[ModelKey, str]) -> None:
        applied = acknowledge(self.status.applied, self._publisher.on_disk if confirmed else None, self._wall_clock())
        if confirmed and self._since is not None:
            self._metrics.observe_apply(self._clock() - self._since)
            self._since = None
        self._report(why_not, rejected)
        for line in describe_changes(self.status.applied, applied, self._publisher.on_disk.live):
            _log.info("%s", line)
        self._metrics.show_applied(applied)
        self.status = AgentStatus(applied=applied, rejected=rejected, not_ready=why_not)

    def _report(self, why_not: str, rejected: Mapping[ModelKey, str]) -> None:
        fresh = {key: why for key, why in rejected.items() if self.status.rejected.get(key) != why}
        for key, why in fresh.items():
            _log.error("ModelDeployment %s stays at its last good split: %s", key, why)
        self._metrics.count_rejections(len(fresh))
        if why_not != self.status.not_ready:
            _log.info("not ready: %s", why_not) if why_not else _log.info("ready")

    def _until_next(self) -> float:
        """Return the seconds until the next pass is due without a change."""
        if self.status.not_ready:
            return _RETRY_SECONDS
        removal = self._publisher.next_removal()
        return _VERIFY_SECONDS if removal is None else max(0.0, min(_VERIFY_SECONDS, removal - self._clock()))
