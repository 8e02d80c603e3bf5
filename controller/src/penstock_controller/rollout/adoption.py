"""After a lost status (a restore from backup): stable is found again from what the workloads say."""

from penstock_contracts.api.status import ModelDeploymentStatus, Stable
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_controller.rollout import command, routing
from penstock_controller.rollout.observation import Observation, Workload
from penstock_controller.rollout.timestamps import stamp


def adopt(status: ModelDeploymentStatus, observation: Observation, timeout: float) -> ModelDeploymentStatus:
    """The status itself, or, where it names nothing but a workload was stable once, one that names it again."""
    status = _number_attempt(status, observation)
    workload = _last_promoted(observation)
    if status.stable or status.candidate or workload is None:
        return status
    stable = Stable(
        revision=workload.revision, version=workload.version, digest=workload.digest, since=stamp(observation.now)
    )
    attempt = status.attempt
    # Gateway pods still run the lost split: whom it may send to stays known, and drains.
    others = (Backend(revision=revision, weight=0) for revision in observation.workloads if revision != stable.revision)
    everything = (Backend(revision=stable.revision, weight=100), *others)
    desired = TrafficSplit(number=0, attempt=attempt, backends=everything, timeout_seconds=timeout)
    traffic = routing.ask(None, desired, observation.gateways)
    return evolve(status, stable=stable, traffic=traffic, attempt=attempt)


def _number_attempt(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """Without a status no number is given again that anything remembers, and what was said before is over."""
    # The API server fills in -1 where no controller has written.
    if status.observed_generation > 0:
        return status
    marks = [workload.promoted_attempt or 0 for workload in observation.workloads.values()]
    attempt = max(status.attempt, *marks, *command.attempts(observation.words), 0)
    return evolve(status, attempt=attempt, handled_commands=command.as_remembered(observation.words))


def _last_promoted(observation: Observation) -> Workload | None:
    promoted = [workload for workload in observation.workloads.values() if workload.promoted_attempt is not None]
    return max(promoted, key=lambda workload: workload.promoted_attempt or 0, default=None)
