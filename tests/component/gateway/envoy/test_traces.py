"""Traces from a user's request by way of Envoy's tries to a predictor, as a collector receives them over OTLP."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_contracts.names import HEADER_SHADOW
from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint
from penstock_testing import tiny_models
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour
from penstock_testing.gateway.upstream import START_SECONDS, free_ports
from penstock_testing.gateway.users import ask, statuses
from penstock_testing.trace_collector import CLIENT, SERVER, Span, TraceCollector

PATH = "/payments/fraud-detector/v2/models/model/infer"
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
OF_A_USER = f"00-{'a' * 32}-{'b' * 16}-01"
ROLLOUT = TrafficSplit(
    number=1,
    attempt=7,
    backends=(
        Backend(revision="stable", weight=0),
        Backend(revision="candidate", weight=100),
        Backend(revision="shadow", weight=0),
    ),
    timeout_seconds=20.0,
    rescue="stable",
    mirror=Mirror(revision="shadow", percentage=100),
)
StartRig = Callable[..., AbstractAsyncContextManager[GatewayRig]]


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    collector = TraceCollector().start()
    yield collector
    collector.close()


@pytest.fixture
def start_rig(tmp_path: Path, collector: TraceCollector) -> StartRig:
    """A gateway that traces."""

    @asynccontextmanager
    async def start(percentage: float, endpoint: str = "") -> AsyncIterator[GatewayRig]:
        told: dict[str, Any] = {"tracing_endpoint": endpoint or collector.url}
        async with GatewayRig(tmp_path, **told, tracing_sampling_percentage=percentage) as rig:
            yield rig

    return start


@pytest.fixture
def predictor(tmp_path: Path, collector: TraceCollector) -> Iterator[Endpoint]:
    """A process that traces to the same collector."""
    tiny_models.scaled(tmp_path / "model.onnx", 3)
    (port,) = free_ports(1)
    told = {
        "PENSTOCK_MODEL_DIR": str(tmp_path),
        "PENSTOCK_LISTEN_HOST": "127.0.0.1",
        "PENSTOCK_LISTEN_PORT": str(port),
        "PENSTOCK_GRPC_PORT": "0",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    process = subprocess.Popen([sys.executable, "-m", "penstock_predictor", "serve"], env=os.environ | told)
    end = time.monotonic() + START_SECONDS
    while not _is_ready(port):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    yield Endpoint("127.0.0.1", port)
    process.kill()
    process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def one(spans: Sequence[Span], **wanted: object) -> Span:
    """The only one that is so."""
    (found,) = [span for span in spans if all(getattr(span, name) == value for name, value in wanted.items())]
    return found


async def until(collector: TraceCollector, number: int) -> Sequence[Span]:
    """Wait for so many, while servers in this event loop answer on; return them."""
    return await asyncio.to_thread(collector.until, lambda spans: len(spans) == number)


async def test_a_rescued_request_is_one_trace_from_the_user_to_the_predictor(
    start_rig: StartRig, predictor: Endpoint, collector: TraceCollector
) -> None:
    async with start_rig(0) as rig:
        candidate, shadow = await rig.server("candidate"), await rig.server("shadow")
        candidate.behave(Behaviour(status=500))
        ends = {"stable": [predictor], "candidate": [candidate.endpoint], "shadow": [shadow.endpoint]}
        await rig.apply_split(ROLLOUT, ends)
        async with httpx.AsyncClient(base_url=rig.url, trust_env=False, timeout=30) as client:
            answer = await client.post(PATH, json=BODY, headers={"traceparent": OF_A_USER})
        assert (answer.status_code, answer.headers["x-penstock-revision"]) == (200, "stable")
        spans = await until(collector, 7)
    assert {span.trace for span in spans} == {"a" * 32}
    request = one(spans, name="payments/fraud-detector", service="penstock-gateway")
    assert (request.parent, request.kind, request.failed) == ("b" * 16, SERVER, False)
    tries = sorted((span for span in spans if span.name == "try"), key=lambda span: span.start)
    assert [(span.parent, span.kind) for span in tries] == [(request.id, CLIENT)] * 2
    told = ("penstock.revision", "penstock.role", "penstock.attempt", "http.status_code")
    assert [(*(span.tags[name] for name in told), span.failed) for span in tries] == [
        ("candidate", "users", "7", "500", True),
        ("stable", "rescue", "7", "200", False),
    ]
    assert {(span.tags["penstock.namespace"], span.tags["penstock.name"]) for span in (request, *tries)} == {
        ("payments", "fraud-detector")
    }
    computed = one(spans, service="penstock-predictor", kind=SERVER)
    assert computed.parent == tries[1].id
    assert computed.tags["penstock.request_id"] == answer.headers["x-request-id"]
    assert {span.name for span in spans if span.parent == computed.id} == {"queue", "run"}
    copied = one(spans, name="mirror")
    assert copied.parent == request.id
    assert shadow.seen[0]["traceparent"] == f"00-{copied.trace}-{copied.id}-01"
    assert shadow.seen[0][HEADER_SHADOW] == "copy"


async def test_the_percentage_decides_where_no_trace_context_comes_and_no_header_of_envoys_does(
    start_rig: StartRig, collector: TraceCollector
) -> None:
    split = TrafficSplit(number=1, attempt=0, backends=(Backend(revision="r1", weight=100),), timeout_seconds=5.0)
    forced = {"x-envoy-force-trace": "true", "x-client-trace-id": "1"}
    async with start_rig(0) as rig:
        server = await rig.server("r1")
        await rig.apply_split(split, {"r1": [server.endpoint]})
        assert statuses(await ask(rig.settings.user_port, 20, headers=lambda _: forced)) == {200: 20}
        assert {seen["traceparent"][-3:] for seen in server.seen} == {"-00"}
        assert statuses(await ask(rig.settings.user_port, 1, headers=lambda _: {"traceparent": OF_A_USER})) == {200: 1}
        spans = await until(collector, 2)
    assert {span.trace for span in spans} == {"a" * 32}


async def test_by_default_no_header_is_added_and_none_is_touched(rig: GatewayRig) -> None:
    server = await rig.server("r1")
    split = TrafficSplit(number=1, attempt=0, backends=(Backend(revision="r1", weight=100),), timeout_seconds=5.0)
    await rig.apply_split(split, {"r1": [server.endpoint]})
    await ask(rig.settings.user_port, 1)
    await ask(rig.settings.user_port, 1, headers=lambda _: {"traceparent": OF_A_USER})
    told = [{name: seen[name] for name in ("traceparent", "tracestate") if name in seen} for seen in server.seen]
    assert told == [{}, {"traceparent": OF_A_USER}]


@pytest.mark.parametrize("endpoint", ["http://collector.invalid:4318", ""], ids=["has no address", "hangs"])
async def test_a_collector_that_does_not_answer_changes_nothing_for_users(
    start_rig: StartRig, collector: TraceCollector, endpoint: str
) -> None:
    collector.gate.clear()
    split = TrafficSplit(number=1, attempt=0, backends=(Backend(revision="r1", weight=100),), timeout_seconds=5.0)
    async with start_rig(100, endpoint) as rig:
        server = await rig.server("r1")
        status = await rig.apply_split(split, {"r1": [server.endpoint]})
        assert status.not_ready == ""
        assert statuses(await ask(rig.settings.user_port, 500)) == {200: 500}
        await asyncio.to_thread(collector.until, lambda _: bool(endpoint) or collector.asked > 0)
        assert collector.spans == ()
