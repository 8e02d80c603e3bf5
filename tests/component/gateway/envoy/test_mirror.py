"""Copies of users' requests, which no user may notice."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.evidence import RevisionTries, TryReason
from penstock_contracts.names import HEADER_SHADOW
from penstock_contracts.traffic import Backend, Mirror, Stickiness, TrafficSplit
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour, ScriptedServer
from penstock_testing.gateway.shares import p_value, unlikely
from penstock_testing.gateway.users import UserAnswer, ask, statuses

ATTEMPT = 5
SECONDS = 0.6
MOST_COPIES = 2 * 64
"""So many copies are under way at once, at most: 64, and each of Envoy's two workers may exceed that by what it has
not heard of."""
WAIT = 10.0
LEVEL = 0.001
HEADERS = ("x-request-id", ":path")


def mirrored(percentage: int, weights: Mapping[str, int] | None = None, *, number: int = 1) -> TrafficSplit:
    weights = weights or {"stable": 100, "candidate": 0}
    return TrafficSplit(
        number=number,
        attempt=ATTEMPT,
        backends=tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items()),
        timeout_seconds=SECONDS,
        rescue="stable",
        mirror=Mirror(revision="candidate", percentage=percentage),
    )


@pytest.fixture
async def servers(rig: GatewayRig) -> Mapping[str, ScriptedServer]:
    servers = {name: await rig.server(name) for name in ("stable", "candidate")}
    await apply(rig, mirrored(100), servers)
    return servers


async def apply(rig: GatewayRig, wanted: TrafficSplit, servers: Mapping[str, ScriptedServer]) -> None:
    await rig.apply_split(wanted, {name: [server.endpoint] for name, server in servers.items()})


async def copies(rig: GatewayRig, count: int, revision: str = "candidate") -> RevisionTries:
    """Wait until so many copies have ended: no user waits for them."""
    async with asyncio.timeout(WAIT):
        while True:
            found = (await rig.evidence(ATTEMPT)).get((revision, TryReason.SHADOW))
            if found and found.tries >= count:
                return found
            await asyncio.sleep(0.02)


def all_from_stable(answers: Sequence[UserAnswer]) -> bool:
    return {(answer.status, answer.body, answer.revision) for answer in answers} == {(200, "stable", "stable")}


async def test_every_request_is_copied_with_its_id_and_users_see_stable_only(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    assert all_from_stable(await ask(rig.settings.user_port, 300))
    shadow = await copies(rig, 300)
    assert (shadow.tries, shadow.failures) == (300, 0)
    ids, paths = (
        {name: [seen[header] for seen in server.seen] for name, server in servers.items()} for header in HEADERS
    )
    assert sorted(ids["stable"]) == sorted(ids["candidate"])
    assert set(paths["stable"]) == set(paths["candidate"]) == {"/predict"}


async def test_a_copy_says_that_it_is_one_and_no_request_of_a_user_does(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    assert all_from_stable(await ask(rig.settings.user_port, 20, headers=lambda _: {HEADER_SHADOW: "forged"}))
    await copies(rig, 20)
    told = {name: [seen.get(HEADER_SHADOW) for seen in server.seen] for name, server in servers.items()}
    assert told == {"stable": [None] * 20, "candidate": ["copy"] * 20}


async def test_the_percentage_is_exact_and_independent_of_the_weights(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    """Another canary has a share of its own; copies are of stable's requests only."""
    other = {**servers, "other": await rig.server("other")}
    p_values: dict[str, float] = {}
    copied = 0
    for number, (percentage, stable) in enumerate(((10, 100), (50, 50), (10, 60), (90, 70)), start=2):
        weights = {"other": 100 - stable, "stable": stable, "candidate": 0}
        await apply(rig, mirrored(percentage, weights, number=number), other)
        before = len(servers["stable"].seen)
        assert statuses(await ask(rig.settings.user_port, 2000)) == {200: 2000}
        await asyncio.sleep(0.2)  # the last copies
        requests = len(servers["stable"].seen) - before
        made = len(servers["candidate"].seen) - copied
        copied += made
        p_values[f"{percentage} % of {stable} %"] = p_value(made, requests, percentage / 100)
    assert unlikely(p_values, LEVEL) == [], p_values
    assert (await copies(rig, copied)).tries == copied


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        pytest.param(Behaviour(status=500), "500", id="answers 500"),
        pytest.param(Behaviour(status=429), "429", id="is full"),
        pytest.param(Behaviour(resets=True), "reset", id="cuts connections"),
    ],
)
async def test_a_shadow_that_fails_is_counted_and_no_user_sees_it(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer], behaviour: Behaviour, kind: str
) -> None:
    servers["candidate"].behave(behaviour)
    assert all_from_stable(await ask(rig.settings.user_port, 200))
    assert (await copies(rig, 200)).kinds == {kind: 200}
    assert (await rig.evidence(ATTEMPT))["stable", TryReason.USERS].failures == 0


@pytest.mark.parametrize("there", [True, False], ids=["refuses connections", "has no pods"])
async def test_a_shadow_that_is_dead_is_counted_and_no_user_sees_it(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer], there: bool
) -> None:
    servers["candidate"].stop()
    left = servers if there else {"stable": servers["stable"]}
    await apply(rig, mirrored(100, number=2), left)
    assert all_from_stable(await ask(rig.settings.user_port, 200))
    assert (await copies(rig, 200)).kinds == {"unreachable": 200}


async def test_a_shadow_that_hangs_slows_nobody_and_holds_few_copies(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    servers["candidate"].behave(Behaviour(hangs=True))
    assert all_from_stable(await ask(rig.settings.user_port, 1000))
    assert 0 < servers["candidate"].connections <= MOST_COPIES
    assert (await rig.evidence(ATTEMPT))["stable", TryReason.USERS].tries == 1000
    await asyncio.sleep(2.5 * SECONDS)  # those that waited for a connection have theirs for the whole time limit
    reached = len(servers["candidate"].seen)
    shadow = await copies(rig, reached)
    # On a busy machine some are given up before the server has read them: they were tried, too.
    assert reached <= shadow.tries <= reached + MOST_COPIES
    assert shadow.kinds == {"timeout": shadow.tries}


async def test_a_slow_shadow_is_waited_for_by_nobody_but_its_answers_count(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    """Its answer comes when the user's is long there, and after a third of the time limit."""
    servers["candidate"].behave(Behaviour(seconds=SECONDS / 2))
    assert all_from_stable(await ask(rig.settings.user_port, 30))
    assert len(servers["candidate"].seen) == 30
    shadow = await copies(rig, 30)
    assert (shadow.tries, shadow.failures) == (30, 0)


async def test_a_user_who_leaves_takes_no_copy_away(rig: GatewayRig, servers: Mapping[str, ScriptedServer]) -> None:
    for server in servers.values():
        server.behave(Behaviour(seconds=SECONDS / 4))
    answers = await ask(rig.settings.user_port, 20, connections=20, patience=SECONDS / 8)
    assert statuses(answers) == {0: 20}
    shadow = await copies(rig, 20)
    assert (shadow.tries, shadow.failures) == (20, 0)


async def test_in_the_bake_the_version_before_gets_copies_and_rescues(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    """Promoted: the candidate answers everybody, and the one before is its control arm."""
    bake = TrafficSplit(
        number=2,
        attempt=ATTEMPT,
        backends=(Backend(revision="stable", weight=0), Backend(revision="candidate", weight=100)),
        timeout_seconds=SECONDS,
        rescue="stable",
        mirror=Mirror(revision="stable", percentage=100),
    )
    await apply(rig, bake, servers)
    servers["candidate"].behave(Behaviour(status=500, every=2))
    assert statuses(await ask(rig.settings.user_port, 200)) == {200: 200}
    control = await copies(rig, 200, revision="stable")
    found = await rig.evidence(ATTEMPT)
    assert (control.tries, control.failures) == (200, 0)
    assert (found["candidate", TryReason.USERS].tries, found["candidate", TryReason.USERS].failures) == (200, 100)
    assert (found["stable", TryReason.RESCUE].tries, found["stable", TryReason.RESCUE].failures) == (100, 0)
    assert ("stable", TryReason.USERS) not in found


async def test_copies_of_the_candidates_own_requests_go_to_stable_which_answers_users_too(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    """Where users are sticky, versions are compared on the same requests."""
    paired = TrafficSplit(
        number=2,
        attempt=ATTEMPT,
        backends=(Backend(revision="candidate", weight=30), Backend(revision="stable", weight=70)),
        timeout_seconds=SECONDS,
        rescue="stable",
        mirror=Mirror(revision="stable", percentage=100, source="candidate"),
        stickiness=Stickiness(header="x-user"),
    )
    await apply(rig, paired, servers)
    servers["candidate"].behave(Behaviour(status=500, every=2))
    assert statuses(await ask(rig.settings.user_port, 1000)) == {200: 1000}
    asked = (await rig.evidence(ATTEMPT))["candidate", TryReason.USERS]
    control = await copies(rig, asked.tries, revision="stable")
    assert asked.tries > 100
    assert asked.failures >= asked.tries // 2
    assert (control.tries, control.failures) == (asked.tries, 0)
    found = await rig.evidence(ATTEMPT)
    assert found["stable", TryReason.USERS].tries == 1000 - asked.tries
    assert ("candidate", TryReason.SHADOW) not in found


async def test_a_mirror_that_begins_and_ends_under_load_loses_nothing(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    load = asyncio.create_task(ask(rig.settings.user_port, 4000))
    for number, percentage in enumerate((0, 100, 20, 0), start=2):
        wanted = mirrored(percentage, number=number)
        await apply(rig, wanted if percentage else evolve(wanted, mirror=None), servers)
        await asyncio.sleep(0.1)
    assert all_from_stable(await load)
