"""Objects as the API server sends them, with only what matters stated."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint

NAMESPACE = "payments"
NAME = "fraud-detector"


def model_deployment(
    weights: Mapping[str, int] | None = None,
    *,
    number: int = 1,
    timeout: float = 10.0,
    name: str = NAME,
    namespace: str = NAMESPACE,
    uid: str = "",
) -> dict[str, Any]:
    """Weights: revision to per cent; None: the controller has written no traffic yet."""
    metadata = {"name": name, "namespace": namespace, "uid": uid or f"{namespace}-{name}", "resourceVersion": "1"}
    if weights is None:
        return {"metadata": metadata, "spec": {}}
    backends = [{"revision": revision, "weight": weight} for revision, weight in weights.items()]
    desired = {"number": number, "backends": backends, "timeoutSeconds": timeout}
    return {"metadata": metadata, "spec": {}, "status": {"traffic": {"desired": desired}}}


def with_split(split: TrafficSplit) -> dict[str, Any]:
    """The ModelDeployment with this desired split."""
    return model_deployment() | {"status": {"traffic": {"desired": split.model_dump(mode="json", by_alias=True)}}}


def endpoint_slice(
    revision: str,
    endpoints: Sequence[Endpoint],
    *,
    name: str = NAME,
    namespace: str = NAMESPACE,
    uid: str = "",
    family: str = "IPv4",
) -> dict[str, Any]:
    """One slice has one port: the first endpoint's."""
    labels = {"penstock.dev/model-deployment": name, "penstock.dev/revision": revision}
    uid = uid or f"{namespace}-{name}-{revision}"
    return {
        "metadata": {"name": uid, "namespace": namespace, "uid": uid, "labels": labels, "resourceVersion": "1"},
        "addressType": family,
        "endpoints": [
            {
                "addresses": [one.address],
                "conditions": {"ready": one.ready, "serving": True, "terminating": not one.ready},
            }
            for one in endpoints
        ],
        "ports": [{"name": "http", "port": endpoints[0].port if endpoints else 8080, "protocol": "TCP"}],
    }


def endpoint_slices(revision: str, endpoints: Sequence[Endpoint], *, name: str = NAME) -> list[dict[str, Any]]:
    """Endpoints with ports of their own, as loopback wants it: a slice for each."""
    return [endpoint_slice(revision, [one], name=name, uid=f"{name}-{revision}-{one.port}") for one in endpoints]
