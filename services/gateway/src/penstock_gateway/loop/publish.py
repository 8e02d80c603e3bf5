"""Brings the files on disk, and then Envoy, to a configuration: one step at a time, each confirmed before the next."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from penstock_gateway.envoy.bootstrap import ConfigPaths
from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.envoy.envoy_admin import EnvoyState, FileState
from penstock_gateway.envoy.files import INITIAL, read_configuration, read_text, read_version, replace_file
from penstock_gateway.envoy.resource_file import ResourceFile
from penstock_gateway.envoy.routes import render_routes
from penstock_gateway.errors import EnvoyRefused, Unconfirmed
from penstock_gateway.splits.configuration import ClusterName, Configuration
from penstock_gateway.splits.plan import PlanStep, PutClusters, PutRoutes, apply_step, initial_plan, plan

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.004
_CONFIRM_SECONDS = 5.0
_LINGER_MARGIN_SECONDS = 1.0
_UNSEEN = FileState(version="", rejected=0)


class StateReader(Protocol):
    """Tells what Envoy runs on."""

    async def state(self) -> EnvoyState:
        """Return the versions in use; raises EnvoyAway."""


@dataclass(frozen=True, kw_only=True)
class _FileTarget:
    """One file of a step, and where Envoy's answer about it is found."""

    path: Path
    file: ResourceFile
    state: Callable[[EnvoyState], FileState]


class Publisher:
    """The only writer of Envoy's files. One call at a time."""

    def __init__(
        self, paths: ConfigPaths, envoy: StateReader, *, max_body_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._paths = paths
        self._envoy = envoy
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._on_disk = read_configuration(paths)
        self._lingering: dict[ClusterName, float] = {}
        self._seen = EnvoyState(clusters=_UNSEEN, routes=_UNSEEN)

    @property
    def on_disk(self) -> Configuration:
        """What is on disk."""
        return self._on_disk

    async def publish(self, target: Configuration) -> None:
        """Return when Envoy runs on the target (and perhaps on clusters that linger).

        Raises EnvoyRefused (the last good file is back on disk), Unwritable, Unconfirmed or EnvoyAway (call again).
        """
        self._update_lingering(target)
        confirmed = await self.is_confirmed()
        if read_version(self._paths.routes) in ("", INITIAL):
            steps = initial_plan(target)
        else:
            if not confirmed:
                await self._repair()
            steps = plan(self._on_disk, target, frozenset(self._lingering))
        for step in steps:
            await self._carry_out(step)

    async def is_confirmed(self) -> bool:
        """Tell whether Envoy runs on what is on disk, and an agent wrote that; raises EnvoyAway."""
        state = await self._read_state()
        routes = read_version(self._paths.routes)
        clusters = read_version(self._paths.clusters)
        return routes not in ("", INITIAL) and (state.clusters.version, state.routes.version) == (clusters, routes)

    def next_removal(self) -> float | None:
        """Return the clock's time at which a lingering cluster may go; None: there is none."""
        return min(self._lingering.values(), default=None)

    def _update_lingering(self, target: Configuration) -> None:
        """Keep a cluster that leaves the routes until no request that began under them can be under way."""
        now = self._clock()
        until = now + self._on_disk.longest_timeout + _LINGER_MARGIN_SECONDS
        for name in self._on_disk.clusters:
            self._lingering.setdefault(name, until)
        self._lingering = {
            name: end for name, end in self._lingering.items() if name not in target.clusters and end > now
        }

    async def _repair(self) -> None:
        """Envoy restarted, missed a change, or the last publication broke off: later steps build on what is on disk."""
        _log.warning("envoy does not run on what is on disk: writing it again")
        await self._carry_out(PutClusters(clusters=self._on_disk.clusters))
        await self._carry_out(PutRoutes(live=self._on_disk.live))

    async def _carry_out(self, step: PlanStep) -> None:
        target = self._target(step)
        before = target.state(self._seen)
        old, old_text = self._on_disk, read_text(target.path)
        replace_file(target.path, target.file.text)
        self._on_disk = apply_step(old, step)
        try:
            await self._confirm(target, before)
        except EnvoyRefused:
            replace_file(target.path, old_text)
            self._on_disk = old
            raise

    def _target(self, step: PlanStep) -> _FileTarget:
        match step:
            case PutClusters(clusters=clusters):
                return _FileTarget(
                    path=self._paths.clusters, file=render_clusters(clusters), state=lambda state: state.clusters
                )
            case PutRoutes(live=live):
                file = render_routes(live, self._max_body_bytes)
                return _FileTarget(path=self._paths.routes, file=file, state=lambda state: state.routes)

    async def _confirm(self, target: _FileTarget, before: FileState) -> None:
        what = f"{target.path.name} {target.file.version}"
        deadline = self._clock() + _CONFIRM_SECONDS
        # Envoy answers on the thread that takes files: asked at once, it would answer first and take the file later.
        await asyncio.sleep(_POLL_SECONDS)
        while (now := target.state(await self._read_state())).version != target.file.version:
            if now.rejected > before.rejected:
                raise EnvoyRefused(f"Envoy refused {what} (its log says why); the last good one stays")
            if self._clock() > deadline:
                raise Unconfirmed(f"Envoy has not taken {what} within {_CONFIRM_SECONDS:.0f} s; trying again")
            await asyncio.sleep(_POLL_SECONDS)
        _log.info("envoy runs on %s", what)

    async def _read_state(self) -> EnvoyState:
        self._seen = await self._envoy.state()
        return self._seen
