"""A second traffic provider, in memory: it can do little more than it must, so nothing may rely on our own."""

from collections.abc import Callable

from penstock_contracts.traffic import Traffic, TrafficSplit
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.observation import GatewayPod, Reading
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities

GATEWAY = "shared-gateway"


class WeightsOnly:
    """Routes by weights and headers, as a plain HTTP route does, and acknowledges what was published last."""

    capabilities = TrafficCapabilities(mirror=False, stickiness=False, header_match=True, rescue=False, evidence=False)

    def __init__(self, ready: Callable[[str], int]) -> None:
        """`ready`: endpoints of a revision."""
        self._ready = ready
        self.routes: dict[ResourceKey, TrafficSplit] = {}
        self.writes: list[TrafficSplit] = []

    async def publish(self, resource: ModelDeployment, traffic: Traffic | None) -> None:
        """Write the route, where it is another one."""
        if traffic is not None and self.routes.get(resource.key) != traffic.desired:
            self.routes[resource.key] = traffic.desired
            self.writes.append(traffic.desired)

    async def observe(self, key: ResourceKey) -> tuple[GatewayPod, ...]:
        """One gateway, which has taken on what was written last."""
        route = self.routes.get(key)
        if route is None:
            return (GatewayPod(name=GATEWAY, number=None),)
        endpoints = {backend.revision: self._ready(backend.revision) for backend in route.backends}
        return (GatewayPod(name=GATEWAY, number=route.number, endpoints=endpoints),)

    async def evidence(self, key: ResourceKey, attempt: int) -> tuple[Reading, ...]:
        """None: it counts answers, whoever gave them."""
        return ()
