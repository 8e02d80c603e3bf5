"""A candidate's failures reach no user, and none of them is hidden."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.evidence import RevisionTries, TryReason
from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint
from penstock_testing.gateway.rig import KEY, GatewayRig
from penstock_testing.gateway.server import WELL, Behaviour, ScriptedServer
from penstock_testing.gateway.users import UserAnswer, ask, bodies, statuses

ATTEMPT = 7
SECONDS = 1.2
"""The time limit of a request: a try that is silent for a third of it is rescued."""


def rollout(stable: int, *, number: int = 1, seconds: float = SECONDS) -> TrafficSplit:
    backends = (Backend(revision="stable", weight=stable), Backend(revision="candidate", weight=100 - stable))
    return TrafficSplit(number=number, attempt=ATTEMPT, backends=backends, timeout_seconds=seconds, rescue="stable")


@dataclass(frozen=True)
class Scene:
    """Half of the requests begin at a candidate; the stable version rescues."""

    rig: GatewayRig
    stable: ScriptedServer
    candidate: ScriptedServer

    @property
    def endpoints(self) -> Mapping[str, tuple[Endpoint, ...]]:
        return {"stable": (self.stable.endpoint,), "candidate": (self.candidate.endpoint,)}

    async def ask(self, requests: int = 200, *, connections: int = 16, patience: float = 20.0) -> Sequence[UserAnswer]:
        return await ask(self.rig.settings.user_port, requests, connections=connections, patience=patience)

    async def tries(self, revision: str, reason: TryReason = TryReason.USERS) -> RevisionTries:
        none = RevisionTries(revision=revision, reason=reason, tries=0, failures=0)
        return (await self.rig.evidence(ATTEMPT)).get((revision, reason), none)


@pytest.fixture
async def scene(rig: GatewayRig) -> Scene:
    scene = Scene(rig=rig, stable=await rig.server("stable"), candidate=await rig.server("candidate"))
    await rig.apply_split(rollout(50), scene.endpoints)
    return scene


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        pytest.param(Behaviour(status=500), "500", id="always answers 500"),
        pytest.param(Behaviour(status=503), "503", id="always answers 503"),
        pytest.param(Behaviour(status=429), "429", id="is full"),
        pytest.param(Behaviour(status=408), "408", id="gives up"),
        pytest.param(Behaviour(hangs=True), "timeout", id="hangs"),
        pytest.param(Behaviour(resets=True), "reset", id="cuts connections"),
    ],
)
async def test_a_candidate_that_always_fails_reads_as_such_while_users_see_none_of_it(
    scene: Scene, behaviour: Behaviour, kind: str
) -> None:
    scene.candidate.behave(behaviour)
    answers = await scene.ask()
    assert statuses(answers) == {200: 200}
    assert {(answer.body, answer.revision) for answer in answers} == {("stable", "stable")}
    candidate = await scene.tries("candidate")
    assert 60 < candidate.tries < 140
    assert (candidate.failures, candidate.kinds) == (candidate.tries, {kind: candidate.tries})
    stable, rescue = await scene.tries("stable"), await scene.tries("stable", TryReason.RESCUE)
    assert (stable.tries, stable.failures) == (200 - candidate.tries, 0)
    assert (rescue.tries, rescue.failures) == (candidate.tries, 0)


async def test_each_of_some_errors_is_counted_and_rescued(scene: Scene) -> None:
    scene.candidate.behave(Behaviour(status=500, every=5))
    answers = await scene.ask(500)
    assert statuses(answers) == {200: 500}
    candidate = await scene.tries("candidate")
    assert candidate.tries == len(scene.candidate.seen)
    assert candidate.failures == -(-candidate.tries // 5)


async def test_a_callers_own_mistake_is_no_failure_and_is_answered_by_the_candidate(scene: Scene) -> None:
    scene.candidate.behave(Behaviour(status=422))
    found = {(answer.status, answer.body) for answer in await scene.ask()}
    assert found == {(422, "candidate"), (200, "stable")}
    assert (await scene.tries("candidate")).failures == 0


@pytest.mark.parametrize("there", [True, False], ids=["refuses connections", "has no pods"])
async def test_a_candidate_that_cannot_be_reached_is_rescued_and_counted(scene: Scene, there: bool) -> None:
    scene.candidate.stop()
    endpoints = scene.endpoints if there else {"stable": (scene.stable.endpoint,)}
    status = await scene.rig.apply_split(rollout(50, number=2), endpoints)
    assert status.applied[KEY].endpoints == {"stable": 1, "candidate": int(there)}
    answers = await scene.ask()
    assert statuses(answers) == {200: 200}
    candidate = await scene.tries("candidate")
    assert candidate.kinds == {"unreachable": candidate.tries}
    assert candidate.tries + (await scene.tries("stable")).tries == 200


async def test_a_candidate_that_exits_and_returns_under_load_loses_nothing(scene: Scene) -> None:
    load = asyncio.create_task(scene.ask(3000))
    for _ in range(5):
        begun = len(scene.candidate.seen)
        while len(scene.candidate.seen) < begun + 50 and not load.done():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        scene.candidate.stop()
        await asyncio.sleep(0.05)
        await scene.candidate.start()
    assert statuses(await load) == {200: 3000}
    candidate, stable = await scene.tries("candidate"), await scene.tries("stable")
    assert candidate.failures > 0
    assert candidate.tries + stable.tries == 3000
    assert (await scene.tries("stable", TryReason.RESCUE)).tries == candidate.failures


async def test_half_of_the_candidates_pods_dead_still_loses_nothing(scene: Scene) -> None:
    dead = await scene.rig.server("candidate")
    dead.stop()
    endpoints = {"stable": (scene.stable.endpoint,), "candidate": (scene.candidate.endpoint, dead.endpoint)}
    await scene.rig.apply_split(rollout(50, number=2), endpoints)
    answers = await scene.ask(1000)
    assert statuses(answers) == {200: 1000}
    candidate = await scene.tries("candidate")
    assert candidate.failures == candidate.kinds["unreachable"] > 0
    assert candidate.tries + (await scene.tries("stable")).tries == 1000


async def test_stables_own_failures_stay_stables(scene: Scene) -> None:
    scene.stable.behave(Behaviour(status=500))
    answers = await scene.ask()
    assert bodies([answer for answer in answers if answer.status == 500]).keys() == {"stable"}
    assert bodies([answer for answer in answers if answer.status == 200]).keys() == {"candidate"}
    stable = await scene.tries("stable")
    assert (stable.tries, stable.kinds) == (len(scene.stable.seen), {"500": stable.tries})


async def test_when_both_fail_the_user_gets_stables_answer(scene: Scene) -> None:
    scene.stable.behave(Behaviour(status=500))
    scene.candidate.behave(Behaviour(status=503))
    answers = await scene.ask(40)
    assert {(answer.status, answer.body) for answer in answers} == {(500, "stable")}


async def test_a_slow_stable_version_keeps_its_answers_during_a_rollout(scene: Scene) -> None:
    """It needs 0.8 of the time limit, more than two tries have."""
    scene.stable.behave(Behaviour(seconds=0.8 * SECONDS))
    answers = await scene.ask(64)
    assert statuses(answers) == {200: 64}
    stable = await scene.tries("stable")
    assert (stable.tries, stable.failures) == (bodies(answers)["stable"], 0)


async def test_a_slow_candidate_keeps_its_answers_too_when_stable_is_no_faster(scene: Scene) -> None:
    for server in (scene.stable, scene.candidate):
        server.behave(Behaviour(seconds=SECONDS / 2))
    answers = await scene.ask(64)
    assert statuses(answers) == {200: 64}
    for revision in ("stable", "candidate"):
        tries = await scene.tries(revision)
        assert (tries.tries, tries.failures) == (bodies(answers)[revision], 0)


async def test_one_of_stables_pods_that_hangs_costs_no_answer_and_each_first_try_is_counted_once(scene: Scene) -> None:
    hung = await scene.rig.server("hung")
    hung.behave(Behaviour(hangs=True))
    endpoints = {"stable": (scene.stable.endpoint, hung.endpoint), "candidate": (scene.candidate.endpoint,)}
    await scene.rig.apply_split(rollout(100, number=2), endpoints)
    answers = await scene.ask(200)
    assert statuses(answers) == {200: 200}
    stable, rescue = await scene.tries("stable"), await scene.tries("stable", TryReason.RESCUE)
    assert stable.tries == 200
    assert stable.failures == stable.kinds["timeout"] > 0
    assert rescue.tries - rescue.failures == stable.failures
    assert stable.failures + rescue.failures == len(hung.seen)


async def test_clients_that_leave_are_nobodys_failure(scene: Scene) -> None:
    scene.candidate.behave(Behaviour(seconds=0.3))
    answers = await scene.ask(40, connections=40, patience=0.1)
    left = statuses(answers)[0]
    assert left > 0
    scene.candidate.behave(WELL)
    assert statuses(await scene.ask(100)) == {200: 100}
    candidate = await scene.tries("candidate")
    assert (candidate.tries, candidate.failures) == (len(scene.candidate.seen) - left, 0)


def connected(rig: GatewayRig) -> Mapping[str, object]:
    """Clusters that hold connections. A composite cluster only names such."""
    resources = json.loads(rig.paths.clusters.read_text())["resources"]
    return {each["name"]: each for each in resources if "cluster_type" not in each}


async def test_weights_that_change_under_load_lose_nothing_and_touch_no_connection(scene: Scene) -> None:
    load = asyncio.create_task(scene.ask(4000))
    before = connected(scene.rig)
    assert before
    for number, stable in enumerate((99, 95, 50, 0, 100, 50), start=2):
        await scene.rig.apply_split(rollout(stable, number=number), scene.endpoints)
        assert connected(scene.rig) == before
        await asyncio.sleep(0.1)
    assert statuses(await load) == {200: 4000}
    assert (await scene.tries("candidate")).tries + (await scene.tries("stable")).tries == 4000


async def test_attempts_that_begin_and_end_under_load_lose_nothing(scene: Scene) -> None:
    at_rest = TrafficSplit(
        number=2, attempt=ATTEMPT, backends=(Backend(revision="stable", weight=100),), timeout_seconds=5.0
    )
    load = asyncio.create_task(scene.ask(5000))
    for turn in range(6):
        await scene.rig.apply_split(rollout(100, number=3 * turn + 2, seconds=5.0), scene.endpoints)
        await scene.rig.apply_split(rollout(50, number=3 * turn + 3, seconds=5.0), scene.endpoints)
        await scene.rig.apply_split(evolve(at_rest, number=3 * turn + 4), scene.endpoints)
        await asyncio.sleep(0.05)
    assert statuses(await load) == {200: 5000}


async def test_the_largest_bodies_are_rescued_and_copied_whole(rig: GatewayRig, scene: Scene) -> None:
    shadow = await rig.server("shadow")
    backends = (*rollout(50).backends, Backend(revision="shadow", weight=0))
    mirror = Mirror(revision="shadow", percentage=100)
    split = evolve(rollout(50, number=2, seconds=10.0), backends=backends, mirror=mirror)
    await rig.apply_split(split, {**scene.endpoints, "shadow": (shadow.endpoint,)})
    scene.candidate.behave(Behaviour(status=500))
    body = b"x" * rig.settings.max_body_bytes
    answers = await ask(rig.settings.user_port, 12, connections=2, body=body)
    assert {(answer.status, answer.body) for answer in answers} == {(200, "stable")}
    assert len(scene.candidate.seen) > 0
    assert len(shadow.seen) == (await scene.tries("stable")).tries
    lengths = {seen["content-length"] for server in (scene.stable, scene.candidate, shadow) for seen in server.seen}
    assert lengths == {str(len(body))}


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(False, id="it has no endpoint"),
        pytest.param(True, id="its endpoint is still listed, and refuses"),
    ],
)
async def test_stable_without_pods_is_rescued_by_a_candidate_that_answers_users(scene: Scene, listed: bool) -> None:
    scene.stable.stop()
    if not listed:
        await scene.rig.apply_split(rollout(50, number=2), {"candidate": (scene.candidate.endpoint,)})
    answers = await scene.ask()
    assert statuses(answers) == {200: 200}
    assert {(answer.body, answer.revision) for answer in answers} == {("candidate", "candidate")}
    stable, candidate = await scene.tries("stable"), await scene.tries("candidate")
    assert 60 < stable.tries < 140
    assert stable.kinds == {"unreachable": stable.tries}
    assert (candidate.tries, candidate.failures) == (200 - stable.tries, 0)
    assert (await scene.tries("candidate", TryReason.RESCUE)).tries == stable.tries


async def test_a_candidate_that_answers_no_users_rescues_nobody(scene: Scene) -> None:
    await scene.rig.apply_split(rollout(100, number=2), {"candidate": (scene.candidate.endpoint,)})
    assert statuses(await scene.ask(50)) == {503: 50}
    assert scene.candidate.seen == []


async def test_a_candidate_without_a_ready_pod_does_not_stand_in_for_stables_own_tries(scene: Scene) -> None:
    unready = replace(scene.candidate.endpoint, ready=False)
    await scene.rig.apply_split(rollout(50, number=2), {"candidate": (unready,)})
    await scene.ask(50)
    assert await scene.tries("candidate", TryReason.RESCUE) == RevisionTries(
        revision="candidate", reason=TryReason.RESCUE, tries=0, failures=0
    )


async def test_what_stable_refuses_by_its_own_word_is_not_asked_of_the_candidate(scene: Scene) -> None:
    scene.stable.behave(Behaviour(status=429))
    answers = await scene.ask()
    assert bodies(answers).keys() == {"stable", "candidate"}
    assert (await scene.tries("candidate", TryReason.RESCUE)).tries == 0


async def test_stable_that_loses_its_pods_under_load_and_gets_them_back_loses_no_request(scene: Scene) -> None:
    async def away() -> None:
        await asyncio.sleep(0.3)
        scene.stable.stop()
        await scene.rig.apply_split(rollout(50, number=2), {"candidate": (scene.candidate.endpoint,)})
        await asyncio.sleep(0.5)
        await scene.stable.start()
        await scene.rig.apply_split(rollout(50, number=3), scene.endpoints)

    for server in (scene.stable, scene.candidate):
        server.behave(Behaviour(seconds=0.01))
    answers, _ = await asyncio.gather(scene.ask(2500), away())
    assert statuses(answers) == {200: 2500}
