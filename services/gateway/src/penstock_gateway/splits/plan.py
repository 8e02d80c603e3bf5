"""In which order Envoy's files are replaced. Files have no order among themselves: each step waits for the one before.

Adding: clusters, old and new; then the routes.
Removing: the routes without it; then, when no request under the old routes can be under way, the clusters without it.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.splits.configuration import ClusterName, Clusters, Configuration
from penstock_gateway.splits.splits import LiveSplit


@dataclass(frozen=True, kw_only=True)
class PutClusters:
    """Replace the clusters' file and see it active."""

    clusters: Clusters


@dataclass(frozen=True, kw_only=True)
class PutRoutes:
    """Replace the routes' file and see it active."""

    live: Mapping[ModelKey, LiveSplit]


PlanStep = PutClusters | PutRoutes


def plan(current: Configuration, target: Configuration, lingering: AbstractSet[ClusterName]) -> tuple[PlanStep, ...]:
    """Return the steps from what is on disk to the target; none where nothing differs.

    Lingering clusters are no longer routed to, but a request that began earlier may want to try again there.
    Raises UnknownCluster when the target's routes lead nowhere.
    """
    target.check()
    both = {**current.clusters, **target.clusters}
    kept = {name: one for name, one in both.items() if name in target.clusters or name in lingering}
    steps: list[PlanStep] = []
    if both != current.clusters:
        steps.append(PutClusters(clusters=both))
    if target.live != current.live:
        steps.append(PutRoutes(live=target.live))
    if kept != both:
        steps.append(PutClusters(clusters=kept))
    return tuple(steps)


def initial_plan(target: Configuration) -> tuple[PlanStep, ...]:
    """Return the steps where nothing has been written before: both files, also when there is nothing to serve."""
    target.check()
    return (PutClusters(clusters=target.clusters), PutRoutes(live=target.live))


def apply_step(current: Configuration, step: PlanStep) -> Configuration:
    """Return what is on disk when the step is done."""
    match step:
        case PutClusters(clusters=clusters):
            return replace(current, clusters=clusters)
        case PutRoutes(live=live):
            return replace(current, live=live)


def apply_only(current: Configuration, target: Configuration, key: ModelKey) -> Configuration:
    """Return the current configuration with only this ModelDeployment's part brought to the target."""
    clusters = {name: one for name, one in current.clusters.items() if name.ref.key != key}
    live = {other: one for other, one in current.live.items() if other != key}
    clusters.update({name: one for name, one in target.clusters.items() if name.ref.key == key})
    live.update({other: one for other, one in target.live.items() if other == key})
    return Configuration(clusters=clusters, live=live)


def differing_models(current: Configuration, target: Configuration) -> tuple[ModelKey, ...]:
    """Return the ModelDeployments whose part differs, sorted."""
    keys = {*current.live, *target.live} | {name.ref.key for name in (*current.clusters, *target.clusters)}
    return tuple(sorted(key for key in keys if apply_only(current, target, key) != current))
