"""The way down: weight 0 acknowledged, drain, the gateway forgets it, the pods leave."""

from dataclasses import dataclass

from penstock_contracts.api.status import ModelDeploymentStatus, Retiring
from penstock_contracts.base import evolve
from penstock_controller.rollout import routing
from penstock_controller.rollout.decision import DeleteWorkload, RevisionAction
from penstock_controller.rollout.observation import Observation, Workload
from penstock_controller.rollout.timestamps import seconds_since, stamp

_CLOCK_GRAIN = 1.0
"""Stamps are whole seconds."""
_LOOK = 0.5
_MOST = 16
"""Of `status.retiring`: the others leave when there is room."""


@dataclass(frozen=True, kw_only=True)
class Retired:
    """The status after this pass's way down, and what is to be done for it."""

    status: ModelDeploymentStatus
    actions: tuple[RevisionAction, ...] = ()
    requeue_after: float | None = None


def advance(status: ModelDeploymentStatus, observation: Observation, timeout: float) -> Retired:
    """Take each leaving revision one stage further. `timeout`: seconds that a request may still run on it."""
    status = _with_orphans(status, observation)
    drained = tuple(_stamp_unrouted(item, status, observation) for item in status.retiring)
    status = evolve(status, retiring=drained)
    status = _forget_drained(status, observation, timeout)
    leaving = [item for item in status.retiring if _may_leave(item, status, observation)]
    there = _there(observation)
    gone = {item.revision for item in leaving if item.revision not in there}
    actions = tuple(DeleteWorkload(revision=item.revision) for item in leaving if item.revision not in gone)
    remaining = tuple(item for item in status.retiring if item.revision not in gone)
    return Retired(
        status=evolve(status, retiring=remaining),
        actions=actions,
        requeue_after=_LOOK if remaining else None,
    )


def _with_orphans(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """A workload that no pointer names (a pass was killed after it made it) leaves like any other."""
    named = {item.revision for item in status.retiring}
    named |= {pointer.revision for pointer in (status.stable, status.candidate, status.previous) if pointer}
    orphans = sorted(_there(observation) - named)[: max(0, _MOST - len(status.retiring))]
    leaving = (_orphan(revision, observation.workloads.get(revision)) for revision in orphans)
    return evolve(status, retiring=(*status.retiring, *leaving))


def _there(observation: Observation) -> set[str]:
    """Revisions that anything is there of: a Service may outlast its Deployment when its deletion was refused."""
    return {*observation.workloads, *observation.remains}


def _orphan(revision: str, workload: Workload | None) -> Retiring:
    if workload is None:
        return Retiring(revision=revision, version="", digest="")
    return Retiring(revision=revision, version=workload.version, digest=workload.digest)


def _stamp_unrouted(item: Retiring, status: ModelDeploymentStatus, observation: Observation) -> Retiring:
    traffic = status.traffic
    if item.unrouted_at or traffic is None or not routing.knows(traffic, item.revision):
        return item
    if traffic.applied is None or routing.sends(traffic, item.revision):
        return item
    return evolve(item, unrouted_at=stamp(observation.now))


def _forget_drained(status: ModelDeploymentStatus, observation: Observation, timeout: float) -> ModelDeploymentStatus:
    """Ask the gateway to drop the clusters of revisions whose last request is over."""
    traffic = status.traffic
    candidate = status.candidate
    if traffic is None or (candidate and (candidate.promoting or candidate.ending)):
        # A split that every gateway pod must acknowledge is under way: it is not replaced for housekeeping.
        return status
    over = {item.revision for item in status.retiring if _drained(item, observation, timeout)}
    backends = tuple(backend for backend in traffic.desired.backends if backend.revision not in over)
    desired = evolve(traffic.desired, backends=backends)
    return evolve(status, traffic=routing.ask(traffic, desired, observation.gateways))


def _drained(item: Retiring, observation: Observation, timeout: float) -> bool:
    if item.unrouted_at is None:
        return False
    return seconds_since(item.unrouted_at, observation.now) >= timeout + _CLOCK_GRAIN


def _may_leave(item: Retiring, status: ModelDeploymentStatus, observation: Observation) -> bool:
    """Its pods may go when no gateway pod sends to them any more, by what it acknowledged."""
    traffic = status.traffic
    if traffic is None:
        # Nothing was asked, or nobody remembers what: then a gateway pod may still do it.
        return all(pod.number is None for pod in observation.gateways)
    if routing.knows(traffic, item.revision):
        return False
    if traffic.applied is None:
        return routing.acknowledged(traffic, observation.gateways)
    return not routing.sends(traffic, item.revision)
