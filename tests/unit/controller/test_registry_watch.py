"""One look-up for each reference, however many resources follow it."""

import asyncio
from collections import Counter

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.ports import ResourceKey
from penstock_controller.registry_watch import RegistryWatch, Resolution
from penstock_controller.rollout.observation import RegistryVersion

A, B = ResourceKey("ns", "a"), ResourceKey("ns", "b")
CHAMPION = RegistryRef(model="m", alias="champion")
OTHER = RegistryRef(model="other", alias="champion")


class ScriptedRegistry:
    """Answers what the test says, and counts."""

    def __init__(self) -> None:
        self.answer: RegistryVersion | Exception = RegistryVersion(version="1", created_at_ms=1)
        self.asked: Counter[RegistryRef] = Counter()

    async def resolve(self, reference: RegistryRef) -> RegistryVersion:
        self.asked[reference] += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Rig:
    """A watch whose rounds the test runs."""

    def __init__(self) -> None:
        self.registry = ScriptedRegistry()
        self.woken: list[ResourceKey] = []
        self.now = 1000.0
        self.watch = RegistryWatch(self.registry, ["default", "other"], self.woken.append, 1000, lambda: self.now)

    async def round(self) -> None:
        """One round of polls: `run` goes on until it waits for the next."""
        task = asyncio.ensure_future(self.watch.run())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_resources_with_one_alias_cost_one_look_up_and_are_both_woken() -> None:
    rig = Rig()
    assert rig.watch.follow(A, CHAMPION) is None
    assert rig.watch.follow(B, CHAMPION) is None
    await rig.round()
    assert rig.registry.asked == {CHAMPION: 1}
    assert sorted(rig.woken) == [A, B]
    assert rig.watch.follow(A, CHAMPION) == Resolution(version=RegistryVersion(version="1", created_at_ms=1))


async def test_an_alias_that_did_not_move_wakes_nobody() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    rig.woken.clear()
    await rig.round()
    assert rig.woken == []


async def test_a_moved_alias_wakes_its_followers_only() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    rig.watch.follow(B, OTHER)
    await rig.round()
    rig.woken.clear()
    rig.registry.answer = RegistryVersion(version="2", created_at_ms=2)
    await rig.round()
    assert Counter(rig.woken) == {A: 1, B: 1}


async def test_a_registry_that_goes_away_keeps_the_last_known_version() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    rig.registry.answer = RegistryAway("registry 'default' does not answer")
    await rig.round()
    known = rig.watch.follow(A, CHAMPION)
    assert known == Resolution(
        version=RegistryVersion(version="1", created_at_ms=1), away="registry 'default' does not answer"
    )


async def test_a_missing_alias_is_an_answer_not_an_absence() -> None:
    rig = Rig()
    rig.registry.answer = VersionMissing("AliasNotFound", "spec.registry.alias: none")
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    assert rig.watch.follow(A, CHAMPION) == Resolution(missing=("AliasNotFound", "spec.registry.alias: none"))


async def test_what_nobody_follows_is_not_asked_for() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    rig.watch.follow(A, OTHER)
    await rig.round()
    rig.watch.forget(A)
    await rig.round()
    assert rig.registry.asked == {CHAMPION: 1, OTHER: 1}


async def test_an_alias_that_flaps_is_told_less_and_less_often() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    rig.woken.clear()
    for number in range(120):
        rig.now += 1.0
        rig.registry.answer = RegistryVersion(version=str(2 + number % 2), created_at_ms=1)
        await rig.round()
    assert 1 <= len(rig.woken) <= 12


async def test_a_person_who_moves_an_alias_six_times_in_a_minute_waits_three_seconds_at_most() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    for number in range(6):
        version = RegistryVersion(version=str(2 + number), created_at_ms=1)
        rig.registry.answer = version
        rig.now += 1.0
        await rig.round()
        rig.now += 2.0
        await rig.round()
        assert rig.watch.follow(A, CHAMPION) == Resolution(version=version)


async def test_a_change_that_flapping_held_up_is_told_in_the_end() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    await rig.round()
    for number in range(60):
        rig.now += 1.0
        rig.registry.answer = RegistryVersion(version=str(2 + number % 2), created_at_ms=1)
        await rig.round()
    last = RegistryVersion(version="9", created_at_ms=1)
    rig.registry.answer = last
    rig.now += 20.0
    await rig.round()
    assert rig.watch.follow(A, CHAMPION) == Resolution(version=last)


async def test_an_answer_that_breaks_the_adapter_ends_no_look_ups() -> None:
    rig = Rig()
    rig.watch.follow(A, CHAMPION)
    rig.registry.answer = TypeError("a list")
    await rig.round()
    known = rig.watch.follow(A, CHAMPION)
    assert known is not None
    assert "see the controller's log" in known.away
    rig.registry.answer = RegistryVersion(version="1", created_at_ms=1)
    await rig.round()
    assert rig.watch.follow(A, CHAMPION) == Resolution(version=RegistryVersion(version="1", created_at_ms=1))
