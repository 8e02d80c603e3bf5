"""Arithmetic on traffic splits: what to ask of the gateway, and what is acknowledged."""

from penstock_contracts.base import evolve
from penstock_contracts.traffic import Traffic, TrafficSplit
from penstock_controller.rollout.observation import GatewayPod, Observation


def sends(traffic: Traffic | None, revision: str) -> bool:
    """Whether the gateway may be sending anything to a revision: by what is asked, or by what is applied."""
    return asks(traffic, revision) or (traffic is not None and _sends(traffic.applied, revision))


def asks(traffic: Traffic | None, revision: str) -> bool:
    """Whether the gateway is asked to send anything to a revision."""
    return traffic is not None and _sends(traffic.desired, revision)


def _sends(split: TrafficSplit | None, revision: str) -> bool:
    if split is None:
        return False
    return (
        _weight(split, revision) > 0
        or split.rescue == revision
        or (split.mirror is not None and split.mirror.revision == revision)
        or any(match.revision == revision for match in split.match)
    )


def applied_weight(traffic: Traffic | None, revision: str) -> int:
    """Per cent that every gateway pod is known to send to a revision."""
    return _weight(traffic.applied, revision) if traffic else 0


def desired_weight(traffic: Traffic | None, revision: str) -> int:
    """Per cent that is asked of every gateway pod."""
    return _weight(traffic.desired, revision) if traffic else 0


def largest_weight(traffic: Traffic | None, revision: str) -> int:
    """Per cent that some gateway pod may be sending to a revision: the larger of what is asked and what is applied."""
    return max(desired_weight(traffic, revision), applied_weight(traffic, revision))


def _weight(split: TrafficSplit | None, revision: str) -> int:
    backends = split.backends if split else ()
    return next((backend.weight for backend in backends if backend.revision == revision), 0)


def knows(traffic: Traffic | None, revision: str) -> bool:
    """Whether the gateway is asked to keep a cluster for a revision."""
    return traffic is not None and any(backend.revision == revision for backend in traffic.desired.backends)


def ask(traffic: Traffic | None, desired: TrafficSplit, gateways: tuple[GatewayPod, ...]) -> Traffic:
    """The traffic with this split, whose number does not matter: unchanged if it stands already, else a new number.

    The new number is none that a gateway pod has acknowledged already: after a lost status they run a lost split.
    """
    if traffic and traffic.desired == evolve(desired, number=traffic.desired.number):
        return traffic
    number = max(traffic.desired.number if traffic else 0, *(pod.number or 0 for pod in gateways), 0) + 1
    return Traffic(
        desired=evolve(desired, number=number),
        applied=traffic.applied if traffic else None,
    )


def laggards(traffic: Traffic | None, gateways: tuple[GatewayPod, ...]) -> tuple[GatewayPod, ...]:
    """The gateway pods that have not acknowledged the desired split."""
    if traffic is None:
        return ()
    return tuple(pod for pod in gateways if pod.number != traffic.desired.number)


def acknowledged(traffic: Traffic | None, gateways: tuple[GatewayPod, ...]) -> bool:
    """Whether every gateway pod has the desired split active. With no gateway pod at all nothing is acknowledged."""
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
    """A sentence on whom the desired split waits for."""
    if not observation.gateways:
        return "no gateway pod is ready: check the gateway Deployment in Penstock's namespace"
    late = laggards(traffic, observation.gateways)
    if not late:
        return "every gateway pod has applied it; waiting for its endpoints"
    return "waiting for " + ", ".join(f"{pod.name} ({pod.problem or 'not applied yet'})" for pod in late[:3])
