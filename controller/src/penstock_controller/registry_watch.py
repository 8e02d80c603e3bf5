"""Follows the registry: each reference is asked for once per interval, however many resources have it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from penstock_controller.api.v1alpha1 import RegistryRef
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.ports import Key, Registry
from penstock_controller.rollout.observation import RegistryVersion


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What is known of a reference."""

    version: RegistryVersion | None = None
    """The last version that the registry named."""
    away: str = ""
    """Why the registry did not answer the last time; the version stays the last known."""
    missing: tuple[str, str] | None = None
    """Reason and message: the registry answered that it does not exist."""


class RegistryWatch:
    """Holds the resolutions and wakes the resources whose resolution changed."""

    def __init__(self, registry: Registry, wake: Callable[[Key], None], interval: float) -> None:
        self._registry = registry
        self._wake = wake
        self._interval = interval
        self._followers: dict[Key, RegistryRef] = {}
        self._known: dict[RegistryRef, Resolution] = {}
        self._new = asyncio.Event()

    def follow(self, key: Key, reference: RegistryRef) -> Resolution | None:
        """What is known of a resource's reference; None: nothing yet, the resource is woken when it is."""
        reference = reference.wish
        if self._followers.get(key) != reference:
            self._followers[key] = reference
            self._drop_unfollowed()
        if reference not in self._known:
            self._new.set()
        return self._known.get(reference)

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._followers.pop(key, None)
        self._drop_unfollowed()

    def _drop_unfollowed(self) -> None:
        followed = set(self._followers.values())
        self._known = {reference: known for reference, known in self._known.items() if reference in followed}

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            self._new.clear()
            await asyncio.gather(*(self._poll(reference) for reference in set(self._followers.values())))
            try:
                await asyncio.wait_for(self._new.wait(), timeout=self._interval)
            except TimeoutError:
                continue

    async def _poll(self, reference: RegistryRef) -> None:
        before = self._known.get(reference)
        now = await self._resolve(reference, before)
        if now == before or reference not in self._followers.values():
            return
        self._known[reference] = now
        for key, followed in self._followers.items():
            if followed == reference:
                self._wake(key)

    async def _resolve(self, reference: RegistryRef, before: Resolution | None) -> Resolution:
        try:
            return Resolution(version=await self._registry.resolve(reference))
        except VersionMissing as missing:
            return Resolution(missing=(missing.reason, str(missing)))
        except RegistryAway as away:
            return Resolution(version=before.version if before else None, away=str(away))
