"""What Envoy is to do, in our words; `render` says it in Envoy's, and `reading` takes it back from Envoy's files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_gateway.errors import UnknownCluster
from penstock_gateway.splits import LiveSplit
from penstock_gateway.world import Backing, Endpoint, Key

Clusters = Mapping[Backing, tuple[Endpoint, ...]]
"""Every revision that Envoy knows, with its endpoints; those that are ending are there only where none is ready."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that the agent decides about Envoy."""

    clusters: Clusters = field(default_factory=dict)
    live: Mapping[Key, LiveSplit] = field(default_factory=dict)

    def checked(self) -> "Configuration":
        """Return this, or raise UnknownCluster: Envoy would answer 503 for such a route, or refuse all of them."""
        missing = sorted(str(backing) for backing in self.routed() if backing not in self.clusters)
        if missing:
            raise UnknownCluster(f"routes lead to {missing[0]}, which no cluster defines; nothing was written")
        return self

    def routed(self) -> frozenset[Backing]:
        """Return the revisions that the routes name."""
        return frozenset(backing for key, live in self.live.items() for backing in backings(key, live))

    @property
    def longest_timeout(self) -> float:
        """Seconds after which no request that began under these routes is under way; 0 without routes."""
        return max((live.split.timeout_seconds for live in self.live.values() if live.split), default=0.0)


def backings(key: Key, live: LiveSplit) -> tuple[Backing, ...]:
    """Return the revisions that a ModelDeployment's clusters are made for, also those of weight 0."""
    return tuple(Backing(key, backend.revision) for backend in live.split.backends) if live.split else ()


def configure(live: Mapping[Key, LiveSplit], endpoints: Clusters) -> Configuration:
    """Give every revision in a split its cluster. One without endpoints gets an empty one: that is told as it is."""
    wanted = [backing for key, one in live.items() for backing in backings(key, one)]
    return Configuration(clusters={backing: endpoints.get(backing, ()) for backing in wanted}, live=live)
