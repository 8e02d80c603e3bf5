"""The watch against a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, DiscoveryV1Api

from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.snapshot import ApiServerSnapshot, Endpoint, ModelKey, RevisionRef
from penstock_gateway.api_server.watch import ENDPOINT_SLICES, MODEL_DEPLOYMENTS, KindWatch, WatchTimeouts
from penstock_testing.gateway.cluster import create_model_deployment, delete_model_deployment, write_split
from penstock_testing.gateway.objects import NAME, endpoint_slice

WAIT = 30.0
DISCOVERY = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}


@pytest.fixture
async def latest(api: ApiClient, namespace: str) -> AsyncIterator[LatestSnapshot]:
    """Both watches, each ended by the server every second: what is tested happens across many of them."""
    latest = LatestSnapshot(time.monotonic)
    timeouts = WatchTimeouts(watch_server=1, watch_silence=10.0, retry_first=0.05, retry_last=0.5)
    tasks = [
        asyncio.create_task(KindWatch(api=api, kind=kind, namespace=namespace, latest=latest, timeouts=timeouts).run())
        for kind in (MODEL_DEPLOYMENTS, ENDPOINT_SLICES)
    ]
    yield latest
    for task in tasks:
        task.cancel()


async def until(latest: LatestSnapshot, true: Callable[[ApiServerSnapshot], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not true(latest.snapshot):
            await latest.wait_for_change()
            latest.take()


def has_number(number: int, snapshot: ApiServerSnapshot) -> bool:
    return number_of(snapshot) == number


def number_of(snapshot: ApiServerSnapshot) -> int | None:
    splits = [one.split for one in (snapshot.desired or {}).values()]
    return splits[0].number if splits and splits[0] else None


async def test_a_model_deployment_appears_changes_and_goes(
    api: ApiClient, namespace: str, latest: LatestSnapshot
) -> None:
    await until(latest, lambda snapshot: snapshot.complete)
    assert latest.snapshot.desired == {}
    await create_model_deployment(api, namespace)
    await until(latest, lambda snapshot: bool(snapshot.desired))
    assert number_of(latest.snapshot) is None
    for number in (1, 2, 3):
        await write_split(api, namespace, number=number)
        await until(latest, partial(has_number, number))
        await asyncio.sleep(0.5)
    await delete_model_deployment(api, namespace)
    await until(latest, lambda snapshot: snapshot.desired == {})


async def test_endpoints_follow_their_slices(api: ApiClient, namespace: str, latest: LatestSnapshot) -> None:
    discovery, ref = DiscoveryV1Api(api), RevisionRef(ModelKey(namespace, NAME), "r1")

    def body(*endpoints: Endpoint) -> dict[str, Any]:
        item = endpoint_slice("r1", endpoints, namespace=namespace)
        metadata = {key: item["metadata"][key] for key in ("name", "labels")}
        return {**DISCOVERY, **item, "metadata": metadata}

    one, two = Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)
    await discovery.create_namespaced_endpoint_slice(namespace, body(one, two))
    await until(latest, lambda snapshot: snapshot.endpoints().get(ref) == (one, two))
    ending = Endpoint(one.address, one.port, ready=False)
    name = body()["metadata"]["name"]
    await discovery.replace_namespaced_endpoint_slice(name, namespace, body(ending, two))
    await until(latest, lambda snapshot: snapshot.endpoints().get(ref) == (two,))
    await discovery.delete_namespaced_endpoint_slice(name, namespace)
    await until(latest, lambda snapshot: ref not in snapshot.endpoints())
