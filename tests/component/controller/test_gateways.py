"""The gateways adapter against a real API server's pods and an agent that answers, or does not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from kubernetes.aio.client import ApiClient, CoreV1Api
from prometheus_client import CollectorRegistry

from penstock_contracts.evidence import GatewayEvidence, RevisionTries, TryReason
from penstock_contracts.traffic import AppliedTraffic, GatewayStatus
from penstock_controller.adapters.gateway import GatewayAgents
from penstock_controller.ports import ResourceKey
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.faulty_server import Fault, FaultyExchange, FaultyServer

ATTEMPT = 7
DATA = Path(__file__).parents[2] / "data" / "gateway"
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


async def gateway_pod(
    api: ApiClient,
    key: ResourceKey,
    name: str,
    address: str,
    *,
    ready_since: str = "True 10",
    envoy: str = "running 5",
    phase: str = "Running",
    reason: str = "",
) -> None:
    """A pod as the kubelet would report it; no scheduler looks at it.

    `ready_since`: a condition's status and the second of its last change; `envoy`: a state and when it began.
    """
    core = CoreV1Api(api)
    container = {"name": "envoy", "image": "localhost/no-such-image:1"}
    spec = {"schedulerName": "nobody", "containers": [container]}
    await core.create_namespaced_pod(key.namespace, {"metadata": {"name": name, "labels": LABELS}, "spec": spec})
    ready, since = ready_since.split()
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": at(since), "reason": reason}
    status = {
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [condition],
        "containerStatuses": [_container_status(envoy)],
    }
    await core.patch_namespaced_pod_status(name, key.namespace, {"status": status})


def at(second: str) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(second))).isoformat()


def _container_status(envoy: str) -> dict[str, Any]:
    state, since = envoy.split()
    what = {
        "running": {"startedAt": at(since)},
        "waiting": {"reason": "ContainerCreating"},
        "terminated": {"exitCode": 0, "finishedAt": at(since)},
    }
    status = {"name": "envoy", "image": "envoy", "imageID": "", "ready": False, "restartCount": 0}
    return status | {"state": {state: what[state]}}


def gateways(api: ApiClient, client: httpx.AsyncClient, key: ResourceKey, port: int) -> GatewayAgents:
    telemetry = ControllerTelemetry(CollectorRegistry())
    return GatewayAgents(api, client, telemetry, namespace=key.namespace, release=RELEASE, agent_port=port)


def says(message: GatewayEvidence | GatewayStatus) -> Fault:
    async def answer(exchange: FaultyExchange) -> None:
        await exchange.answer(message.model_dump_json().encode())

    return answer


def gives(body: bytes) -> Fault:
    async def answer(exchange: FaultyExchange) -> None:
        await exchange.answer(body)

    return answer


def path_of_evidence(key: ResourceKey, attempt: int = ATTEMPT) -> str:
    return f"/v1/evidence/{key.namespace}/{key.name}?attempt={attempt}"


def path_of_applied(key: ResourceKey) -> str:
    return f"/v1/applied/{key.namespace}/{key.name}"


TRIES = RevisionTries(
    revision="rev2",
    reason=TryReason.USERS,
    tries=10,
    failures=4,
    kinds={"500": 3, "reset": 1},
    latencies={100: 5, 104: 1},
)


async def test_counters_of_a_pod_are_read_with_where_they_began(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey
) -> None:
    message = GatewayEvidence(pod="gw-0", epoch="e1", attempt=ATTEMPT, tries=(TRIES,))
    async with FaultyServer({path_of_evidence(key): says(message)}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        (reading,) = await gateways(api, client, key, agent.port).evidence(key, ATTEMPT)
    assert reading.source == "gw-0/e1"
    (tries,) = reading.tries
    assert (tries.revision, tries.arm, tries.tries, tries.failures) == ("rev2", TryReason.USERS, 10, 4)
    assert tries.kinds == {"500": 3, "reset": 1}
    assert tries.latencies == {100: 5, 104: 1}


async def too_old(exchange: FaultyExchange) -> None:
    await exchange.answer(b'{"detail": "Not Found"}', status=404)


async def envoy_away(exchange: FaultyExchange) -> None:
    await exchange.answer(b'{"error": "Envoy does not answer"}', status=503)


async def another_language(exchange: FaultyExchange) -> None:
    await exchange.answer(b'{"pod": "gw-0"}')


FAULTS: list[Callable[[FaultyExchange], Awaitable[None]]] = [
    too_old,
    envoy_away,
    another_language,
    FaultyExchange.reset_in_the_middle,
    FaultyExchange.garbage,
    FaultyExchange.silence,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_pod_that_tells_no_counters_is_left_out_and_the_pass_goes_on(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey, fault: Fault
) -> None:
    async with FaultyServer({path_of_evidence(key): fault, path_of_applied(key): fault}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        adapter = gateways(api, client, key, agent.port)
        assert await adapter.evidence(key, ATTEMPT) == ()
        (pod,) = await adapter.observe(key)
    assert pod.number is None
    assert pod.problem


async def test_of_two_pods_the_one_that_answers_is_heard(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey
) -> None:
    message = GatewayEvidence(pod="gw-0", epoch="e1", attempt=ATTEMPT, tries=(TRIES,))
    async with FaultyServer({path_of_evidence(key): says(message)}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        await gateway_pod(api, key, "gw-1", "127.0.0.9")
        readings = await gateways(api, client, key, agent.port).evidence(key, ATTEMPT)
    assert [reading.source for reading in readings] == ["gw-0/e1"]


async def test_what_a_pod_confirms_of_one_resource_is_read(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey
) -> None:
    applied = AppliedTraffic(number=3, applied_at=1.0, endpoints={"rev1": 2, "rev2": 1})
    status = GatewayStatus(pod="gw-0", namespace=key.namespace, name=key.name, applied=applied)
    async with FaultyServer({path_of_applied(key): says(status)}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        (pod,) = await gateways(api, client, key, agent.port).observe(key)
    assert (pod.name, pod.number, pod.problem) == ("gw-0", 3, "")
    assert pod.endpoints == {"rev1": 2, "rev2": 1}


async def test_the_agents_own_answers_are_understood(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey
) -> None:
    applied, evidence = ((DATA / f"answer.{kind}.json").read_bytes() for kind in ("applied", "evidence"))
    fraud = ResourceKey("payments", "fraud-detector")
    answers = {path_of_applied(fraud): gives(applied), path_of_evidence(fraud, attempt=3): gives(evidence)}
    async with FaultyServer(answers) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1")
        adapter = gateways(api, client, key, agent.port)
        (pod,) = await adapter.observe(fraud)
        (reading,) = await adapter.evidence(fraud, 3)
    assert (pod.number, pod.endpoints, pod.problem) == (3, {"r1": 2}, "")
    assert [(one.revision, one.tries, one.failures) for one in reading.tries] == [("r1", 9, 2)]
    (found,) = reading.tries
    assert {address: (pod.tries, pod.failures) for address, pod in found.pods.items()} == {
        "10.0.0.7": (7, 0),
        "10.0.0.8": (2, 2),
    }


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"ready_since": "False 20"}, id="its agent hangs"),
        pytest.param({"ready_since": "Unknown 20", "reason": "NodeStatusUnknown"}, id="nobody hears of its node"),
        pytest.param({"ready_since": "False 20", "reason": "ContainersNotReady"}, id="its Envoy hangs"),
    ],
)
async def test_a_pod_that_turned_unready_counts_for_as_long_as_its_envoy_runs(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey, state: dict[str, str]
) -> None:
    async with FaultyServer({path_of_applied(key): FaultyExchange.silence}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1", **state)
        (pod,) = await gateways(api, client, key, agent.port).observe(key)
    assert (pod.name, pod.number) == ("gw-0", None)
    assert pod.problem.startswith("does not answer: ReadTimeout")
    assert ("delete the node" in pod.problem) == (state.get("reason") == "NodeStatusUnknown")


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"ready_since": "False 0"}, id="it was never ready"),
        pytest.param({"ready_since": "False 5"}, id="its Envoy started in the second in which the one before ended"),
        pytest.param({"ready_since": "False 20", "envoy": "running 30"}, id="its Envoy was started again since"),
        pytest.param({"ready_since": "False 0", "envoy": "waiting 0", "phase": "Pending"}, id="it starts"),
        pytest.param({"ready_since": "False 20", "envoy": "terminated 20"}, id="its Envoy has ended"),
        pytest.param({"ready_since": "False 20", "phase": "Failed"}, id="it was evicted"),
    ],
)
async def test_a_pod_whose_envoy_serves_nobody_does_not_count(
    api: ApiClient, client: httpx.AsyncClient, key: ResourceKey, state: dict[str, str]
) -> None:
    async with FaultyServer({path_of_applied(key): FaultyExchange.silence}) as agent:
        await gateway_pod(api, key, "gw-0", "127.0.0.1", **state)
        assert await gateways(api, client, key, agent.port).observe(key) == ()


async def test_a_hundred_gateway_pods_are_all_asked(api: ApiClient, key: ResourceKey) -> None:
    applied = AppliedTraffic(number=3, applied_at=1.0, endpoints={"rev1": 2})
    status = GatewayStatus(pod="any", namespace=key.namespace, name=key.name, applied=applied)
    async with FaultyServer({path_of_applied(key): says(status)}) as agent:
        for number in range(100):
            await gateway_pod(api, key, f"gw-{number}", "127.0.0.1")
        async with httpx.AsyncClient(timeout=20.0, trust_env=False) as patient:  # one small server stands for all
            pods = await gateways(api, patient, key, agent.port).observe(key)
    assert [pod.number for pod in pods] == [3] * 100
