"""Several resources and one predictor image: where it failed, who begins, and when the others go on."""

from dataclasses import dataclass, field, replace

import pytest

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.verbs import Verb
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.observation import Wanted
from penstock_controller.rollout.slots import standing, wants_turn
from penstock_controller.turns import Turns
from penstock_testing.rollout_scenes import is_baking
from penstock_testing.rollout_world import RolloutWorld, spec, wanted

FIRST, SECOND, *_, LAST = KEYS = [ResourceKey("ns", f"m{number}") for number in range(5)]
BAD = "rev1-image2"


@dataclass
class Fleet:
    """Resources that share a controller, passed over in their order."""

    worlds: dict[ResourceKey, RolloutWorld]
    limit: int
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another process, which knows what stands in status."""
        self.turns = Turns(self.limit, lambda _: None)
        self.turns.expect(self.worlds)
        for world in self.worlds.values():
            written = world.status.model_dump(mode="json", exclude_none=True)
            world.status = ModelDeploymentStatus.model_validate(written)

    def tick(self, seconds: float = 1.0, times: int = 1) -> None:
        """That many passes over each."""
        for _ in range(times):
            for key, world in self.worlds.items():
                paused, pods = world.spec.paused, world.pods
                wants = wants_turn(world.status, world.wish(), world.generation, paused=paused, pods=pods)
                world.turn = self.turns.ask(key, wants=wants)
                world.tick(seconds)
                self.turns.note(key, standing(world.status, world.wish(), pods))

    def upgrade(self, image: int = 2) -> None:
        """The administrator wants another image."""
        for world in self.worlds.values():
            assert isinstance(world.target, Wanted)
            world.target = replace(world.target, revision=f"rev1-image{image}")
            world.pods = f"image{image}"

    def delete(self, key: ResourceKey) -> None:
        """A user deletes a resource."""
        del self.worlds[key]
        self.turns.forget(key)

    def heal(self) -> None:
        """What ailed the pods is over."""
        for world in self.worlds.values():
            world.broken.clear()

    def retry(self, *keys: ResourceKey) -> None:
        """A person says it, and it is heard."""
        for key in keys:
            self.worlds[key].say(Verb.RETRY)
        self.tick()

    def tried(self) -> list[ResourceKey]:
        """Who had an attempt after the first."""
        return [key for key, world in self.worlds.items() if world.status.attempt > 1]

    def message(self, key: ResourceKey) -> str:
        """What its status says."""
        return self.worlds[key].status.message


def halted(*, limit: int = 2, bake: str = "0s") -> Fleet:
    """Other pods failed where they were tried first, as many as might at once; the others wait."""
    fleet = Fleet({key: RolloutWorld(spec=spec(bake={"duration": bake})).want("1").settle() for key in KEYS}, limit)
    for world in fleet.worlds.values():
        world.broken = {BAD}
    fleet.upgrade()
    fleet.tick(60, times=30)
    assert fleet.tried() == KEYS[:limit]
    assert "such pods failed on ns/m0" in fleet.message(LAST)
    return fleet


def halted_by_one(*, bake: str = "0s") -> Fleet:
    """The same, and nothing but that failure keeps another one from beginning."""
    fleet = halted(bake=bake)
    fleet.delete(SECOND)
    return fleet


def test_while_a_retry_is_under_way_nobody_else_begins_and_all_say_so() -> None:
    fleet = halted()
    fleet.retry(FIRST, SECOND)
    fleet.tick(0.2, times=3)
    assert all(fleet.worlds[key].status.candidate for key in (FIRST, SECOND))
    assert fleet.tried() == KEYS[:2]
    assert "and are tried there again" in fleet.message(LAST)


def test_a_retry_that_fails_halts_again() -> None:
    fleet = halted_by_one()
    fleet.retry(FIRST)
    fleet.tick(60, times=30)
    assert fleet.worlds[FIRST].status.attempt == 3
    assert fleet.tried() == [FIRST]
    assert "a retry there that succeeds, ends that" in fleet.message(LAST)


def test_in_the_bake_of_a_retry_the_others_still_wait_and_after_it_all_follow() -> None:
    fleet = halted_by_one(bake="30s")
    fleet.heal()
    fleet.retry(FIRST)
    while not is_baking(fleet.worlds[FIRST]):
        fleet.tick()
    assert fleet.tried() == [FIRST]
    fleet.tick(20, times=30)
    assert fleet.tried() == [FIRST, *KEYS[2:]]


def test_one_that_succeeded_is_enough_where_others_were_not_retried() -> None:
    fleet = halted()
    fleet.heal()
    fleet.retry(FIRST)
    fleet.tick(times=60)
    assert fleet.tried() == KEYS
    refused = fleet.worlds[SECOND].status.refused
    assert refused
    assert refused.revision == BAD


@pytest.mark.parametrize("ends", ["fails", "succeeds"])
def test_a_controller_that_starts_again_during_a_retry_knows_that_it_is_one(ends: str) -> None:
    fleet = halted_by_one()
    fleet.retry(FIRST)
    fleet.restart()
    fleet.tick(0.2, times=3)
    assert fleet.tried() == [FIRST]
    if ends == "succeeds":
        fleet.heal()
    fleet.tick(60, times=30)
    assert fleet.tried() == ([FIRST] if ends == "fails" else [FIRST, *KEYS[2:]])


def test_a_controller_that_starts_again_after_a_retry_has_succeeded_lets_the_others_go_on() -> None:
    fleet = halted()
    fleet.heal()
    fleet.retry(FIRST)
    while not fleet.worlds[FIRST].status.upgrade_failure.passed_at:  # type: ignore[union-attr]  # it has failed
        fleet.tick(0.2)
    fleet.restart()
    fleet.tick(times=60)
    assert fleet.tried() == KEYS


def test_with_its_resource_a_failure_ends_and_as_many_try_as_may_at_once() -> None:
    fleet = halted(limit=1)
    fleet.delete(FIRST)
    fleet.tick(60, times=30)
    assert fleet.tried() == [SECOND]
    assert "such pods failed on ns/m1" in fleet.message(LAST)


def test_an_edit_where_they_failed_lets_nobody_else_begin_before_it_has_succeeded() -> None:
    fleet = halted_by_one()
    world = fleet.worlds[FIRST]
    world.target = wanted("1", revision="rev1-edited-image2")
    world.edit(spec(predictor={"timeout": "9s"}))
    fleet.tick(0.2, times=3)
    assert world.status.candidate
    assert fleet.tried() == [FIRST]
    fleet.heal()
    fleet.tick(times=60)
    assert fleet.tried() == [FIRST, *KEYS[2:]]


def test_another_image_ends_it_and_is_tried_by_those_where_the_last_one_failed_too() -> None:
    fleet = halted()
    fleet.upgrade(image=3)
    fleet.tick(times=60)
    assert {world.status.stable.revision for world in fleet.worlds.values() if world.status.stable} == {"rev1-image3"}
