"""The watch against a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, DiscoveryV1Api

from penstock_gateway.api_server.observed import Observed
from penstock_gateway.api_server.snapshot import Backing, Endpoint, Key, World
from penstock_gateway.api_server.watch import ENDPOINT_SLICES, MODEL_DEPLOYMENTS, Pace, Watcher
from penstock_testing.gateway.cluster import create_model_deployment, delete_model_deployment, write_split
from penstock_testing.gateway.objects import NAME, endpoint_slice

WAIT = 30.0
DISCOVERY = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}


@pytest.fixture
async def observed(api: ApiClient, namespace: str) -> AsyncIterator[Observed]:
    """Both watches, each ended by the server every second: what is tested happens across many of them."""
    observed = Observed(time.monotonic)
    pace = Pace(watch_server=1, watch_silence=10.0, retry_first=0.05, retry_last=0.5)
    tasks = [
        asyncio.create_task(Watcher(api=api, kind=kind, namespace=namespace, observed=observed, pace=pace).run())
        for kind in (MODEL_DEPLOYMENTS, ENDPOINT_SLICES)
    ]
    yield observed
    for task in tasks:
        task.cancel()


async def until(observed: Observed, true: Callable[[World], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not true(observed.world):
            await observed.changed()
            observed.take()


def has_number(number: int, world: World) -> bool:
    return number_of(world) == number


def number_of(world: World) -> int | None:
    splits = [wish.split for wish in (world.wishes or {}).values()]
    return splits[0].number if splits and splits[0] else None


async def test_a_model_deployment_appears_changes_and_goes(api: ApiClient, namespace: str, observed: Observed) -> None:
    await until(observed, lambda world: world.complete)
    assert observed.world.wishes == {}
    await create_model_deployment(api, namespace)
    await until(observed, lambda world: bool(world.wishes))
    assert number_of(observed.world) is None
    for number in (1, 2, 3):
        await write_split(api, namespace, number=number)
        await until(observed, partial(has_number, number))
        await asyncio.sleep(0.5)
    await delete_model_deployment(api, namespace)
    await until(observed, lambda world: world.wishes == {})


async def test_endpoints_follow_their_slices(api: ApiClient, namespace: str, observed: Observed) -> None:
    discovery, backing = DiscoveryV1Api(api), Backing(Key(namespace, NAME), "r1")

    def body(*endpoints: Endpoint) -> dict[str, Any]:
        item = endpoint_slice("r1", endpoints, namespace=namespace)
        metadata = {key: item["metadata"][key] for key in ("name", "labels")}
        return {**DISCOVERY, **item, "metadata": metadata}

    one, two = Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)
    await discovery.create_namespaced_endpoint_slice(namespace, body(one, two))
    await until(observed, lambda world: world.endpoints().get(backing) == (one, two))
    ending = Endpoint(one.address, one.port, ready=False)
    name = body()["metadata"]["name"]
    await discovery.replace_namespaced_endpoint_slice(name, namespace, body(ending, two))
    await until(observed, lambda world: world.endpoints().get(backing) == (two,))
    await discovery.delete_namespaced_endpoint_slice(name, namespace)
    await until(observed, lambda world: backing not in world.endpoints())
