"""A real Envoy counts how long tries took, each once, in buckets."""

import asyncio

from penstock_contracts.evidence import RevisionTries, TryReason
from penstock_contracts.latency_buckets import edge_ms
from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour
from penstock_testing.gateway.users import ask, statuses

ATTEMPT = 1
SLEEP_MS = 200


def rollout(**options: object) -> TrafficSplit:
    backends = (Backend(revision="stable", weight=50), Backend(revision="candidate", weight=50))
    asked = {"number": 1, "attempt": ATTEMPT, "backends": backends, "timeout_seconds": 30.0, "timed": True}
    return TrafficSplit.model_validate({**asked, "rescue": "stable", **options})


def longer_than(tries: RevisionTries, milliseconds: float) -> int:
    """Tries whose bucket's lower edge is at or above this."""
    return sum(count for bucket, count in tries.latencies.items() if bucket and edge_ms(bucket - 1) >= milliseconds)


def counted(tries: RevisionTries) -> int:
    return sum(tries.latencies.values())


async def test_a_slow_and_a_fast_server_are_told_apart_and_each_try_is_counted_once(rig: GatewayRig) -> None:
    slow, fast = await rig.server("candidate"), await rig.server("stable")
    slow.behave(Behaviour(seconds=SLEEP_MS / 1000))
    await rig.apply_split(rollout(), {"stable": [fast.endpoint], "candidate": [slow.endpoint]})
    assert statuses(await ask(rig.settings.user_port, 200)) == {200: 200}
    evidence = await rig.evidence(ATTEMPT)
    candidate, stable = evidence["candidate", TryReason.USERS], evidence["stable", TryReason.USERS]
    assert counted(candidate) == candidate.tries == len(slow.seen)
    assert counted(stable) == stable.tries == len(fast.seen)
    assert candidate.tries + stable.tries == 200
    assert longer_than(candidate, 0.75 * SLEEP_MS) == candidate.tries


async def test_a_try_that_another_overtook_counts_as_longer_than_the_silence_it_was_allowed(rig: GatewayRig) -> None:
    candidate, stable = await rig.server("candidate"), await rig.server("stable")
    candidate.behave(Behaviour(hangs=True))
    servers = {"stable": [stable.endpoint], "candidate": [candidate.endpoint]}
    await rig.apply_split(rollout(timeout_seconds=1.5), servers)
    assert statuses(await ask(rig.settings.user_port, 60)) == {200: 60}
    tries = (await rig.evidence(ATTEMPT))["candidate", TryReason.USERS]
    assert counted(tries) == tries.tries == len(candidate.seen)
    assert longer_than(tries, 0.9 * 500) == tries.tries


async def test_who_fails_at_once_is_not_fast(rig: GatewayRig) -> None:
    candidate, stable = await rig.server("candidate"), await rig.server("stable")
    candidate.behave(Behaviour(status=500, every=2))
    await rig.apply_split(rollout(), {"stable": [stable.endpoint], "candidate": [candidate.endpoint]})
    await ask(rig.settings.user_port, 100)
    tries = (await rig.evidence(ATTEMPT))["candidate", TryReason.USERS]
    assert counted(tries) == tries.tries - tries.failures > 0


async def test_clients_that_leave_are_counted_at_the_moment_they_left(rig: GatewayRig) -> None:
    candidate, stable = await rig.server("candidate"), await rig.server("stable")
    for server in (candidate, stable):
        server.behave(Behaviour(hangs=True))
    await rig.apply_split(rollout(), {"stable": [stable.endpoint], "candidate": [candidate.endpoint]})
    await ask(rig.settings.user_port, 20, connections=20, patience=0.3)
    evidence: list[RevisionTries] = []
    while sum(map(counted, evidence)) < 20:
        await asyncio.sleep(0.05)
        evidence = list((await rig.evidence(ATTEMPT)).values())
    assert sum(map(counted, evidence)) == len(candidate.seen) + len(stable.seen) == 20
    assert [tries.tries for tries in evidence] == [0, 0]
    assert sum(longer_than(tries, 150) for tries in evidence) == 20


async def test_copies_are_counted_too_and_nothing_overtakes_them(rig: GatewayRig) -> None:
    candidate, stable = await rig.server("candidate"), await rig.server("stable")
    candidate.behave(Behaviour(seconds=1.2))
    mirrored = rollout(
        backends=(Backend(revision="stable", weight=100), Backend(revision="candidate", weight=0)),
        mirror=Mirror(revision="candidate", percentage=100),
        timeout_seconds=3.0,
    )
    await rig.apply_split(mirrored, {"stable": [stable.endpoint], "candidate": [candidate.endpoint]})
    assert statuses(await ask(rig.settings.user_port, 60)) == {200: 60}
    tries = RevisionTries(revision="candidate", reason=TryReason.SHADOW, tries=0, failures=0)
    while counted(tries) < 60:
        await asyncio.sleep(0.05)
        tries = (await rig.evidence(ATTEMPT)).get(("candidate", TryReason.SHADOW), tries)
    assert (counted(tries), tries.failures) == (60, 0)
    assert longer_than(tries, 1000) == 60


async def test_where_nobody_asks_for_latencies_none_are_counted(rig: GatewayRig) -> None:
    servers = {name: [(await rig.server(name)).endpoint] for name in ("stable", "candidate")}
    await rig.apply_split(rollout(timed=False), servers)
    assert statuses(await ask(rig.settings.user_port, 100)) == {200: 100}
    evidence = await rig.evidence(ATTEMPT)
    assert sum(tries.tries for tries in evidence.values()) == 100
    assert [tries.latencies for tries in evidence.values()] == [{}, {}]
