"""Recorded requests, which the drift monitor sends to a version that users do not reach."""

from collections.abc import Mapping

import httpx
import pytest

from penstock_contracts.names import HEADER_REPLAY, HEADER_REQUEST_ID, HEADER_SHADOW, HEADER_UNREACHED
from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_testing.gateway.objects import NAME, NAMESPACE
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour, ScriptedServer
from penstock_testing.gateway.users import ask, bodies

ATTEMPT = 5
CANDIDATE = f"{NAMESPACE}/{NAME}/candidate"
INFER = f"/v2/models/{NAME}/infer"


@pytest.fixture
async def servers(rig: GatewayRig) -> Mapping[str, ScriptedServer]:
    """A candidate that no user reaches, beside stable."""
    servers = {name: await rig.server(name) for name in ("stable", "candidate")}
    split = TrafficSplit(
        number=1,
        attempt=ATTEMPT,
        backends=(Backend(revision="stable", weight=100), Backend(revision="candidate", weight=0)),
        rescue="stable",
        mirror=Mirror(revision="candidate", percentage=100),
    )
    await rig.apply_split(split, {name: [server.endpoint] for name, server in servers.items()})
    return servers


async def replay(
    rig: GatewayRig, to: str = CANDIDATE, *, path: str = INFER, method: str = "POST", **headers: str
) -> httpx.Response:
    """As the monitor asks."""
    url = f"http://127.0.0.1:{rig.settings.replay_port}{path}"
    async with httpx.AsyncClient(trust_env=False) as client:
        told = {HEADER_REPLAY: to, HEADER_REQUEST_ID: "of-a-user", **headers}
        return await client.request(method, url, headers=told, content=b"x")


async def test_it_reaches_the_version_that_it_names_under_its_own_id_and_says_that_it_is_a_copy(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    answer = await replay(rig)
    assert (answer.status_code, answer.text) == (200, "candidate")
    (seen,) = servers["candidate"].seen
    assert (seen[":path"], seen[HEADER_REQUEST_ID], seen[HEADER_SHADOW]) == (INFER, "of-a-user", "copy")
    assert HEADER_REPLAY not in seen
    assert servers["stable"].seen == []


async def test_what_it_does_is_no_evidence(rig: GatewayRig, servers: Mapping[str, ScriptedServer]) -> None:
    servers["candidate"].behave(Behaviour(status=500))
    assert (await replay(rig)).status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert await rig.evidence(ATTEMPT) == {}


@pytest.mark.parametrize(
    "to",
    [
        f"{NAMESPACE}/{NAME}/gone",
        "elsewhere/other/candidate",
        f"{CANDIDATE}/composite",
        f"{CANDIDATE}/shadow",
        "otel",
        "",
    ],
    ids=["unknown revision", "unknown resource", "composite", "shadow", "a cluster of Envoy's own", "nothing"],
)
async def test_nothing_but_a_revisions_pods_is_reached(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer], to: str
) -> None:
    answer = await replay(rig, to)
    assert answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.SERVICE_UNAVAILABLE}
    assert answer.headers[HEADER_UNREACHED]
    assert "no pod of this revision was reached" in answer.json()["error"]
    assert [server.seen for server in servers.values()] == [[], []]


@pytest.mark.parametrize(("path", "method"), [("/metrics", "POST"), (INFER, "GET")], ids=["metrics", "GET"])
async def test_nothing_but_inference_is_asked(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer], path: str, method: str
) -> None:
    answer = await replay(rig, path=path, method=method)
    assert (answer.status_code, answer.headers[HEADER_UNREACHED]) == (httpx.codes.NOT_FOUND, "NR")
    assert servers["candidate"].seen == []


async def test_a_pod_that_is_gone_is_told_from_one_that_answers_503_or_breaks_off(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    for behaviour in (Behaviour(status=503), Behaviour(resets=True)):
        servers["candidate"].behave(behaviour)
        answer = await replay(rig)
        assert (answer.status_code, answer.headers.get(HEADER_UNREACHED)) == (503, None)
    servers["candidate"].stop()
    assert (await replay(rig)).headers[HEADER_UNREACHED]


async def test_users_have_no_way_to_it(rig: GatewayRig, servers: Mapping[str, ScriptedServer]) -> None:
    headers = {HEADER_REPLAY: CANDIDATE, HEADER_SHADOW: "copy"}
    assert bodies(await ask(rig.settings.user_port, 20, headers=lambda _: headers)) == {"stable": 20}
    assert all(HEADER_REPLAY not in seen and HEADER_SHADOW not in seen for seen in servers["stable"].seen)
