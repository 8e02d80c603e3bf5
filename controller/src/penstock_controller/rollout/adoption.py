"""After a lost status (a restore from backup): stable is found again from what the workloads say."""

from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_controller.api.status import ModelDeploymentStatus, Stable
from penstock_controller.rollout import routing
from penstock_controller.rollout.observation import Observation, Workload
from penstock_controller.rollout.timestamps import stamp


def adopted(status: ModelDeploymentStatus, observation: Observation, timeout: float) -> ModelDeploymentStatus:
    """The status itself, or, where it names nothing but a workload was stable once, one that names it again."""
    workload = _last_promoted(observation)
    if status.stable or status.candidate or workload is None:
        return status
    stable = Stable(
        revision=workload.revision, version=workload.version, digest=workload.digest, since=stamp(observation.now)
    )
    # Gateway pods still run the lost split: the new number must be none that they acknowledge already.
    above = max((pod.number or 0 for pod in observation.gateways), default=0)
    attempt = max(status.attempt, workload.promoted_attempt or 0)
    everything = (Backend(revision=workload.revision, weight=100),)
    wish = TrafficSplit(number=0, attempt=attempt, backends=everything, timeout_seconds=timeout)
    traffic = routing.asked(None, wish, above=above)
    return status.model_copy(update={"stable": stable, "traffic": traffic, "attempt": attempt})


def _last_promoted(observation: Observation) -> Workload | None:
    promoted = [workload for workload in observation.workloads.values() if workload.promoted_attempt is not None]
    return max(promoted, key=lambda workload: workload.promoted_attempt or 0, default=None)
