"""What Envoy is to do, in our words; `clusters` and `routes` say it in Envoy's, and `reading` takes it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.errors import UnknownCluster
from penstock_gateway.splits.splits import LiveSplit

TRIES = 5
"""Of one request on one revision, at most."""
SHIELDED_TRIES = 3
"""Of one request on a candidate: one there, two on the rescue, where one pod may just have died."""


class Role(StrEnum):
    """What one of a revision's clusters is for. The first three hold servers, the last one leads to such."""

    USERS = "users"
    """First tries of users' requests."""
    RESCUE = "rescue"
    """Later tries, kept apart so that they pollute no evidence."""
    SHADOW = "shadow"
    """Copies."""
    COMPOSITE = "composite"
    """What a route of an attempt names: it holds no server, and leads the first try and the later ones to such."""


@dataclass(frozen=True, order=True)
class ClusterName:
    """Names one Envoy cluster."""

    ref: RevisionRef
    role: Role = Role.USERS

    def __str__(self) -> str:
        return str(self.ref) if self.role is Role.USERS else f"{self.ref}/{self.role}"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Servers of one revision."""

    endpoints: tuple[Endpoint, ...] = ()
    """Those that are not ready are there only where none is."""
    refuses: bool = False
    """There is no server, and tries are refused: only what was tried can be counted, and rescued."""
    attempt: int | None = None
    """Copies are counted under this attempt; the users' tries under the one that their route names."""
    timed: bool = False
    """Whether copies are counted by how long they took; of users' tries the route says it."""
    by_pod: bool = False
    """Whether copies are counted by the pod that they went to; of users' tries the route says it."""


@dataclass(frozen=True, kw_only=True)
class CompositeCluster:
    """How requests to one revision are tried. Has no servers, so a change breaks no connection."""

    later: tuple[ClusterName, ...]
    """Where each later try goes, in their order."""
    rescues: bool
    """Whether errors that the revision answers are tried again: so for every revision but the rescue itself."""
    shadow: ClusterName | None = None
    """Where copies go."""
    percentage: int = 0
    """Per cent of the requests that are copied."""


Clusters = Mapping[ClusterName, Pool | CompositeCluster]
"""Every cluster that Envoy knows."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that the agent decides about Envoy."""

    clusters: Clusters = field(default_factory=dict)
    live: Mapping[ModelKey, LiveSplit] = field(default_factory=dict)

    def check(self) -> "Configuration":
        """Return this, or raise UnknownCluster: Envoy would answer 503 for such a route, or refuse all of them."""
        missing = sorted(str(name) for name in self.clusters_of_routes() if name not in self.clusters)
        if missing:
            raise UnknownCluster(f"routes lead to {missing[0]}, which no cluster defines; nothing was written")
        return self

    def clusters_of_routes(self) -> frozenset[ClusterName]:
        """Return the clusters that the routes lead to, directly or by way of a composite cluster."""
        return frozenset(name for key, live in self.live.items() for name in _clusters_of(key, live, {}))

    def ready(self, ref: RevisionRef) -> int:
        """Return a revision's number of ready endpoints."""
        pool = self.clusters[ClusterName(ref)]
        return sum(endpoint.ready for endpoint in pool.endpoints) if isinstance(pool, Pool) else 0

    @property
    def longest_timeout(self) -> float:
        """Seconds after which no request that began under these routes is under way; 0 without routes."""
        return max((live.split.timeout_seconds for live in self.live.values() if live.split), default=0.0)


def configure(
    live: Mapping[ModelKey, LiveSplit], endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]]
) -> Configuration:
    """Give every revision in a split its clusters. One without endpoints gets an empty one: that is told as it is."""
    clusters: dict[ClusterName, Pool | CompositeCluster] = {}
    for key, one in live.items():
        clusters.update(_clusters_of(key, one, endpoints))
    return Configuration(clusters=clusters, live=live)


def revision_refs(key: ModelKey, live: LiveSplit) -> tuple[RevisionRef, ...]:
    """Return the revisions that a ModelDeployment's clusters are made for, also those of weight 0."""
    return tuple(RevisionRef(key, backend.revision) for backend in live.split.backends) if live.split else ()


def route_target(key: ModelKey, split: TrafficSplit, revision: str) -> ClusterName:
    """Return the cluster that a route to a revision names."""
    return ClusterName(RevisionRef(key, revision), Role.COMPOSITE if _has_composites(split) else Role.USERS)


def heaviest_revision(split: TrafficSplit) -> str:
    """Return the revision with the largest weight; of several, the rescue, or else the first."""
    return max(split.backends, key=lambda backend: (backend.weight, backend.revision == split.rescue)).revision


def _has_composites(split: TrafficSplit) -> bool:
    return bool(split.backends) and (split.rescue is not None or split.mirror is not None)


def _clusters_of(
    key: ModelKey, live: LiveSplit, endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]]
) -> dict[ClusterName, Pool | CompositeCluster]:
    split = live.split
    if split is None:
        return {}
    found: dict[ClusterName, Pool | CompositeCluster] = {
        ClusterName(ref): _pool(endpoints.get(ref, ()), shielded=_later_revision(split, ref.revision) != "")
        for ref in revision_refs(key, live)
    }
    if split.mirror:
        ref = RevisionRef(key, split.mirror.revision)
        shadow = _pool(endpoints.get(ref, ()), shielded=True)
        counted = replace(shadow, attempt=split.attempt, timed=split.timed, by_pod=split.by_pod)
        found[ClusterName(ref, Role.SHADOW)] = counted
    for backend in split.backends if _has_composites(split) else ():
        composite = _composite(key, split, backend.revision, endpoints)
        found[ClusterName(RevisionRef(key, backend.revision), Role.COMPOSITE)] = composite
        revisions = {split.rescue or backend.revision, _later_revision(split, backend.revision) or backend.revision}
        for ref in (RevisionRef(key, revision) for revision in revisions):
            found[ClusterName(ref, Role.RESCUE)] = Pool(endpoints=endpoints.get(ref, ()))
    return found


def _later_revision(split: TrafficSplit, revision: str) -> str:
    """Return the other revision that answers where this one does not; empty: there is none.

    For all it is the rescue. For the rescue itself it is the one that answers most users beside it: whoever has none of
    them has not been let near users yet, or not any more.
    """
    if split.rescue is None or revision != split.rescue:
        return split.rescue or ""
    others = [backend for backend in split.backends if backend.weight and backend.revision != revision]
    return max(others, key=lambda backend: backend.weight).revision if others else ""


def _pool(endpoints: tuple[Endpoint, ...], *, shielded: bool) -> Pool:
    return Pool(endpoints=endpoints, refuses=shielded and not endpoints)


def _composite(
    key: ModelKey, split: TrafficSplit, revision: str, endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]]
) -> CompositeCluster:
    # Every backend has one, also those of weight 0: a change of weights must touch no cluster that has connections.
    copied = split.mirror is not None and revision == (split.mirror.source or heaviest_revision(split))
    return CompositeCluster(
        later=_later(key, split, revision, endpoints),
        rescues=revision != (split.rescue or revision),
        shadow=ClusterName(RevisionRef(key, split.mirror.revision), Role.SHADOW) if split.mirror and copied else None,
        percentage=split.mirror.percentage if split.mirror and copied else 0,
    )


def _later(
    key: ModelKey, split: TrafficSplit, revision: str, endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]]
) -> tuple[ClusterName, ...]:
    """Return where each later try goes.

    The rescue's own later tries stay at home while it has pods, but for the last two: those are made only when all the
    pods that were tried refused, broke off or drain. What it answers by itself is never asked elsewhere.
    """
    own = ClusterName(RevisionRef(key, revision), Role.RESCUE)
    if split.rescue not in (None, revision):
        return (ClusterName(RevisionRef(key, split.rescue or ""), Role.RESCUE),) * (SHIELDED_TRIES - 1)
    other = _later_revision(split, revision)
    elsewhere = ClusterName(RevisionRef(key, other), Role.RESCUE)
    if not other or not any(endpoint.ready for endpoint in endpoints.get(elsewhere.ref, ())):
        return (own,) * (TRIES - 1)
    at_home = TRIES - SHIELDED_TRIES if endpoints.get(own.ref) else 0
    return (own,) * at_home + (elsewhere,) * (TRIES - 1 - at_home)
