"""What a user of the gateway sees, with the real Envoy."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from penstock_testing.gateway.objects import model_deployment
from penstock_testing.gateway.rig import KEY, GatewayRig

PATH = "/payments/fraud-detector"


@pytest.fixture
async def client(rig: GatewayRig) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=rig.url, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
async def served(rig: GatewayRig) -> GatewayRig:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]})
    return rig


@pytest.mark.parametrize(
    ("path", "host", "arrives_as"),
    [
        (f"{PATH}/v2/health/ready", "any.example", "/v2/health/ready"),
        (PATH, "any.example", "/"),
        (f"{PATH}/", "any.example", "/"),
        (f"{PATH}?x=1", "any.example", "/"),
        ("/v2/health/ready", "fraud-detector.payments", "/v2/health/ready"),
        ("/v2/health/ready", "fraud-detector.payments:8080", "/v2/health/ready"),
        (f"{PATH}/../fraud-detector//predict", "any.example", "/predict"),
    ],
)
async def test_routes_by_host_and_by_path(
    served: GatewayRig, client: httpx.AsyncClient, path: str, host: str, arrives_as: str
) -> None:
    answer = await client.get(path, headers={"host": host})
    assert (answer.status_code, answer.json()["path"]) == (200, arrives_as)
    assert answer.headers.get_list("x-penstock-revision") == ["r1"]


@pytest.mark.parametrize("path", ["/", "/payments", "/payments/fraud-detector-2/x", "/payments/fraud-detectorx"])
async def test_unknown_is_404_in_json(served: GatewayRig, client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert "/{namespace}/{name}/" in answer.json()["error"]


async def test_without_a_version_it_is_503_and_says_whose(rig: GatewayRig, client: httpx.AsyncClient) -> None:
    status = await rig.apply_objects([model_deployment({})], [])
    answer = await client.get(PATH)
    assert answer.status_code == 503
    assert answer.json() == {"error": "ModelDeployment payments/fraud-detector has no version that serves yet"}
    assert status.applied[KEY].number == 1


async def test_before_any_traffic_is_written_it_is_503_and_nothing_is_acknowledged(
    rig: GatewayRig, client: httpx.AsyncClient
) -> None:
    status = await rig.apply_objects([model_deployment(None)], [])
    assert (await client.get(PATH)).status_code == 503
    assert (status.applied, status.not_ready) == ({}, "")


async def test_a_version_without_endpoints_is_routed_as_told_and_counted(
    rig: GatewayRig, client: httpx.AsyncClient
) -> None:
    status = await rig.apply({"r1": 100, "r2": 0}, {})
    answer = await client.get(PATH)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("payments/fraud-detector: no pod of the chosen version is ready")
    assert status.applied[KEY].endpoints == {"r1": 0, "r2": 0}


async def test_headers_that_steer_us_are_dropped_and_the_request_id_is_ours(
    served: GatewayRig, client: httpx.AsyncClient
) -> None:
    sent = {
        "x-request-id": "mine",
        "x-penstock-revision": "forged",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-retry-on": "5xx",
        "x-envoy-external-address": "6.6.6.6",
        "x-user-id": "u1",
    }
    answer = await client.get(PATH, headers=sent)
    seen = answer.json()["headers"]
    assert seen["x-client-request-id"] == "mine"
    assert seen["x-user-id"] == "u1"
    assert seen["x-request-id"] not in ("", "mine")
    assert answer.headers["x-request-id"] == seen["x-request-id"]
    ours = {name: value for name, value in seen.items() if name.startswith(("x-envoy-", "x-penstock-"))}
    assert ours == {"x-envoy-external-address": "127.0.0.1"}  # Envoy's own word for who the client is
    assert [name for name in answer.headers if name.startswith("x-envoy-")] == []


STEERING = [
    "X-Penstock-Revision: forged",
    "x-penstock-revision: forged again",
    "X-PENSTOCK-ATTEMPT: 9",
    "x-penstock-: nothing",
    "X-Envoy-Upstream-Rq-Timeout-Ms: 1",
    "x-envoy-upstream-rq-timeout-ms: 2",
    "X-ENVOY-RETRY-ON: 5xx",
    "x-envoy-max-retries: 100",
    "x-envoy-retry-on: gateway-error",
    "X-Envoy-Original-Path: /admin",
    "x-Envoy-Force-Trace: true",
    "x-envoy-internal: true",
    "x-envoy-decorator-operation: forged",
]


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
async def test_headers_that_steer_us_are_dropped_in_any_case_and_however_often_they_come(
    served: GatewayRig, version: str
) -> None:
    headers = [part for header in (*STEERING, "X-User-Id: u1") for part in ("-H", header)]
    command = ("curl", "-s", version, *headers, f"{served.url}{PATH}")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    seen = json.loads(output)["headers"]
    assert seen["x-user-id"] == "u1"
    steering = {name for name in seen if name.lower().startswith(("x-envoy-", "x-penstock-"))}
    assert steering <= {"x-envoy-external-address"}


async def test_a_body_at_the_limit_passes_and_one_byte_more_is_413(
    served: GatewayRig, client: httpx.AsyncClient
) -> None:
    limit = served.settings.max_body_bytes
    fits = await client.post(PATH, content=b"x" * limit)
    assert (fits.status_code, fits.json()["length"]) == (200, limit)
    too_large = await client.post(PATH, content=b"x" * (limit + 1))
    assert too_large.status_code == 413
    assert str(limit) in too_large.json()["error"]


async def test_a_models_own_error_reaches_the_user_as_it_is(served: GatewayRig, client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, headers={"x-status": "500"})
    assert (answer.status_code, answer.json()["version"]) == (500, "v1")


async def test_past_the_time_limit_it_is_504_in_json(rig: GatewayRig, client: httpx.AsyncClient) -> None:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]}, seconds=0.5)
    answer = await client.get(PATH, headers={"x-seconds": "5"})
    assert answer.status_code == 504
    assert "within the time limit" in answer.json()["error"]


async def test_a_slow_answer_keeps_its_whole_time_limit(rig: GatewayRig, client: httpx.AsyncClient) -> None:
    """Two thirds of the limit are more than one try has; the first try still wins."""
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]}, seconds=3.0)
    answer = await client.get(PATH, headers={"x-seconds": "2"})
    assert (answer.status_code, answer.json()["version"]) == (200, "v1")


async def test_http2_without_tls_is_taken(served: GatewayRig) -> None:
    command = ("curl", "-s", "--http2-prior-knowledge", "-w", "%{http_version}", "-o", "-", f"{served.url}{PATH}/h2")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.decode().endswith("}2")
    assert json.loads(output[:-1])["path"] == "/h2"
