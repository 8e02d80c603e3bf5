"""Which resource moves a live alias that several name for one model: the oldest. One place for all of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.ports import ResourceKey

_Alias = tuple[str, str, str]
"""Connection, model and alias: MLflow takes names of aliases in any case for the same."""


@dataclass(frozen=True)
class Claim:
    """What a resource may do with the live alias that it names."""

    mine: bool
    other: str = ""
    """Who moves it instead, as namespace/name; empty with `mine` false: that is not known yet."""


class LiveAliases:
    """Knows who names what by each resource's last pass. Bounded by the number of resources.

    After a restart nobody moves one before every resource has been looked at: the oldest may come last.
    """

    def __init__(self, wake: Callable[[ResourceKey], None]) -> None:
        """`wake`: called for a key whose claim may have changed."""
        self._wake = wake
        self._named: dict[ResourceKey, tuple[_Alias, tuple[str, ResourceKey]]] = {}
        """The alias, and what the oldest is found by."""
        self._unseen: set[ResourceKey] | None = None

    def expect(self, keys: Iterable[ResourceKey]) -> None:
        """All resources that there are when the controller starts."""
        self._unseen = set(keys) - self._named.keys()
        self._wake_when_all_are_seen()

    def ask(self, key: ResourceKey, registry: RegistryRef, created: str) -> Claim:
        """Whether a resource moves the live alias of its spec. `created`: RFC 3339."""
        if registry.live_alias is None:
            self.forget(key)
            return Claim(mine=True)
        alias = (registry.connection, registry.model, registry.live_alias.lower())
        before = self._named.get(key)
        self._named[key] = (alias, (created, key))
        if before is None or before[0] != alias:
            self._wake_those_with(before and before[0], but=key)
            self._wake_those_with(alias, but=key)
        self._seen(key)
        if self._unseen is None or self._unseen:
            return Claim(mine=False)
        _, oldest = min(since for named, since in self._named.values() if named == alias)
        return Claim(mine=oldest == key, other="" if oldest == key else str(oldest))

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, cannot be read, or names none."""
        before = self._named.pop(key, None)
        if before:
            self._wake_those_with(before[0], but=key)
        self._seen(key)

    def _seen(self, key: ResourceKey) -> None:
        if self._unseen and key in self._unseen:
            self._unseen.discard(key)
            self._wake_when_all_are_seen()

    def _wake_when_all_are_seen(self) -> None:
        if not self._unseen:
            for key in self._named:
                self._wake(key)

    def _wake_those_with(self, alias: _Alias | None, *, but: ResourceKey) -> None:
        for key, (named, _) in self._named.items():
            if named == alias and key != but:
                self._wake(key)
