"""The agent's routes, without a network."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from penstock_contracts.evidence import GatewayEvidence, PodTries, RevisionTries, TryReason
from penstock_contracts.traffic import AppliedTraffic, GatewayStatus
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.app import LONGEST_SILENCE_SECONDS, AppSources, create_app
from penstock_gateway.envoy.envoy_admin import TryCounts
from penstock_gateway.errors import EnvoyAway
from penstock_gateway.loop.agent import AgentStatus
from penstock_gateway.loop.applied import AppliedSplit
from penstock_gateway.loop.metrics import GatewayMetrics

KEY = ModelKey("payments", "fraud-detector")
APPLIED = {KEY: AppliedSplit(uid="u", number=3, at=100.0, endpoints={"r1": 2})}
OTHERS = {ModelKey("payments", f"m{number}"): APPLIED[KEY] for number in range(1000)}
OF_OURS = "/v1/applied/payments/fraud-detector"
EXAMPLES = {
    kind: Path(__file__).parents[2] / "data" / "gateway" / f"answer.{kind}.json" for kind in ("applied", "evidence")
}

WHOSE = "model.payments/fraud-detector.revision.r1.role.users.attempt.3.by.weight"
TRIES, AT_POD = f"penstock.tries.{WHOSE}", f"penstock.pods.{WHOSE}"


async def counted(model: ModelKey) -> TryCounts:
    counters = {
        f"{TRIES}.code.200.flags.-.took.80": 7,
        f"{TRIES}.code.503.flags.-.took.70": 2,
        f"{AT_POD}.code.200.flags.-.pod.10.0.0.7:8080": 7,
        f"{AT_POD}.code.503.flags.-.pod.10.0.0.8:8080": 2,
    }
    return TryCounts(epoch="e1", counters=counters if model == KEY else {})


async def away(model: ModelKey) -> TryCounts:
    raise EnvoyAway(f"no answer about {model}")


async def counted_requests() -> str:
    labels = 'revision="r1",code="{}",tries="{}"'
    counted = [
        f'envoy_penstock_users_requests{{model="{model}",{labels.format(*of)}}} {count}'
        for model, of, count in (
            ("payments/fraud-detector", (200, 1), 7),
            ("payments/fraud-detector", (200, 2), 2),
            ("payments/fraud-detector", (504, 2), 1),
            ("payments/gone", (200, 1), 9),
            ("unknown", (404, 0), 3),
        )
    ]
    return "\n".join(["# TYPE envoy_penstock_users_requests counter", *counted, ""])


async def silent() -> str:
    raise EnvoyAway("Envoy's admin interface did not answer")


async def ask(
    path: str,
    agent_status: AgentStatus,
    *,
    draining: bool = False,
    silent_seconds: float = 0.0,
    tries: Callable[[ModelKey], Awaitable[TryCounts]] = counted,
    user_requests: Callable[[], Awaitable[str]] = counted_requests,
) -> httpx.Response:
    metrics = GatewayMetrics()
    metrics.show_applied(agent_status.applied)
    sources = AppSources(
        pod="gateway-0",
        agent_status=lambda: agent_status,
        silent_seconds=lambda: silent_seconds,
        draining=lambda: draining,
        registry=metrics.registry,
        tries=tries,
        user_requests=user_requests,
    )
    transport = httpx.ASGITransport(app=create_app(sources))
    async with httpx.AsyncClient(transport=transport, base_url="http://agent") as client:
        return await client.get(path)


async def test_ready() -> None:
    assert (await ask("/ready", AgentStatus(not_ready=""))).status_code == 200


async def test_not_ready_says_why() -> None:
    answer = await ask("/ready", AgentStatus(not_ready="no lists yet"))
    assert (answer.status_code, answer.json()) == (503, {"error": "gateway pod gateway-0 is not ready: no lists yet"})


async def test_a_draining_pod_is_not_ready_but_acknowledges_on() -> None:
    agent_status = AgentStatus(applied=APPLIED, not_ready="")
    assert (await ask("/ready", agent_status, draining=True)).status_code == 503
    assert (await ask(OF_OURS, agent_status, draining=True)).json()["applied"]["number"] == 3


async def test_an_agent_whose_loop_makes_progress_is_alive_also_when_it_is_not_ready() -> None:
    assert (await ask("/live", AgentStatus(not_ready="Envoy is away"), draining=True)).status_code == 200


async def test_an_agent_whose_loop_stands_still_is_not_alive_and_says_so() -> None:
    answer = await ask("/live", AgentStatus(not_ready=""), silent_seconds=LONGEST_SILENCE_SECONDS + 1)
    assert answer.status_code == 503
    assert answer.json() == {"error": "gateway pod gateway-0: the agent has made no progress for 61 s; start it again"}


async def test_applied_is_about_one_resource_and_names_why_its_newest_split_was_rejected() -> None:
    agent_status = AgentStatus(
        applied=OTHERS | APPLIED, rejected={KEY: "weights", ModelKey("a", "b"): "name"}, not_ready=""
    )
    status = GatewayStatus.model_validate((await ask(OF_OURS, agent_status)).json())
    assert status == GatewayStatus(
        pod="gateway-0",
        namespace="payments",
        name="fraud-detector",
        applied=AppliedTraffic(number=3, applied_at=100.0, endpoints={"r1": 2}),
        rejected="weights",
    )


async def test_its_answer_does_not_grow_with_the_number_of_resources() -> None:
    alone = await ask(OF_OURS, AgentStatus(applied=APPLIED))
    among_many = await ask(OF_OURS, AgentStatus(applied=OTHERS | APPLIED))
    assert alone.content == among_many.content


async def test_of_an_unknown_resource_nothing_is_applied() -> None:
    status = GatewayStatus.model_validate(
        (await ask("/v1/applied/payments/other", AgentStatus(applied=APPLIED))).json()
    )
    assert (status.applied, status.rejected) == (None, "")


@pytest.mark.parametrize("kind", EXAMPLES)
async def test_its_answers_are_the_examples_that_the_controller_is_tested_with(kind: str) -> None:
    example = json.loads(EXAMPLES[kind].read_text())
    paths = {"applied": OF_OURS, "evidence": "/v1/evidence/payments/fraud-detector?attempt=3"}
    assert (await ask(paths[kind], AgentStatus(applied=APPLIED))).json() == example


async def test_a_long_rejection_stays_within_bounds() -> None:
    status = GatewayStatus.model_validate((await ask(OF_OURS, AgentStatus(rejected={KEY: "x" * 10_000}))).json())
    assert len(status.rejected) == 4096


async def test_metrics_show_the_applied_number() -> None:
    text = (await ask("/metrics", AgentStatus(applied=APPLIED))).text
    assert 'penstock_gateway_traffic_applied_number{name="fraud-detector",namespace="payments"} 3.0' in text


async def test_metrics_show_users_requests_of_the_models_that_there_are() -> None:
    text = (await ask("/metrics", AgentStatus(applied=APPLIED))).text
    ours = 'name="fraud-detector",namespace="payments"'
    shown = [line for line in text.splitlines() if line.startswith(("penstock_gateway_req", "penstock_gateway_ret"))]
    assert shown == [
        f'penstock_gateway_requests_total{{code="200",{ours},revision="r1"}} 9.0',
        f'penstock_gateway_requests_total{{code="504",{ours},revision="r1"}} 1.0',
        f"penstock_gateway_retried_requests_total{{{ours}}} 3.0",
    ]


async def test_metrics_without_envoy_have_no_count_of_requests_rather_than_0() -> None:
    text = (await ask("/metrics", AgentStatus(applied=APPLIED), user_requests=silent)).text
    assert "penstock_gateway_traffic_applied_number" in text
    assert "penstock_gateway_requests_total" not in text


async def test_evidence_is_what_envoy_counted() -> None:
    answer = await ask("/v1/evidence/payments/fraud-detector?attempt=3", AgentStatus())
    tries = RevisionTries(
        revision="r1",
        reason=TryReason.USERS,
        tries=9,
        failures=2,
        kinds={"503": 2},
        latencies={80: 7},
        pods=(
            PodTries(address="10.0.0.7", tries=7, failures=0),
            PodTries(address="10.0.0.8", tries=2, failures=2, kinds={"503": 2}),
        ),
    )
    assert GatewayEvidence.model_validate(answer.json()) == GatewayEvidence(
        pod="gateway-0", epoch="e1", attempt=3, tries=(tries,)
    )


async def test_of_what_nobody_asked_there_is_no_evidence() -> None:
    unknown = await ask("/v1/evidence/payments/other?attempt=3", AgentStatus())
    another_attempt = await ask("/v1/evidence/payments/fraud-detector?attempt=4", AgentStatus())
    assert (unknown.json()["tries"], another_attempt.json()["tries"]) == ([], [])


async def test_without_envoy_there_is_no_evidence_now_and_the_answer_says_so() -> None:
    answer = await ask("/v1/evidence/payments/fraud-detector?attempt=3", AgentStatus(), tries=away)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("gateway pod gateway-0 has no evidence now, ask again: no answer about")
