"""`status.traffic`: what the controller wants of the gateway, and what every gateway pod is known to do."""

from pydantic import Field

from penstock_contracts.base import Contract, ResourceContract


class Backend(ResourceContract):
    """A revision that the gateway must know. With weight 0 it has a cluster but gets no request."""

    revision: str
    """Name of the revision: its EndpointSlices carry it as a label."""
    weight: int = Field(ge=0, le=100)
    """Per cent of the users' requests."""


class TrafficSplit(ResourceContract):
    """One complete wish. Weights add up to 100, or there are no backends."""

    number: int = Field(ge=0)
    """Grows with every change of this wish; gateway pods acknowledge it."""
    backends: tuple[Backend, ...] = ()
    timeout_seconds: float = 10.0
    """A request's time limit at the gateway."""


class Traffic(ResourceContract):
    """One pass writes `desired`; a later one, which has read every gateway pod's acknowledgement, writes `applied`."""

    desired: TrafficSplit
    applied: TrafficSplit | None = None


class AppliedTraffic(Contract):
    """What one gateway pod does for one ModelDeployment, as its Envoy confirmed."""

    namespace: str
    name: str
    number: int
    """The TrafficSplit that is active."""
    applied_at: float
    """Unix time in seconds at which the agent saw Envoy confirm that number."""
    endpoints: dict[str, int]
    """Revision to its number of ready endpoints in the active configuration."""


class GatewayStatus(Contract):
    """Answer of `GET /v1/applied` on a gateway pod's agent port."""

    pod: str
    applied: tuple[AppliedTraffic, ...]
    rejected: str = ""
    """Envoy's or the agent's reason why the newest configuration is not active; empty when it is."""
