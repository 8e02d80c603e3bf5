"""After a storm: everything is well again, nobody does anything, and the rollout comes to rest by its own alarms."""

from penstock_contracts.api.status import Phase
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb
from penstock_controller.rollout import write_back
from penstock_controller.rollout.decision import Decision
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_testing.rollout_invariants import getters
from penstock_testing.rollout_world import RolloutWorld

_PASSES = 250
_LEAST = 0.05
_AT_REST = 3
_EVENT = 0.2


def bring_to_rest(world: RolloutWorld) -> None:
    """Heal the world, run passes when they are due, and check what is left."""
    _heal(world)
    decision = world.tick(_EVENT)
    for _ in range(_PASSES):
        seen = _seen(world)
        _say_promote(world)
        world.let_time_pass(_EVENT)
        # The registry's answers wake it too; and what the last pass did to the cluster is seen by one more.
        quiet = _seen(world) == seen and not write_back.due(world.status) and not decision.actions
        if quiet and (decision.requeue_after is None or _forgotten(world)):
            return _check_rest(world, decision)
        # An event of a pod or a gateway wakes the controller; else its own alarm does.
        if _seen(world) == seen and decision.requeue_after is not None:
            world.let_time_pass(max(_LEAST, decision.requeue_after - _EVENT))
        decision = world.run_pass()
    raise AssertionError(f"not at rest after {_PASSES} passes: {world.status.phase}, {world.status.message}")


def _heal(world: RolloutWorld) -> None:
    world.broken.clear()
    world.short.clear()
    world.failing.clear()
    world.silent.clear()
    world.blind.clear()
    world.deaf = False
    world.turn = ""
    world.registry.away = world.registry.refuses = False
    world.requests = 1000
    world.words.clear()
    if world.spec.paused:
        world.edit(evolve(world.spec, paused=False))
    if isinstance(world.target, Unresolved):
        world.want("99")


def _say_promote(world: RolloutWorld) -> None:
    candidate = world.status.candidate
    if candidate and world.status.phase is Phase.PAUSED:
        world.say(Verb.PROMOTE)


def _seen(world: RolloutWorld) -> object:
    """What wakes the controller when it changes."""
    return world.status, dict(world.workloads), dict(world.gateways), dict(world.endpoints), dict(world.words)


def _forgotten(world: RolloutWorld) -> bool:
    """The status was lost when nothing had been promoted or somebody had deleted stable, and no version is wanted that
    could serve. Gateway pods still send to what they know: it stays for them."""
    remembered = world.status.traffic or not any(world.gateways.values())
    return not remembered and isinstance(world.target, RefusedVersion)


def _check_rest(world: RolloutWorld, last: Decision) -> None:
    if _forgotten(world):
        return
    status, target = world.status, world.wish()
    assert not last.actions
    assert (status.candidate, status.previous, status.retiring) == (None, None, ()), status
    stable = status.stable
    served = {stable.revision} if stable else set()
    assert world.workloads.keys() == served, f"{world.workloads.keys()}, stable is {stable}"
    for name, split in world.gateways.items():
        assert getters(split) == served, f"{name} still does {split}"
    if isinstance(target, Wanted) and not (stable and stable.revision == target.revision):
        assert status.refused, f"{target} is wanted, {stable} serves, and nothing was refused"
        assert status.refused.version == target.version, f"{status.refused} stands, {target} is wanted"
    if isinstance(target, RefusedVersion):
        assert status.refused
    assert status.phase is (Phase.HEALTHY if stable else Phase.DEGRADED)
    _check_registry(world)
    writes = world.writes
    for _ in range(_AT_REST):
        assert not world.tick(3600).actions, "something is done at rest"
    assert world.writes == writes, "something is written at rest"


def _check_registry(world: RolloutWorld) -> None:
    """It shows each outcome and stable by its alias, and got none of it twice."""
    assert not write_back.due(world.status)
    registry, wish = world.registry, world.spec.registry
    written = {(one.version, one.outcome.attempt, one.outcome.ended_at) for one in registry.writes if one.outcome}
    for record in world.status.history:
        known = (record.version, record.attempt, record.ended_at)
        later = [end for version, _, end in written if version == record.version and end >= record.ended_at]
        assert known in written or later, f"the registry was never told of {record}"
    twice = {entry for entry, count in registry.writes.items() if entry.outcome and count > 1}
    assert not twice, f"written more than once: {twice}"
    if world.status.stable and wish.live_alias:
        live = world.status.registry_write.live
        assert live, "nothing follows stable"
        shown = registry.aliases[(live.connection, live.model), live.alias]
        assert shown == world.status.stable.version, f"{wish.live_alias} is at {shown}"
