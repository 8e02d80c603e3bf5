"""A real Envoy counts tries by the pod that they went to."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count

from penstock_contracts.evidence import PodTries, RevisionTries, TryReason
from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour, ScriptedServer
from penstock_testing.gateway.users import ask, statuses

ATTEMPT = 1
_NUMBERS = count(1)
_HOSTS = count(2)


def rollout(**options: object) -> TrafficSplit:
    backends = (Backend(revision="stable", weight=50), Backend(revision="candidate", weight=50))
    asked = {"number": next(_NUMBERS), "attempt": ATTEMPT, "backends": backends, "timeout_seconds": 3.0}
    return TrafficSplit.model_validate({**asked, "rescue": "stable", "by_pod": True, **options})


async def pods(rig: GatewayRig, revision: str, number: int) -> list[ScriptedServer]:
    return [await rig.server(revision, f"127.0.0.{next(_HOSTS)}") for _ in range(number)]


def ends(**servers: Sequence[ScriptedServer]) -> Mapping[str, Sequence[Endpoint]]:
    return {revision: [server.endpoint for server in found] for revision, found in servers.items()}


async def at_pods(rig: GatewayRig, revision: str, reason: TryReason = TryReason.USERS) -> Mapping[str, PodTries]:
    tries = (await rig.evidence(ATTEMPT))[revision, reason]
    assert sum(pod.tries for pod in tries.pods) == tries.tries
    assert sum(pod.failures for pod in tries.pods) == tries.failures
    return {pod.address: pod for pod in tries.pods}


async def test_one_sick_pod_of_two_is_seen_in_its_own_counts_alone_while_users_see_no_failure(rig: GatewayRig) -> None:
    stable, (sick, well) = await pods(rig, "stable", 2), await pods(rig, "candidate", 2)
    sick.behave(Behaviour(status=500))
    await rig.apply_split(rollout(), ends(stable=stable, candidate=[sick, well]))
    assert statuses(await ask(rig.settings.user_port, 400)) == {200: 400}
    found = await at_pods(rig, "candidate")
    assert found[sick.address].failures == found[sick.address].tries == len(sick.seen) > 0
    assert found[sick.address].kinds == {"500": len(sick.seen)}
    assert (found[well.address].tries, found[well.address].failures) == (len(well.seen), 0)
    assert all(not pod.failures for pod in (await at_pods(rig, "stable")).values())


async def test_a_pod_that_cannot_be_reached_and_one_that_hangs_are_named_too(rig: GatewayRig) -> None:
    stable, (gone, hangs) = await pods(rig, "stable", 1), await pods(rig, "candidate", 2)
    servers = ends(stable=stable, candidate=[gone, hangs])
    gone.stop()
    hangs.behave(Behaviour(hangs=True))
    await rig.apply_split(rollout(timeout_seconds=1.5), servers)
    assert statuses(await ask(rig.settings.user_port, 60)) == {200: 60}
    found = await at_pods(rig, "candidate")
    assert found[gone.address].kinds.keys() == {"unreachable"}
    assert found[hangs.address].kinds.keys() == {"timeout"}


async def test_copies_are_counted_by_pod(rig: GatewayRig) -> None:
    stable, (sick, well) = await pods(rig, "stable", 1), await pods(rig, "candidate", 2)
    sick.behave(Behaviour(status=503))
    backends = (Backend(revision="stable", weight=100), Backend(revision="candidate", weight=0))
    copies = Mirror(revision="candidate", percentage=100)
    await rig.apply_split(rollout(backends=backends, mirror=copies), ends(stable=stable, candidate=[sick, well]))
    await ask(rig.settings.user_port, 100)
    copied = 0
    while copied < 100:
        await asyncio.sleep(0.05)
        evidence = await rig.evidence(ATTEMPT)
        copied = sum(one.tries for (_, reason), one in evidence.items() if reason is TryReason.SHADOW)
    found = await at_pods(rig, "candidate", TryReason.SHADOW)
    assert found[sick.address].failures == found[sick.address].tries == len(sick.seen)
    assert found[well.address].failures == 0


async def test_a_pod_that_leaves_keeps_its_counts_and_its_successor_has_its_own(rig: GatewayRig) -> None:
    stable, (sick, well, fresh) = await pods(rig, "stable", 1), await pods(rig, "candidate", 3)
    sick.behave(Behaviour(status=500))
    await rig.apply_split(rollout(), ends(stable=stable, candidate=[sick, well]))
    await ask(rig.settings.user_port, 100)
    before = (await at_pods(rig, "candidate"))[sick.address]
    await rig.apply_split(rollout(), ends(stable=stable, candidate=[well, fresh]))
    await ask(rig.settings.user_port, 100)
    after = await at_pods(rig, "candidate")
    assert after[sick.address] == before
    assert (after[fresh.address].tries, after[fresh.address].failures) == (len(fresh.seen), 0)


async def test_without_a_wish_for_it_no_pod_is_told_apart(rig: GatewayRig) -> None:
    """A counter for each pod that ever was: at rest, nobody reads them."""
    stable, candidate = await pods(rig, "stable", 2), await pods(rig, "candidate", 2)
    await rig.apply_split(rollout(by_pod=False), ends(stable=stable, candidate=candidate))
    await ask(rig.settings.user_port, 100)
    evidence: list[RevisionTries] = list((await rig.evidence(ATTEMPT)).values())
    assert sum(one.tries for one in evidence) == 100
    assert not any(one.pods for one in evidence)
