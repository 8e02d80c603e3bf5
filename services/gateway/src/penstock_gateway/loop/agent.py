"""The loop that brings Envoy to what the world asks for. Level-based: each pass starts from what it sees."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from penstock_gateway.api_server.observed import Observed
from penstock_gateway.api_server.snapshot import Key, World
from penstock_gateway.errors import EnvoyAway, Refused, Unconfirmed, Unwritable
from penstock_gateway.loop.applied import Applied, acknowledge, news
from penstock_gateway.loop.metrics import Metrics
from penstock_gateway.loop.publish import Publisher
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_gateway.splits.plan import changed, narrowed
from penstock_gateway.splits.splits import settle

_log = logging.getLogger(__name__)
_COALESCE_SECONDS = 0.01
_VERIFY_SECONDS = 1.0
_RETRY_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What this pod may say about itself."""

    applied: Mapping[Key, Applied] = field(default_factory=dict)
    rejected: Mapping[Key, str] = field(default_factory=dict)
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
        observed: Observed,
        publisher: Publisher,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._observed = observed
        self._publisher = publisher
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._refusals: dict[Key, _Refusal] = {}
        self._since: float | None = None
        self.progress_at = clock()
        """The clock's time at which the loop last showed that it does not hang."""
        self.standing = Standing()

    async def run(self) -> None:
        """Never return."""
        while True:
            await self.pass_once()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._observed.changed(), self._until_next())
                # A rollout changes many objects at once: one configuration for all of them.
                await asyncio.sleep(_COALESCE_SECONDS)

    async def pass_once(self) -> None:
        """Publish what the world asks for, and take down what Envoy confirms."""
        self.progress_at = self._clock()
        world, since = self._observed.take()
        self._since = self._since or since
        rejected: Mapping[Key, str] = {}
        try:
            if world.complete:
                rejected, confirmed = await self._publish(world)
            else:
                confirmed = await self._publisher.confirmed()
            why_not = "" if confirmed else "Envoy does not run on what is on disk"
        except (EnvoyAway, Unconfirmed, Unwritable) as error:
            confirmed, why_not = False, str(error)
        self._stand(confirmed=confirmed, why_not=why_not, rejected=rejected)

    async def _publish(self, world: World) -> tuple[Mapping[Key, str], bool]:
        """Return what was rejected, by us, by Envoy or by the disk, and whether everything else is active."""
        written = self._publisher.written
        settled = settle(world.wishes or {}, written.live)
        target = self._without_refused(configure(settled.live, world.endpoints()))
        unwritten: Mapping[Key, str] = {}
        confirmed = True
        try:
            await self._publisher.publish(target)
        except Refused as error:
            await self._one_by_one(target, error)
        except Unwritable as error:
            unwritten = dict.fromkeys(changed(self._publisher.written, target), str(error))
            confirmed = await self._publisher.confirmed()
        refused = {key: refusal.reason for key, refusal in self._refusals.items()}
        return {**settled.rejected, **refused, **unwritten}, confirmed

    async def _one_by_one(self, target: Configuration, error: Refused) -> None:
        """Envoy refuses a file as a whole: find out whose part it is, so that only that one stays behind."""
        _log.warning("%s; trying each changed ModelDeployment alone", error)
        for key in changed(self._publisher.written, target):
            part = narrowed(self._publisher.written, target, key)
            self.progress_at = self._clock()
            try:
                await self._publisher.publish(part)
            except Refused as refused:
                _log.error("ModelDeployment %s: %s", key, refused)
                self._refusals[key] = _Refusal(part=narrowed(Configuration(), target, key), reason=str(refused))

    def _without_refused(self, target: Configuration) -> Configuration:
        """Return the target with what Envoy refused left at its last good state, for as long as it is the same."""
        same = {key: one for key, one in self._refusals.items() if narrowed(Configuration(), target, key) == one.part}
        self._refusals = same
        for key in same:
            target = narrowed(target, self._publisher.written, key)
        return target

    def _stand(self, *, confirmed: bool, why_not: str, rejected: Mapping[Key, str]) -> None:
        applied = acknowledge(self.standing.applied, self._publisher.written if confirmed else None, self._wall_clock())
        if confirmed and self._since is not None:
            self._metrics.took(self._clock() - self._since)
            self._since = None
        self._report(why_not, rejected)
        for line in news(self.standing.applied, applied, self._publisher.written.live):
            _log.info("%s", line)
        self._metrics.show(applied)
        self.standing = Standing(applied=applied, rejected=rejected, not_ready=why_not)

    def _report(self, why_not: str, rejected: Mapping[Key, str]) -> None:
        fresh = {key: why for key, why in rejected.items() if self.standing.rejected.get(key) != why}
        for key, why in fresh.items():
            _log.error("ModelDeployment %s stays at its last good split: %s", key, why)
        self._metrics.rejected(len(fresh))
        if why_not != self.standing.not_ready:
            _log.info("not ready: %s", why_not) if why_not else _log.info("ready")

    def _until_next(self) -> float:
        """Return the seconds until the next pass is due without a change."""
        if self.standing.not_ready:
            return _RETRY_SECONDS
        removal = self._publisher.next_removal()
        return _VERIFY_SECONDS if removal is None else max(0.0, min(_VERIFY_SECONDS, removal - self._clock()))
