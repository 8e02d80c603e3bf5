"""Arithmetic on traffic splits: what to ask of the gateway, and what is acknowledged."""

from penstock_contracts.traffic import Backend, Traffic, TrafficSplit
from penstock_controller.rollout.observation import GatewayPod, Observation


def weight(traffic: Traffic | None, revision: str) -> int:
    """Per cent that the gateway may be sending to a revision: the larger of what is asked and what is applied."""
    if traffic is None:
        return 0
    return max(_weight(traffic.desired, revision), _weight(traffic.applied, revision))


def applied_weight(traffic: Traffic | None, revision: str) -> int:
    """Per cent that every gateway pod is known to send to a revision."""
    return _weight(traffic.applied, revision) if traffic else 0


def _weight(split: TrafficSplit | None, revision: str) -> int:
    backends = split.backends if split else ()
    return next((backend.weight for backend in backends if backend.revision == revision), 0)


def known(traffic: Traffic | None, revision: str) -> bool:
    """Whether the gateway is asked to keep a cluster for a revision."""
    return traffic is not None and any(backend.revision == revision for backend in traffic.desired.backends)


def asked(traffic: Traffic | None, weights: dict[str, int], timeout: float, *, above: int = 0) -> Traffic:
    """The traffic with `weights` as its wish: unchanged when that is the wish already, else under a new number.

    `above`: the new number is larger than this too (after a lost status, larger than any acknowledged one).
    """
    backends = tuple(Backend(revision=revision, weight=share) for revision, share in weights.items())
    if traffic and traffic.desired.backends == backends and traffic.desired.timeout_seconds == timeout:
        return traffic
    number = max(traffic.desired.number if traffic else 0, above) + 1
    desired = TrafficSplit(number=number, backends=backends, timeout_seconds=timeout)
    return Traffic(desired=desired, applied=traffic.applied if traffic else None)


def laggards(traffic: Traffic | None, gateways: tuple[GatewayPod, ...]) -> tuple[GatewayPod, ...]:
    """The gateway pods that have not acknowledged the wish."""
    if traffic is None:
        return ()
    return tuple(pod for pod in gateways if pod.number != traffic.desired.number)


def acknowledged(traffic: Traffic | None, gateways: tuple[GatewayPod, ...]) -> bool:
    """Whether every gateway pod has the wish active. With no gateway pod at all nothing is acknowledged."""
    return traffic is not None and bool(gateways) and not laggards(traffic, gateways)


def with_applied(traffic: Traffic | None, gateways: tuple[GatewayPod, ...]) -> Traffic | None:
    """The traffic with `applied` brought up to what is acknowledged."""
    if traffic is None or not acknowledged(traffic, gateways):
        return traffic
    return Traffic(desired=traffic.desired, applied=traffic.desired)


def reachable_everywhere(revision: str, at_least: int, gateways: tuple[GatewayPod, ...]) -> bool:
    """Whether each gateway pod has `at_least` ready endpoints of the revision in its active configuration."""
    return bool(gateways) and all(pod.endpoints.get(revision, 0) >= at_least for pod in gateways)


def waiting_for(traffic: Traffic | None, observation: Observation) -> str:
    """A sentence on whom the wish waits for."""
    if not observation.gateways:
        return "no gateway pod is ready: check the gateway Deployment in Penstock's namespace"
    late = laggards(traffic, observation.gateways)
    if not late:
        return "every gateway pod has applied it; waiting for its endpoints"
    return "waiting for " + ", ".join(f"{pod.name} ({pod.problem or 'not applied yet'})" for pod in late[:3])
