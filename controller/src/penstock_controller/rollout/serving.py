"""What users get at this moment, as far as the gateway pods say it."""

from dataclasses import dataclass

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.traffic import Traffic, TrafficSplit
from penstock_controller.rollout import routing
from penstock_controller.rollout.observation import GatewayPod, Observation, Workload, why_not_ready

_NAMED = 3
"""Gateway pods that a message names."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Whether users are answered."""

    answers: bool | None
    """None: no gateway pod tells."""
    reason: str
    message: str


def service(status: ModelDeploymentStatus, observation: Observation) -> Service:
    """What the gateway pods have endpoints for, of what they route to: whichever pointer names it."""
    routed = _routed(status.traffic)
    if not routed:
        return _not_routed(status, observation)
    if not observation.gateways:
        return Service(
            answers=False, reason=Reason.NO_GATEWAY, message="no gateway pod is ready: nobody takes requests"
        )
    told = [pod for pod in observation.gateways if pod.number is not None]
    if not told:
        names = ", ".join(f"{pod.name} ({pod.problem or 'no answer'})" for pod in observation.gateways[:_NAMED])
        return Service(
            answers=None, reason=Reason.GATEWAY_SILENT, message=f"no gateway pod tells what it serves: {names}"
        )
    empty = [pod for pod in told if not any(pod.endpoints.get(revision) for revision in routed)]
    if empty:
        return _no_endpoints(status, observation, empty)
    versions = _versions(status, [revision for revision in routed if any(pod.endpoints.get(revision) for pod in told)])
    return Service(answers=True, reason=Reason.SERVING, message=f"{versions} answers")


def no_ready_pod(version: str, workload: Workload | None) -> str:
    """The sentence for a version that has none, and why."""
    return f"no pod of version {version} is ready: {why_not_ready(workload)}"


def fails(status: ModelDeploymentStatus, observation: Observation) -> bool:
    """Whether gateway pods that route users' requests are known to have nobody to send them to, or none is there."""
    return bool(_routed(status.traffic)) and service(status, observation).answers is False


def _routed(traffic: Traffic | None) -> tuple[str, ...]:
    """Revisions that users' requests may go to by what is applied, first those with a weight, then who rescues."""
    split = traffic.applied if traffic else None
    return () if split is None else tuple(dict.fromkeys((*_weighted(split), *_rescuing(split))))


def _weighted(split: TrafficSplit) -> tuple[str, ...]:
    return tuple(backend.revision for backend in split.backends if backend.weight > 0)


def _rescuing(split: TrafficSplit) -> tuple[str, ...]:
    return (split.rescue,) if split.rescue else ()


def _not_routed(status: ModelDeploymentStatus, observation: Observation) -> Service:
    if status.stable:
        return Service(
            answers=False, reason=Reason.NOT_ROUTED, message=routing.waiting_for(status.traffic, observation)
        )
    reason = status.refused.reason if status.refused else status.phase.value
    return Service(answers=False, reason=reason, message="no version has served yet")


def _no_endpoints(status: ModelDeploymentStatus, observation: Observation, empty: list[GatewayPod]) -> Service:
    stable = status.stable
    workload = observation.workloads.get(stable.revision) if stable else None
    if stable and (workload is None or workload.ready == 0):
        return Service(answers=False, reason=Reason.NO_READY_PODS, message=no_ready_pod(stable.version, workload))
    names = ", ".join(pod.name for pod in empty[:_NAMED])
    message = f"{len(empty)} of {len(observation.gateways)} gateway pods have no endpoint to send to: {names}"
    return Service(answers=False, reason=Reason.NO_ENDPOINTS, message=message)


def _versions(status: ModelDeploymentStatus, revisions: list[str]) -> str:
    pointers = (status.stable, status.candidate, status.previous)
    named = {pointer.revision: pointer.version for pointer in pointers if pointer}
    versions = [named[revision] for revision in revisions if revision in named]
    return f"version {versions[0]}" if versions else "a version that leaves"
