"""The agent's routes, without a network."""

import httpx

from penstock_contracts.traffic import GatewayStatus
from penstock_gateway.agent import Standing
from penstock_gateway.app import Sources, create_app
from penstock_gateway.applied import Applied
from penstock_gateway.metrics import Metrics
from penstock_gateway.world import Key

KEY = Key("payments", "fraud-detector")
APPLIED = {KEY: Applied(uid="u", number=3, at=100.0, endpoints={"r1": 2})}


async def ask(path: str, standing: Standing, *, draining: bool = False) -> httpx.Response:
    metrics = Metrics()
    metrics.show(standing.applied)
    sources = Sources(pod="gateway-0", standing=lambda: standing, draining=lambda: draining, registry=metrics.registry)
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
