"""Users' requests as metrics: each once, however many pods were tried for it."""

import asyncio
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_gateway.envoy.requests import UserRequests
from penstock_testing.gateway.rig import KEY, GatewayRig
from penstock_testing.gateway.server import Behaviour
from penstock_testing.gateway.users import ask, statuses

CANARY = TrafficSplit(
    number=1,
    attempt=1,
    backends=(Backend(revision="stable", weight=50), Backend(revision="candidate", weight=50)),
    timeout_seconds=10.0,
    rescue="stable",
)
FLUSH_SECONDS = 15.0
"""Envoy brings histograms up to date every five seconds."""


async def series(rig: GatewayRig) -> Mapping[tuple[str, ...], float]:
    """Name and values of labels, sorted by label, to the value."""
    registry = CollectorRegistry()
    registry.register(UserRequests(await rig.admin.user_requests(), [KEY]))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_a_rescued_request_counts_once_as_users_saw_it_and_as_retried(rig: GatewayRig) -> None:
    stable, candidate = await rig.server("stable"), await rig.server("candidate")
    candidate.behave(Behaviour(status=500))
    await rig.apply_split(CANARY, {"stable": [stable.endpoint], "candidate": [candidate.endpoint]})
    assert statuses(await ask(rig.settings.user_port, 200)) == {200: 200}
    await ask(rig.settings.user_port, 5, path="/of/nobody")
    found = await series(rig)
    requests = {labels: value for labels, value in found.items() if labels[0] == "penstock_gateway_requests_total"}
    assert requests == {("penstock_gateway_requests_total", "200", KEY.name, KEY.namespace, "stable"): 200}
    retried = found["penstock_gateway_retried_requests_total", KEY.name, KEY.namespace]
    assert retried == len(candidate.seen) > 0


async def test_what_users_saw_fail_has_its_code_and_every_request_its_time(rig: GatewayRig) -> None:
    alone = TrafficSplit(number=1, attempt=1, backends=(Backend(revision="only", weight=100),), timeout_seconds=10.0)
    only = await rig.server("only")
    await rig.apply_split(alone, {"only": [only.endpoint]})
    await ask(rig.settings.user_port, 30)
    only.behave(Behaviour(status=503))
    await ask(rig.settings.user_port, 10)
    async with asyncio.timeout(FLUSH_SECONDS):
        while True:
            found = await series(rig)
            if found.get(("penstock_gateway_request_seconds_count", KEY.name, KEY.namespace, "only")) == 40:
                break
            await asyncio.sleep(0.2)
    by_code = {labels[1]: value for labels, value in found.items() if labels[0] == "penstock_gateway_requests_total"}
    assert by_code == {"200": 30, "503": 10}
    assert found["penstock_gateway_request_seconds_bucket", "60.0", KEY.name, KEY.namespace, "only"] == 40
    assert 0 <= found["penstock_gateway_request_seconds_sum", KEY.name, KEY.namespace, "only"] < 40
