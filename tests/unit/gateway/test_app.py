"""The agent's routes, without a network."""

from collections.abc import Awaitable, Callable

import httpx

from penstock_contracts.evidence import Arm, GatewayEvidence, RevisionTries
from penstock_contracts.traffic import GatewayStatus
from penstock_gateway.agent import Standing
from penstock_gateway.app import Sources, create_app
from penstock_gateway.applied import Applied
from penstock_gateway.envoy_admin import TryCounts
from penstock_gateway.errors import EnvoyAway
from penstock_gateway.metrics import Metrics
from penstock_gateway.world import Key

KEY = Key("payments", "fraud-detector")
APPLIED = {KEY: Applied(uid="u", number=3, at=100.0, endpoints={"r1": 2})}


TRIES = "penstock.tries.model.payments/fraud-detector.revision.r1.role.users.attempt.3.by.weight"


async def counted(model: Key) -> TryCounts:
    counters = {f"{TRIES}.code.200.flags.-": 7, f"{TRIES}.code.503.flags.-": 2} if model == KEY else {}
    return TryCounts(epoch="e1", counters=counters)


async def away(model: Key) -> TryCounts:
    raise EnvoyAway(f"no answer about {model}")


async def ask(
    path: str,
    standing: Standing,
    *,
    draining: bool = False,
    tries: Callable[[Key], Awaitable[TryCounts]] = counted,
) -> httpx.Response:
    metrics = Metrics()
    metrics.show(standing.applied)
    sources = Sources(
        pod="gateway-0",
        standing=lambda: standing,
        draining=lambda: draining,
        registry=metrics.registry,
        tries=tries,
    )
    transport = httpx.ASGITransport(app=create_app(sources))
    async with httpx.AsyncClient(transport=transport, base_url="http://agent") as client:
        return await client.get(path)


async def test_ready() -> None:
    assert (await ask("/ready", Standing(not_ready=""))).status_code == 200


async def test_not_ready_says_why() -> None:
    answer = await ask("/ready", Standing(not_ready="no lists yet"))
    assert (answer.status_code, answer.json()) == (503, {"error": "gateway pod gateway-0 is not ready: no lists yet"})


async def test_a_draining_pod_is_not_ready_but_acknowledges_on() -> None:
    standing = Standing(applied=APPLIED, not_ready="")
    assert (await ask("/ready", standing, draining=True)).status_code == 503
    assert (await ask("/v1/applied", standing, draining=True)).json()["applied"][0]["number"] == 3


async def test_applied_names_what_was_rejected() -> None:
    standing = Standing(applied=APPLIED, rejected={KEY: "weights", Key("a", "b"): "name"}, not_ready="")
    status = GatewayStatus.model_validate((await ask("/v1/applied", standing)).json())
    assert (status.pod, status.applied[0].endpoints) == ("gateway-0", {"r1": 2})
    assert status.rejected == "a/b: name; payments/fraud-detector: weights"


async def test_many_rejections_stay_within_bounds() -> None:
    standing = Standing(rejected={Key("a", f"m{number}"): "x" * 100 for number in range(100)})
    status = GatewayStatus.model_validate((await ask("/v1/applied", standing)).json())
    assert len(status.rejected) == 4096


async def test_metrics_show_the_applied_number() -> None:
    text = (await ask("/metrics", Standing(applied=APPLIED))).text
    assert 'penstock_gateway_traffic_applied_number{name="fraud-detector",namespace="payments"} 3.0' in text


async def test_evidence_is_what_envoy_counted() -> None:
    answer = await ask("/v1/evidence/payments/fraud-detector?attempt=3", Standing())
    tries = RevisionTries(revision="r1", arm=Arm.USERS, tries=9, failures=2, kinds={"503": 2})
    assert GatewayEvidence.model_validate(answer.json()) == GatewayEvidence(
        pod="gateway-0", epoch="e1", attempt=3, tries=(tries,)
    )


async def test_of_what_nobody_asked_there_is_no_evidence() -> None:
    unknown = await ask("/v1/evidence/payments/other?attempt=3", Standing())
    another_attempt = await ask("/v1/evidence/payments/fraud-detector?attempt=4", Standing())
    assert (unknown.json()["tries"], another_attempt.json()["tries"]) == ([], [])


async def test_without_envoy_there_is_no_evidence_now_and_the_answer_says_so() -> None:
    answer = await ask("/v1/evidence/payments/fraud-detector?attempt=3", Standing(), tries=away)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("gateway pod gateway-0 has no evidence now, ask again: no answer about")
