"""Where this release acts: in the namespaces that no other release has claimed before."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from penstock_controller.errors import Invalid, PenstockError
from penstock_controller.ports import Claims, ModelDeployments, ResourceKey
from penstock_controller.telemetry import ControllerTelemetry

LOOK_AGAIN = 30.0
"""Seconds for which an answer is taken as it is: a Lease that somebody has deleted is claimed anew after that."""

_log = logging.getLogger(__name__)


class Passes(Protocol):
    """What a key is worked by."""

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Seconds until the next pass; None: the resource is gone."""
        ...

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        """Have a resource's status tell why its passes fail."""
        ...


class OwnPasses(Passes, Protocol):
    """Passes that keep something of each key between two of them."""

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another's."""
        ...


@dataclass(frozen=True, kw_only=True)
class _ClaimAnswer:
    holder: str
    until: float


class Scope:
    """Passes in namespaces that are ours; in others nothing is done, but that somebody is told once."""

    def __init__(
        self,
        claims: Claims,
        passes: OwnPasses,
        telemetry: ControllerTelemetry,
        *,
        resources: ModelDeployments,
        clock: Callable[[], float],
        release: str,
        only: str,
    ) -> None:
        """`clock`: monotonic seconds. `release`: namespace/name. `only`: the one namespace it serves; empty: all."""
        self._claims = claims
        self._passes = passes
        self._telemetry = telemetry
        self._clock = clock
        self._release = release
        self._resources = resources
        self._only = only
        self._everywhere = not only
        self._all: _ClaimAnswer | None = None
        self._answers: dict[str, _ClaimAnswer] = {}

    async def reconcile(self, key: ResourceKey) -> float | None:
        """A pass, where this release acts. Raises what a pass raises."""
        holder = await self._holder(key.namespace)
        if holder == self._release:
            return await self._passes.reconcile(key)
        self._passes.forget(key)  # what another release rolls out has no turn here, and no alias is looked at for it
        return LOOK_AGAIN if await self._is_there(key) else None

    async def _is_there(self, key: ResourceKey) -> bool:
        try:
            return await self._resources.read(key) is not None
        except Invalid:
            return True  # the other release says so

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        """Where another release acts its status is that one's: then nothing is said. Raises what telling raises."""
        known = self._answers.get(key.namespace)
        if known is None or known.holder == self._release:
            await self._passes.tell(key, error)

    async def claim(self) -> None:
        """Claim at the start what has a name already, so that who installs a second release is told at once.

        Called once, and ends: each pass claims what this could not.
        """
        try:
            holder = await (self._claims.holder_of_all() if self._everywhere else self._claims.holder(self._only))
        except PenstockError as error:
            _log.warning("nothing claimed yet: the first pass will try again", extra={"detail": str(error)})
            return
        if holder != self._release:
            where = "in all namespaces" if self._everywhere else f"in namespace {self._only}"
            facts = {"holder": holder, "release": self._release}
            _log.warning("another release acts %s: this one acts in none of them", where, extra=facts)

    async def _holder(self, namespace: str) -> str:
        known = self._answers.get(namespace)
        if known and self._clock() < known.until:
            return known.holder
        try:
            holder = await self._asked(namespace)
        except PenstockError as error:
            if known is None:
                raise
            # The Lease stays where it is while nobody can look: what serves is looked after as before.
            _log.warning("not known whether the claim stands", extra={"namespace": namespace, "detail": str(error)})
            holder = known.holder
        self._answers[namespace] = _ClaimAnswer(holder=holder, until=self._clock() + LOOK_AGAIN)
        elsewhere = sum(answer.holder != self._release for answer in self._answers.values())
        self._telemetry.namespaces_elsewhere(elsewhere)
        if holder != (known.holder if known else self._release):
            await self._tell(namespace, holder)
        return holder

    async def _asked(self, namespace: str) -> str:
        if self._everywhere:
            if self._all is None or self._clock() >= self._all.until:
                holder = await self._claims.holder_of_all()
                self._all = _ClaimAnswer(holder=holder, until=self._clock() + LOOK_AGAIN)
            if self._all.holder != self._release:
                return self._all.holder
        return await self._claims.holder(namespace)

    async def _tell(self, namespace: str, holder: str) -> None:
        facts = {"namespace": namespace, "holder": holder, "release": self._release}
        if holder == self._release:
            _log.info("this release acts in the namespace now", extra=facts)
            return
        _log.warning("another release acts in the namespace: this one leaves its ModelDeployments alone", extra=facts)
        try:
            await self._claims.tell(namespace, holder)
        except PenstockError as error:
            _log.warning("no event of it", extra={**facts, "detail": str(error)})
