"""A webhook over real HTTP: what is sent, what each answer means, and that one training is started once."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from prometheus_client import CollectorRegistry

from penstock_contracts.api.retrain import Means, RetrainingJob
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.adapters.kubernetes.secrets import MOST_HEADERS, SecretHeaders
from penstock_controller.adapters.pipelines import MOST_BYTES, HttpPipelines
from penstock_controller.errors import ClusterAway, Rejected, WebhookAway, WebhookRefused
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.job_sighting import JobState
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.webhook_outbox import WebhookOutbox
from penstock_controller.workload.webhook_call import WebhookCall
from penstock_testing.faulty_server import FaultyExchange, FaultyServer
from penstock_testing.rollout_world import spec

KEY = ResourceKey("ns", "m")
RUN = "https://pipelines.example/runs/7"


async def packed(exchange: FaultyExchange) -> None:
    await exchange.answer(b"\x1f\x8b", headers=("Content-Encoding: gzip",))


async def started_then_silent(exchange: FaultyExchange) -> None:
    """That it runs is said at once; the rest of the answer never comes."""
    exchange.writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    await exchange.writer.drain()
    await asyncio.Event().wait()


def says(body: object, status: int = 200) -> Any:
    return lambda exchange: exchange.answer(json.dumps(body).encode(), status=status)


FAULTS = {
    "/good": says({"url": RUN}),
    "/accepted": lambda exchange: exchange.answer(b"", status=202),
    "/known": says({"detail": "DAGRun already exists"}, 409),
    "/page": lambda exchange: exchange.answer(b"<html>"),
    "/list": says([RUN]),
    "/script": says({"url": "javascript:alert(1)"}),
    "/hostile": says({"url": f"{RUN} <b>\n"}),
    "/number": says({"url": 7}),
    "/deep": lambda exchange: exchange.answer(b"[" * 60_000),
    "/large": lambda exchange: exchange.answer(b" " * (MOST_BYTES + 1)),
    "/packed": packed,
    "/started": started_then_silent,
    "/moved": lambda exchange: exchange.answer(b"", status=308, headers=("Location: /good",)),
    "/unauthorized": lambda exchange: exchange.answer(b"", status=401),
    "/wrong": says({"detail": "Extra inputs are not permitted"}, 422),
    "/busy": lambda exchange: exchange.answer(b"", status=429),
    "/broken": lambda exchange: exchange.answer(b"", status=500),
    "/away": lambda exchange: exchange.answer(b"", status=503),
    "/silent": FaultyExchange.silence,
    "/garbage": FaultyExchange.garbage,
    "/reset": FaultyExchange.reset_in_the_middle,
}


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with FaultyServer(FAULTS) as running:
        yield running


@pytest.fixture(scope="module")
def pipelines() -> HttpPipelines:
    return HttpPipelines()


def call(server: FaultyServer, path: str, **changed: Any) -> WebhookCall:
    url = f"http://127.0.0.1:{server.port}{path}"
    made = WebhookCall(name="ns.m-retrain-1.x", namespace="ns", url=url, secret=None, seconds=0.5, body=b'{"a": 1}')
    return replace(made, **changed)


async def test_it_is_shown_where_the_answer_says(server: FaultyServer, pipelines: HttpPipelines) -> None:
    assert await pipelines.start(call(server, "/good"), {}) == RUN


@pytest.mark.parametrize(
    "path",
    ["/accepted", "/known", "/page", "/list", "/script", "/hostile", "/number", "/deep", "/large", "/packed", "/reset"],
)
async def test_it_is_started_whatever_else_the_answer_says(
    server: FaultyServer, pipelines: HttpPipelines, path: str
) -> None:
    assert await pipelines.start(call(server, path), {}) == ""
    assert server.requests == 1


async def test_an_answer_whose_end_never_comes_has_started_it(server: FaultyServer, pipelines: HttpPipelines) -> None:
    assert await pipelines.start(call(server, "/started"), {}) == ""


@pytest.mark.parametrize(
    ("path", "told"),
    [("/moved", "give its final address"), ("/unauthorized", "answers 401"), ("/wrong", "answers 422")],
)
async def test_a_refusal_is_told_without_its_words(
    server: FaultyServer, pipelines: HttpPipelines, path: str, told: str
) -> None:
    with pytest.raises(WebhookRefused, match=told) as refusal:
        await pipelines.start(call(server, path), {})
    assert "Extra inputs" not in str(refusal.value)
    assert server.requests == 1


@pytest.mark.parametrize("path", ["/busy", "/broken", "/away", "/silent", "/garbage"])
async def test_what_may_pass_is_no_refusal_and_nothing_is_sent_twice(
    server: FaultyServer, pipelines: HttpPipelines, path: str
) -> None:
    with pytest.raises(WebhookAway):
        await pipelines.start(call(server, path), {})
    assert server.requests == 1


async def test_nobody_listens_or_has_that_name(server: FaultyServer, pipelines: HttpPipelines) -> None:
    server.refuse_new_connections()
    for url in (f"http://127.0.0.1:{server.port}/good", "http://no-such-name.invalid/"):
        with pytest.raises(WebhookAway, match=r"cannot be reached|does not answer"):
            await pipelines.start(call(server, "/good", url=url), {})


async def test_a_url_that_is_none_is_refused(server: FaultyServer, pipelines: HttpPipelines) -> None:
    with pytest.raises(WebhookRefused, match="well formed"):
        await pipelines.start(call(server, "", url="http://[::1/"), {})


# --- with its Secret, through the outbox


@dataclass
class Pipeline:
    """Starts a run for each name once, as one that heeds the Idempotency-Key does; loses its first answers."""

    lost: int = 0
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    async def __call__(self, exchange: FaultyExchange) -> None:
        name = exchange.request_headers["idempotency-key"]
        self.tokens.append(exchange.request_headers.get("authorization", ""))
        self.runs.setdefault(name, json.loads(exchange.request_body))
        if self.lost:
            self.lost -= 1
            exchange.writer.transport.abort()
            return
        await exchange.answer(json.dumps({"url": RUN}).encode(), status=201)


def secret(**values: str) -> Any:
    data = {name.replace("_", "-"): base64.b64encode(value.encode()).decode() for name, value in values.items()}
    return says({"kind": "Secret", "apiVersion": "v1", "data": data})


def refusal(code: int, message: str) -> Any:
    return says({"kind": "Status", "code": code, "message": message}, code)


SECRETS = {
    "good": secret(Authorization="Bearer t0ken\n", X_Team="risk"),
    "ours": secret(Idempotency_Key="mine"),
    "host": secret(hOST="elsewhere"),
    "lines": secret(Authorization="a\r\nX-Evil: b"),
    "many": secret(**{f"x{number}": "1" for number in range(MOST_HEADERS + 1)}),
    "empty": says({"kind": "Secret", "apiVersion": "v1"}),
    "forbidden": refusal(403, 'secrets "forbidden" is forbidden'),
    "missing": refusal(404, 'secrets "missing" not found'),
    "away": refusal(500, "etcd"),
}


@dataclass
class Rig:
    """An API server that has Secrets, a pipeline, and a controller's outbox between them."""

    api: ApiClient
    headers: SecretHeaders
    pipeline: Pipeline
    url: str

    def resource(self) -> ModelDeployment:
        return ModelDeployment(
            key=KEY,
            generation=1,
            spec=spec(retrain={"webhook": {"url": self.url, "headersSecret": "good"}}),
            status=ModelDeploymentStatus(),
            raw={"metadata": {"namespace": "ns", "name": "m", "uid": "u"}},
        )

    async def answered(self, job: RetrainingJob) -> tuple[JobState, str]:
        """Another controller process calls until something is answered."""
        woken = asyncio.Event()
        outbox = WebhookOutbox(
            HttpPipelines(),
            self.headers,
            ControllerTelemetry(CollectorRegistry()),
            lambda _: woken.set(),
            monitor_url=lambda _: "http://monitor:8080",
        )
        work = asyncio.ensure_future(outbox.run())
        outbox.offer(self.resource(), job)
        await asyncio.wait_for(woken.wait(), 20)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        sighting = outbox.seen(KEY, job.name)
        return sighting.state, sighting.url


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    pipeline = Pipeline()
    secrets = {f"/api/v1/namespaces/ns/secrets/{name}": fault for name, fault in SECRETS.items()}
    async with FaultyServer({**secrets, "/retrain": pipeline}) as running:
        host = f"http://127.0.0.1:{running.port}"
        async with ApiClient(Configuration(host=host)) as api:
            yield Rig(api=api, headers=SecretHeaders(api), pipeline=pipeline, url=f"{host}/retrain")


async def test_the_keys_of_a_secret_are_headers(rig: Rig) -> None:
    assert await rig.headers.of("ns", "good") == {"Authorization": "Bearer t0ken", "X-Team": "risk"}
    assert await rig.headers.of("ns", "empty") == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ours", "Idempotency-Key is no header"),
        ("host", "hOST is no header"),
        ("lines", "Authorization holds what no header can"),
        ("many", f"at most {MOST_HEADERS} headers"),
        ("forbidden", "a Role and a RoleBinding of namespace ns"),
        ("missing", "it must be there"),
    ],
)
async def test_a_secret_of_which_no_headers_can_be_made_is_named_without_its_values(
    rig: Rig, name: str, told: str
) -> None:
    with pytest.raises(Rejected, match=told) as refused:
        await rig.headers.of("ns", name)
    assert name in str(refused.value)
    assert "Evil" not in str(refused.value)


async def test_an_api_server_that_does_not_answer_refuses_nothing(rig: Rig) -> None:
    with pytest.raises(ClusterAway):
        await rig.headers.of("ns", "away")


async def test_a_controller_that_is_killed_before_it_was_answered_starts_no_second_run(rig: Rig) -> None:
    job = RetrainingJob(
        name="ns.m-retrain-1.20260101t000000z",
        means=Means.WEBHOOK,
        number=1,
        reason="DatasetDrift",
        stable_version="7",
        stable_digest="sha256:7",
        named_version="7",
        named_created_at_ms=7,
        started_at="2026-01-01T00:00:00Z",
    )
    rig.pipeline.lost = 1
    assert await rig.answered(job) == (JobState.UNANSWERED, "")
    assert await rig.answered(job) == (JobState.RUNNING, RUN)
    assert list(rig.pipeline.runs) == [job.name]
    assert rig.pipeline.runs[job.name]["window"] == "http://monitor:8080/v1/window/ns/m"
    assert set(rig.pipeline.tokens) == {"Bearer t0ken"}
