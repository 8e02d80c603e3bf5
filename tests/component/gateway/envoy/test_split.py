"""Who answers which request: weights, headers, and the same user again."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import Backend, HeaderMatch, Stickiness, TrafficSplit
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour, ScriptedServer
from penstock_testing.gateway.shares import p_value, unlikely
from penstock_testing.gateway.users import UserAnswer, ask, bodies, statuses

ATTEMPT = 3
LEVEL = 0.001


def split(stable: int, *, number: int = 1, sticky: bool = False, match: tuple[HeaderMatch, ...] = ()) -> TrafficSplit:
    return TrafficSplit(
        number=number,
        attempt=ATTEMPT,
        backends=(Backend(revision="candidate", weight=100 - stable), Backend(revision="stable", weight=stable)),
        rescue="stable",
        match=match,
        stickiness=Stickiness(header="x-user-id") if sticky else None,
    )


@pytest.fixture
async def servers(rig: GatewayRig) -> Mapping[str, ScriptedServer]:
    return {name: await rig.server(name) for name in ("stable", "candidate")}


async def apply(rig: GatewayRig, wanted: TrafficSplit, servers: Mapping[str, ScriptedServer]) -> None:
    await rig.apply_split(wanted, {name: [server.endpoint] for name, server in servers.items()})


async def test_first_tries_fall_as_the_weights_say_also_where_the_candidate_fails(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    """Of a candidate's tries none may be missing and none twice: the gates take the shares as known."""
    servers["candidate"].behave(Behaviour(status=500, every=2))
    p_values: dict[str, float] = {}
    for number, (candidate, requests) in enumerate(((1, 10_000), (5, 4000), (20, 2000), (50, 2000)), start=1):
        before = await first_tries(rig)
        await apply(rig, split(100 - candidate, number=number), servers)
        answers = await ask(rig.settings.user_port, requests)
        assert statuses(answers) == {200: requests}
        counts = await first_tries(rig) - before
        assert counts.total() == requests
        p_values[f"{candidate} %"] = p_value(counts["candidate"], requests, candidate / 100)
    assert unlikely(p_values, LEVEL) == [], p_values


async def first_tries(rig: GatewayRig) -> Counter[str]:
    found = await rig.evidence(ATTEMPT)
    return Counter({revision: one.tries for (revision, reason), one in found.items() if reason is TryReason.USERS})


def users(count: int) -> Sequence[str]:
    return [f"user-{number}" for number in range(count)]


async def ask_as(rig: GatewayRig, names: Sequence[str]) -> Sequence[UserAnswer]:
    return await ask(rig.settings.user_port, len(names), headers=lambda number: {"x-user-id": names[number]})


async def revisions_of(rig: GatewayRig, names: Sequence[str]) -> Mapping[str, str]:
    answers = await ask_as(rig, names)
    assert statuses(answers) == {200: len(names)}
    return dict(zip(names, (answer.body for answer in answers), strict=True))


async def test_the_same_user_gets_the_same_revision_and_who_came_to_the_candidate_stays(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    names = users(400)
    on_candidate: set[str] = set()
    for number, stable in enumerate((95, 80, 50), start=1):
        await apply(rig, split(stable, number=number, sticky=True), servers)
        first, again = await revisions_of(rig, names), await revisions_of(rig, names)
        assert first == again
        now = {name for name, revision in first.items() if revision == "candidate"}
        assert on_candidate < now
        on_candidate = now
    assert abs(len(on_candidate) - 200) < 80


async def test_no_user_moves_while_the_candidates_pods_die(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    names, second = users(200), await rig.server("candidate")
    ends = {"stable": [servers["stable"].endpoint], "candidate": [servers["candidate"].endpoint, second.endpoint]}
    await rig.apply_split(split(50, sticky=True), ends)
    before = await revisions_of(rig, names)
    second.stop()
    with_half = await revisions_of(rig, names)
    moved = [name for name in names if with_half[name] != before[name]]
    # Each of them came to the dead pod and was rescued, for this one request.
    assert [before[name] for name in moved] == ["candidate"] * (await rig.evidence(ATTEMPT))[
        "stable", TryReason.RESCUE
    ].tries
    servers["candidate"].stop()
    assert set((await revisions_of(rig, names)).values()) == {"stable"}
    await rig.apply_split(split(50, number=2, sticky=True), {"stable": ends["stable"]})
    assert set((await revisions_of(rig, names)).values()) == {"stable"}
    await servers["candidate"].start()
    await second.start()
    await rig.apply_split(split(50, number=3, sticky=True), ends)
    assert await revisions_of(rig, names) == before


async def test_without_the_header_requests_fall_at_random(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer]
) -> None:
    await apply(rig, split(50, sticky=True), servers)
    counts = bodies(await ask(rig.settings.user_port, 1000))
    assert unlikely({"without": p_value(counts["candidate"], 1000, 0.5)}, LEVEL) == [], counts


TESTERS = (HeaderMatch(headers={"X-Canary": "always", "x-team": "risk"}, revision="candidate"),)


@pytest.mark.parametrize(
    ("headers", "revision"),
    [
        ({"x-canary": "always", "x-team": "risk"}, "candidate"),
        ({"x-canary": "always"}, "stable"),
        ({"x-canary": "never", "x-team": "risk"}, "stable"),
        ({}, "stable"),
    ],
)
async def test_headers_steer_when_all_of_them_are_there_also_at_weight_0(
    rig: GatewayRig, servers: Mapping[str, ScriptedServer], headers: Mapping[str, str], revision: str
) -> None:
    await apply(rig, split(100, match=TESTERS), servers)
    answers = await ask(rig.settings.user_port, 40, headers=lambda _: headers)
    assert [(answer.status, answer.body) for answer in answers] == [(200, revision)] * 40


async def test_testers_are_shielded_and_are_no_evidence(rig: GatewayRig, servers: Mapping[str, ScriptedServer]) -> None:
    """Whoever sends the header chose the revision: such requests compare with nothing."""
    servers["candidate"].behave(Behaviour(status=500))
    await apply(rig, split(100, match=TESTERS), servers)
    answers = await ask(rig.settings.user_port, 40, headers=lambda _: TESTERS[0].headers)
    assert {(answer.status, answer.body, answer.revision) for answer in answers} == {(200, "stable", "stable")}
    assert len(servers["candidate"].seen) == 40
    assert await rig.evidence(ATTEMPT) == {}
