"""What the API server says, frozen. Folding is pure: an event makes a new snapshot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT, LABEL_REVISION
from penstock_contracts.traffic import Traffic, TrafficSplit

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class ModelKey:
    """Names a ModelDeployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, order=True)
class RevisionRef:
    """Names a revision of a ModelDeployment."""

    key: ModelKey
    revision: str

    def __str__(self) -> str:
        return f"{self.key}/{self.revision}"


@dataclass(frozen=True, kw_only=True)
class DesiredTraffic:
    """A ModelDeployment, as far as the gateway is concerned."""

    key: ModelKey
    uid: str
    """Tells a resource that was deleted and created again from its predecessor."""
    split: TrafficSplit | None
    """`status.traffic.desired`; None: the controller has written none, or it cannot be read."""
    problem: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True, order=True)
class Endpoint:
    """A pod's address. Not ready: it is ending but answers still, or its probes fail."""

    address: str
    port: int
    ready: bool = True


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The endpoints of one EndpointSlice that may answer: all but those that ended."""

    uid: str
    ref: RevisionRef
    family: str
    endpoints: frozenset[Endpoint]


@dataclass(frozen=True, kw_only=True)
class ApiServerSnapshot:
    """Everything seen. None: that kind has not been listed yet, so nothing may be concluded from what is missing."""

    desired: Mapping[str, DesiredTraffic] | None = None
    """By uid."""
    slices: Mapping[str, Slice] | None = None
    """By uid."""

    @property
    def complete(self) -> bool:
        """Both kinds have been listed."""
        return self.desired is not None and self.slices is not None

    def with_model_deployments(self, objects: Iterable[Mapping[str, Any]]) -> "ApiServerSnapshot":
        """Return the snapshot after a complete list of ModelDeployments."""
        return replace(self, desired={one.uid: one for one in map(parse_model_deployment, objects)})

    def with_model_deployment(self, item: Mapping[str, Any]) -> "ApiServerSnapshot":
        """Return the snapshot after a ModelDeployment appeared or changed."""
        one = parse_model_deployment(item)
        return replace(self, desired={**(self.desired or {}), one.uid: one})

    def without_model_deployment(self, item: Mapping[str, Any]) -> "ApiServerSnapshot":
        """Return the snapshot after a ModelDeployment was deleted."""
        return replace(self, desired=_without(self.desired, item))

    def with_slices(self, objects: Iterable[Mapping[str, Any]]) -> "ApiServerSnapshot":
        """Return the snapshot after a complete list of EndpointSlices."""
        found = (parse_slice(item) for item in objects)
        return replace(self, slices={one.uid: one for one in found if one is not None})

    def with_slice(self, item: Mapping[str, Any]) -> "ApiServerSnapshot":
        """Return the snapshot after an EndpointSlice appeared or changed."""
        one = parse_slice(item)
        if one is None:
            return self.without_slice(item)
        return replace(self, slices={**(self.slices or {}), one.uid: one})

    def without_slice(self, item: Mapping[str, Any]) -> "ApiServerSnapshot":
        """Return the snapshot after an EndpointSlice was deleted."""
        return replace(self, slices=_without(self.slices, item))

    def endpoints(self) -> dict[RevisionRef, tuple[Endpoint, ...]]:
        """Return where each revision's requests may go, sorted.

        Ready pods; where there is none, those that may answer all the same. On a node that is so busy that probes fail,
        a late answer is better than none; and a pod whose model has not been tried yet refuses by itself.
        """
        grouped: dict[RevisionRef, list[Slice]] = {}
        for one in (self.slices or {}).values():
            grouped.setdefault(one.ref, []).append(one)
        return {ref: _usable(slices) for ref, slices in grouped.items()}


def _without(items: Mapping[str, T] | None, item: Mapping[str, Any]) -> dict[str, T]:
    gone = item["metadata"]["uid"]
    return {uid: one for uid, one in (items or {}).items() if uid != gone}


def _usable(slices: list[Slice]) -> tuple[Endpoint, ...]:
    # A dual-stack pod stands in a slice of each family: one is enough. During a move between slices a pod may stand
    # in two of them with different conditions: ready wins, a wrong guess costs one retry.
    v4 = [one for one in slices if one.family == "IPv4"]
    found = frozenset[Endpoint]().union(*(one.endpoints for one in v4 or slices))
    ready = {endpoint for endpoint in found if endpoint.ready}
    return tuple(sorted(ready or found))


class _ApiObject(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Metadata(_ApiObject):
    name: str
    namespace: str
    uid: str
    labels: dict[str, str] = Field(default_factory=dict)


class _Named(_ApiObject):
    metadata: _Metadata


class _Conditions(_ApiObject):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(_ApiObject):
    addresses: tuple[str, ...] = ()
    conditions: _Conditions = Field(default_factory=_Conditions)


class _Port(_ApiObject):
    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class _EndpointSlice(_Named):
    address_type: str
    endpoints: tuple[_Endpoint, ...] | None = None
    ports: tuple[_Port, ...] | None = None


def parse_model_deployment(item: Mapping[str, Any]) -> DesiredTraffic:
    """Read a ModelDeployment from the API server; a traffic that cannot be read is named in the result's problem."""
    metadata = _Named.model_validate(item).metadata
    key = ModelKey(metadata.namespace, metadata.name)
    raw = (item.get("status") or {}).get("traffic")
    if raw is None:
        return DesiredTraffic(key=key, uid=metadata.uid, split=None)
    try:
        return DesiredTraffic(key=key, uid=metadata.uid, split=Traffic.model_validate(raw).desired)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("status.traffic", *map(str, first["loc"])))
        return DesiredTraffic(key=key, uid=metadata.uid, split=None, problem=f"{where}: {first['msg']}")


def parse_slice(item: Mapping[str, Any]) -> Slice | None:
    """Read an EndpointSlice from the API server; None: it is not of a revision, or has nothing Envoy can use."""
    parsed = _EndpointSlice.model_validate(item)
    labels = parsed.metadata.labels
    name, revision = labels.get(LABEL_MODEL_DEPLOYMENT), labels.get(LABEL_REVISION)
    port = _http_port(parsed.ports or ())
    if not name or not revision or port is None or parsed.address_type not in ("IPv4", "IPv6"):
        return None
    return Slice(
        uid=parsed.metadata.uid,
        ref=RevisionRef(ModelKey(parsed.metadata.namespace, name), revision),
        family=parsed.address_type,
        endpoints=frozenset(
            Endpoint(endpoint.addresses[0], port, ready=_ready(endpoint.conditions))
            for endpoint in parsed.endpoints or ()
            if endpoint.addresses and _answers(endpoint.conditions)
        ),
    )


def _http_port(ports: tuple[_Port, ...]) -> int | None:
    """The port named http, or else the first one."""
    tcp = [port for port in ports if port.port is not None and (port.protocol or "TCP") == "TCP"]
    named = [port for port in tcp if port.name == "http"]
    return next((port.port for port in named or tcp), None)


def _ready(conditions: _Conditions) -> bool:
    # The API's rule: an unknown readiness is to be taken as ready.
    return conditions.ready is not False


def _answers(conditions: _Conditions) -> bool:
    return _ready(conditions) or bool(conditions.serving) or not conditions.terminating
