"""The gateways adapter against a real API server's pods and an agent that answers, or does not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest
from kubernetes.aio.client import ApiClient, CoreV1Api
from prometheus_client import CollectorRegistry

from penstock_contracts.evidence import Arm, GatewayEvidence, RevisionTries
from penstock_contracts.traffic import AppliedTraffic, GatewayStatus
from penstock_controller.adapters.gateway import HttpGateways
from penstock_controller.ports import Key
from penstock_controller.telemetry import Telemetry
from penstock_testing.faulty_server import Exchange, Fault, FaultyServer

ATTEMPT = 7
RELEASE = "release"
LABELS = {
    "app.kubernetes.io/instance": RELEASE,
    "app.kubernetes.io/name": "penstock",
    "app.kubernetes.io/component": "gateway",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=0.5, trust_env=False) as client:
        yield client


async def gateway_pod(api: ApiClient, key: Key, name: str, address: str, *, ready: bool = True) -> None:
    """A pod as the kubelet would report it; no scheduler looks at it."""
    core = CoreV1Api(api)
    container = {"name": "envoy", "image": "localhost/no-such-image:1"}
    spec = {"schedulerName": "nobody", "containers": [container]}
    await core.create_namespaced_pod(key.namespace, {"metadata": {"name": name, "labels": LABELS}, "spec": spec})
    now = datetime.now(UTC).isoformat()
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": now}
    status = {"podIP": address, "podIPs": [{"ip": address}], "conditions": [condition]}
    await core.patch_namespaced_pod_status(name, key.namespace, {"status": status})


def gateways(api: ApiClient, client: httpx.AsyncClient, key: Key, port: int) -> HttpGateways:
    telemetry = Telemetry(CollectorRegistry())
    return HttpGateways(api, client, telemetry, namespace=key.namespace, release=RELEASE, agent_port=port)


def says(message: GatewayEvidence | GatewayStatus) -> Fault:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(message.model_dump_json().encode())

    return answer


def path_of_evidence(key: Key) -> str:
    return f"/v1/evidence/{key.namespace}/{key.name}?attempt={ATTEMPT}"


TRIES = RevisionTries(revision="rev2", arm=Arm.USERS, tries=10, failures=4, kinds={"500": 3, "reset": 1})


async def test_counters_of_a_pod_are_read_with_where_they_began(
    api: ApiClient, client: httpx.AsyncClient, key: Key
) -> None:
    message = GatewayEvidence(pod="gw-0", epoch="e1", attempt=ATTEMPT, tries=(TRIES,))
    async with FaultyServer({path_of_evidence(key): says(message)}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        (reading,) = await gateways(api, client, key, agent.port).evidence(key, ATTEMPT)
    assert reading.source == "gw-0/e1"
    (tries,) = reading.tries
    assert (tries.revision, tries.arm, tries.tries, tries.failures) == ("rev2", Arm.USERS, 10, 4)
    assert tries.kinds == {"500": 3, "reset": 1}


async def too_old(exchange: Exchange) -> None:
    await exchange.answer(b'{"detail": "Not Found"}', status=404)


async def envoy_away(exchange: Exchange) -> None:
    await exchange.answer(b'{"error": "Envoy does not answer"}', status=503)


async def another_language(exchange: Exchange) -> None:
    await exchange.answer(b'{"pod": "gw-0"}')


FAULTS: list[Callable[[Exchange], Awaitable[None]]] = [
    too_old,
    envoy_away,
    another_language,
    Exchange.reset_in_the_middle,
    Exchange.garbage,
    Exchange.silence,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_pod_that_tells_no_counters_is_left_out_and_the_pass_goes_on(
    api: ApiClient, client: httpx.AsyncClient, key: Key, fault: Fault
) -> None:
    async with FaultyServer({path_of_evidence(key): fault, "/v1/applied": fault}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        adapter = gateways(api, client, key, agent.port)
        assert await adapter.evidence(key, ATTEMPT) == ()
        (pod,) = await adapter.observe(key)
    assert pod.number is None
    assert pod.problem


async def test_of_two_pods_the_one_that_answers_is_heard(api: ApiClient, client: httpx.AsyncClient, key: Key) -> None:
    message = GatewayEvidence(pod="gw-0", epoch="e1", attempt=ATTEMPT, tries=(TRIES,))
    async with FaultyServer({path_of_evidence(key): says(message)}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        await gateway_pod(api, key, "gw-1", "127.0.0.9")
        readings = await gateways(api, client, key, agent.port).evidence(key, ATTEMPT)
    assert [reading.source for reading in readings] == ["gw-0/e1"]


async def test_what_a_pod_confirms_is_read_and_a_pod_that_serves_nobody_is_not_asked(
    api: ApiClient, client: httpx.AsyncClient, key: Key
) -> None:
    applied = AppliedTraffic(
        namespace=key.namespace, name=key.name, number=3, applied_at=1.0, endpoints={"rev1": 2, "rev2": 1}
    )
    async with FaultyServer({"/v1/applied": says(GatewayStatus(pod="gw-0", applied=(applied,)))}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        await gateway_pod(api, key, "gw-1", "127.0.0.9", ready=False)
        (pod,) = await gateways(api, client, key, agent.port).observe(key)
    assert (pod.name, pod.number, pod.problem) == ("gw-0", 3, "")
    assert pod.endpoints == {"rev1": 2, "rev2": 1}
