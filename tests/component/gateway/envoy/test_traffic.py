"""Nothing a pod does may cost a user a request: an open-loop driver in a process of its own counts each one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from penstock_gateway.api_server.snapshot import Endpoint, RevisionRef
from penstock_gateway.splits.configuration import ClusterName
from penstock_testing.gateway.rig import KEY, GatewayRig
from penstock_testing.plan import PlannedRequest, TrafficPlan
from penstock_testing.traffic import TrafficRun

RATE = 50.0
CHI_SQUARE_999 = 10.83
"""One degree of freedom, level 0.001."""


class ByVersion:
    """The upstreams say who they are."""

    def attribute(self, question: int, body: str) -> str | None:
        version = json.loads(body)["version"]
        return str(version) if version in ("v1", "v2") else None


StartRun = Callable[..., AbstractAsyncContextManager[TrafficRun]]


@pytest.fixture
def stream(rig: GatewayRig, tmp_path: Path) -> StartRun:
    @asynccontextmanager
    async def start(
        *, deadline: float = 15.0, rate: float = RATE, body: str = "x" * 2000, takes: float = 0.0
    ) -> AsyncIterator[TrafficRun]:
        plan = TrafficPlan(
            host="127.0.0.1",
            port=rig.settings.user_port,
            requests=(
                PlannedRequest(path="/payments/fraud-detector/predict", headers={"x-seconds": str(takes)}, body=body),
            ),
            rate=rate,
            seconds=300,
            deadline_seconds=deadline,
            warm_connections=4,
            recording=tmp_path / "recording.jsonl",
        )
        with TrafficRun(plan, ByVersion()) as run:
            yield run

    return start


async def answered(run: TrafficRun, more: int) -> None:
    """Let so many more requests be sent and answered, whichever way."""
    target = run.progress().sent + more
    while run.progress().sent < target:  # noqa: ASYNC110 - the driver is another process
        await asyncio.sleep(0.05)


async def test_weights_are_exact(rig: GatewayRig) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v2")
    await rig.apply({"r1": 80, "r2": 20}, {"r1": [one.endpoint], "r2": [two.endpoint]})
    counts = await count_by_version(rig.url, requests=3000)
    expected = {"v1": 0.8 * 3000, "v2": 0.2 * 3000}
    distance = sum((counts[version] - want) ** 2 / want for version, want in expected.items())
    assert distance < CHI_SQUARE_999, counts


async def count_by_version(url: str, *, requests: int) -> Counter[str]:
    counts: Counter[str] = Counter()

    async def ask(client: aiohttp.ClientSession, share: int) -> None:
        for _ in range(share):
            async with client.get(f"{url}/payments/fraud-detector") as answer:
                counts[(await answer.json())["version"]] += 1

    async with aiohttp.ClientSession(trust_env=False) as client:
        await asyncio.gather(*(ask(client, requests // 8) for _ in range(8)))
    return counts


async def test_a_switch_loses_nothing_and_after_its_acknowledgement_nothing_goes_to_the_old_version(
    rig: GatewayRig, stream: StartRun
) -> None:
    ends = {"r1": [rig.upstream("v1").endpoint], "r2": [rig.upstream("v2").endpoint]}
    await rig.apply({"r1": 100, "r2": 0}, ends, number=1)
    acknowledged: list[tuple[str, float, float]] = []
    async with stream() as run:
        for number, weights in enumerate([{"r1": 0, "r2": 100}, {"r1": 100, "r2": 0}] * 3, start=2):
            status = await rig.apply(weights, ends, number=number)
            assert status.applied[KEY].number == number
            begin = run.mark("acknowledged").at.unix
            await answered(run, 60)
            acknowledged.append(("v1" if weights["r2"] else "v2", begin, run.mark("next").at.unix))
        result = run.result()
    assert result.failed == 0, result.describe()
    for old, begin, end in acknowledged:
        assert [sent for sent in result.sent_times[old] if begin < sent < end] == []


async def test_the_old_version_leaves_after_the_switch_without_a_lost_request(
    rig: GatewayRig, stream: StartRun
) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v2")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint]}, number=1, seconds=2.0)
    async with stream(takes=0.3) as run:
        await answered(run, 50)
        await rig.apply({"r1": 100, "r2": 0}, {"r1": [one.endpoint], "r2": [two.endpoint]}, number=2, seconds=2.0)
        await rig.apply({"r1": 0, "r2": 100}, {"r1": [one.endpoint], "r2": [two.endpoint]}, number=3, seconds=2.0)
        await rig.apply({"r2": 100}, {"r2": [two.endpoint]}, number=4, seconds=2.0)
        leaving = ClusterName(RevisionRef(KEY, "r1"))
        assert leaving in rig.publisher.on_disk.clusters  # requests under way may want to try again there
        while leaving in rig.publisher.on_disk.clusters:
            await answered(run, 10)
            await rig.agent.pass_once()
        one.kill()
        await answered(run, 30)
        result = run.result()
    assert result.failed == 0, result.describe()


async def test_one_of_two_pods_killed_and_back_again_loses_nothing(rig: GatewayRig, stream: StartRun) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v1")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint, two.endpoint]})
    async with stream() as run:
        for victim in (one, two, one):
            await answered(run, 30)
            victim.kill()
            await answered(run, 60)
            await asyncio.to_thread(victim.start)
        result = run.result()
    assert result.failed == 0, result.describe()


async def test_one_of_two_pods_that_hangs_loses_nothing(rig: GatewayRig, stream: StartRun) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v1")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint, two.endpoint]}, seconds=3.0)
    async with stream() as run:
        await answered(run, 50)
        one.hang()
        await answered(run, 200)
        result = run.result()
    assert result.failed == 0, result.describe()


async def test_one_of_two_pods_that_drains_loses_nothing(rig: GatewayRig, stream: StartRun) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v1")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint, two.endpoint]})
    async with stream() as run:
        await answered(run, 50)
        await asyncio.to_thread(one.drain)
        await answered(run, 100)
        await rig.apply({"r1": 100}, {"r1": [two.endpoint]})
        await asyncio.sleep(0.2)
        one.kill()
        await answered(run, 50)
        result = run.result()
    assert result.failed == 0, result.describe()


async def test_endpoints_that_come_and_go_all_the_time_lose_nothing(rig: GatewayRig, stream: StartRun) -> None:
    """Each change makes Envoy replace the cluster: what is in flight on the old one must go on."""
    ends = [rig.upstream("v1").endpoint for _ in range(2)]
    await rig.apply({"r1": 100}, {"r1": ends})
    async with stream(takes=0.3) as run:
        for turn in range(100):
            await rig.apply({"r1": 100}, {"r1": [ends, ends[:1], ends, ends[1:]][turn % 4]})
            await asyncio.sleep(0.03)
        result = run.result()
    assert result.failed == 0, result.describe()


async def test_a_pod_that_ends_serves_while_there_is_no_other(rig: GatewayRig, stream: StartRun) -> None:
    one = rig.upstream("v1")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint]})
    async with stream() as run:
        await answered(run, 50)
        ending = Endpoint(one.endpoint.address, one.port, ready=False)
        status = await rig.apply({"r1": 100}, {"r1": [ending]})
        await answered(run, 100)
        result = run.result()
    assert result.failed == 0, result.describe()
    assert status.applied[KEY].endpoints == {"r1": 0}


async def test_large_bodies_are_tried_again_too(rig: GatewayRig, stream: StartRun) -> None:
    one, two = rig.upstream("v1"), rig.upstream("v1")
    await rig.apply({"r1": 100}, {"r1": [one.endpoint, two.endpoint]})
    async with stream(rate=5.0, body="x" * (8 * 1024 * 1024)) as run:
        await answered(run, 5)
        one.kill()
        await answered(run, 15)
        result = run.result()
    assert result.failed == 0, result.describe()
