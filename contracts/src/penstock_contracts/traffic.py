"""`status.traffic`: what the controller wants of the gateway, and what every gateway pod is known to do."""

from typing import Annotated

from pydantic import Field

from penstock_contracts.base import Contract, ResourceContract


class Backend(ResourceContract):
    """A revision that the gateway must know. With weight 0 it has a cluster but gets no request."""

    revision: str
    """Name of the revision: its EndpointSlices carry it as a label."""
    weight: int = Field(ge=0, le=100)
    """Per cent of the users' requests."""


class Mirror(ResourceContract):
    """Copies of users' requests. Nobody waits for their answers and nobody sees them."""

    revision: str
    """The revision that answers the copies. Its backend has weight 0, unless `source` is another one."""
    percentage: int = Field(ge=0, le=100)
    """Per cent of the source's requests that are copied."""
    source: str | None = None
    """The revision whose requests are copied; None: the backend with the largest weight."""


class HeaderMatch(ResourceContract):
    """Requests with all of these headers go to one revision, whatever the weights."""

    headers: Annotated[dict[str, str], Field(min_length=1, max_length=8)]
    """Header to its exact value."""
    revision: str
    """Where such requests go."""


class Stickiness(ResourceContract):
    """The same value of a header keeps the same revision while the weights stay.

    Backends take their shares in the order of the list: while the first one's weight grows, nobody leaves it.
    """

    header: str
    """Name of the request header; a request without it is routed by weight alone."""


def overtaken_after(time_limit: float) -> float:
    """Seconds of silence after which a second try is asked beside a user's first one. A copy is asked once."""
    return time_limit / 3


class TrafficSplit(ResourceContract):
    """One complete wish. Weights add up to 100, or there are no backends."""

    number: int = Field(ge=0)
    """Grows with every change of this wish; gateway pods acknowledge it."""
    attempt: int = 0
    """Tries are counted under the number of this attempt."""
    backends: tuple[Backend, ...] = ()
    timeout_seconds: float = 10.0
    """A request's time limit at the gateway."""
    rescue: str | None = None
    """The revision on which a failed, hung or refused try of any other revision is repeated; one of the backends."""
    mirror: Mirror | None = None
    """Where copies of requests go; None: nowhere."""
    match: Annotated[tuple[HeaderMatch, ...], Field(max_length=16)] = ()
    """Looked at in order, before the weights."""
    timed: bool = False
    """Whether gateway pods count how long tries take."""
    by_pod: bool = False
    """Whether gateway pods count tries by the pod that they went to, too."""
    stickiness: Stickiness | None = None
    """None: each request is routed by weight alone."""


class Traffic(ResourceContract):
    """One pass writes `desired`; a later one, which has read every gateway pod's acknowledgement, writes `applied`."""

    desired: TrafficSplit
    applied: TrafficSplit | None = None


class AppliedTraffic(Contract):
    """What one gateway pod does for one ModelDeployment, as its Envoy confirmed."""

    number: int
    """The TrafficSplit that is active."""
    applied_at: float
    """Unix time in seconds at which the agent saw Envoy confirm that number."""
    endpoints: dict[str, int]
    """Revision to its number of ready endpoints in the active configuration."""


class GatewayStatus(Contract):
    """Answer of `GET /v1/applied/{namespace}/{name}` on a gateway pod's agent port.

    About one ModelDeployment: the controller asks in each pass of each of them, and an answer about all would make that
    grow with the square of their number.
    """

    pod: str
    namespace: str
    name: str
    applied: AppliedTraffic | None
    """None: this pod has no split of it active, or does not know whether it has."""
    rejected: str = ""
    """Envoy's or the agent's reason why the newest split is not active; empty when there is none."""
