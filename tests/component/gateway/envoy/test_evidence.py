"""Counts of tries at servers stay right, whatever comes and goes."""

import asyncio

import pytest

from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_gateway.errors import EnvoyAway
from penstock_testing.gateway.rig import KEY, GatewayRig
from penstock_testing.gateway.server import Behaviour
from penstock_testing.gateway.users import ask, statuses


def rollout(attempt: int, *, number: int = 1) -> TrafficSplit:
    backends = (Backend(revision="stable", weight=50), Backend(revision="candidate", weight=50))
    return TrafficSplit(number=number, attempt=attempt, backends=backends, timeout_seconds=10.0, rescue="stable")


async def first_tries(rig: GatewayRig, attempt: int) -> int:
    return sum(one.tries for (_, reason), one in (await rig.evidence(attempt)).items() if reason is TryReason.USERS)


async def test_a_new_start_of_envoy_begins_a_new_epoch_at_0(rig: GatewayRig) -> None:
    servers = {name: [(await rig.server(name)).endpoint] for name in ("stable", "candidate")}
    await rig.apply_split(rollout(1), servers)
    await ask(rig.settings.user_port, 100)
    before = await rig.admin.tries(KEY)
    assert (await first_tries(rig, 1), await rig.admin.tries(KEY)) == (100, before)
    rig.envoy.kill()
    with pytest.raises(EnvoyAway, match="did not answer"):
        await rig.admin.tries(KEY)
    rig.envoy.start()
    await ask(rig.settings.user_port, 20)
    after = await rig.admin.tries(KEY)
    assert after.epoch not in ("", before.epoch)
    assert await first_tries(rig, 1) == 20


async def test_an_agent_that_restarts_alone_goes_on_counting(rig: GatewayRig) -> None:
    servers = {name: [(await rig.server(name)).endpoint] for name in ("stable", "candidate")}
    await rig.apply_split(rollout(1), servers)
    await ask(rig.settings.user_port, 100)
    before = await rig.admin.tries(KEY)
    rig.new_agent()
    await ask(rig.settings.user_port, 50)
    assert ((await rig.admin.tries(KEY)).epoch, await first_tries(rig, 1)) == (before.epoch, 150)


async def test_pods_that_leave_take_no_counts_with_them(rig: GatewayRig) -> None:
    """Each change of its endpoints makes Envoy replace the revision's cluster."""
    stable, one, two = (await rig.server("stable")), (await rig.server("candidate")), (await rig.server("candidate"))
    one.behave(Behaviour(status=500))
    two.behave(Behaviour(status=500))
    rounds = ((one, two), (two,), (), (one,))
    for number, pods in enumerate(rounds, start=1):
        ends = {"stable": [stable.endpoint], "candidate": [pod.endpoint for pod in pods]}
        await rig.apply_split(rollout(1, number=number), ends)
        assert statuses(await ask(rig.settings.user_port, 100)) == {200: 100}
    candidate = (await rig.evidence(1))["candidate", TryReason.USERS]
    assert await first_tries(rig, 1) == 100 * len(rounds)
    assert candidate.failures == candidate.tries
    assert candidate.kinds["500"] == len(one.seen) + len(two.seen)
    assert candidate.kinds.keys() == {"500", "unreachable"}


async def test_a_revision_that_leaves_the_split_keeps_its_counts(rig: GatewayRig) -> None:
    servers = {name: [(await rig.server(name)).endpoint] for name in ("stable", "candidate")}
    await rig.apply_split(rollout(1), servers)
    await ask(rig.settings.user_port, 100)
    before = await rig.evidence(1)
    alone = TrafficSplit(number=2, attempt=1, backends=(Backend(revision="stable", weight=100),), timeout_seconds=0.1)
    await rig.apply_split(alone, servers)
    while rig.publisher.next_removal() is not None:
        await asyncio.sleep(0.2)
        await rig.agent.pass_once()
    assert await rig.evidence(1) == before


async def test_every_attempt_has_counts_of_its_own(rig: GatewayRig) -> None:
    servers = {name: [(await rig.server(name)).endpoint] for name in ("stable", "candidate")}
    for attempt in (1, 2):
        await rig.apply_split(rollout(attempt, number=attempt), servers)
        await ask(rig.settings.user_port, 100 * attempt)
    assert [await first_tries(rig, attempt) for attempt in (1, 2, 3)] == [100, 200, 0]
