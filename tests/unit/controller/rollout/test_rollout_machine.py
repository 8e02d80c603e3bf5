"""Every invariant of a rollout over random sequences of what may happen to it."""

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from math import ceil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from penstock_contracts.api.status import Phase
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.observation import Unresolved
from penstock_testing.rollout_events import EVENTS, Event, trial_spec
from penstock_testing.rollout_rest import bring_to_rest
from penstock_testing.rollout_scenes import canary, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

PAGE = Path(__file__).parents[4] / "docs/maintainer/rollout-states.md"

EVERY = 2600
SEQUENCES = int(os.environ.get("PENSTOCK_SEQUENCES", EVERY))
"""`make check-deep` asks for more; then each of them comes to rest, not one in five."""
STEPS = 8
TURNS = len(EVENTS)
"""In each turn another event comes first."""
RESTING_TURNS = 5
SHARES = {
    Phase.INITIALIZING: 2,
    Phase.PAUSED: 3,
    Phase.PROMOTING: 2,
    Phase.BAKING: 3,
    Phase.ROLLING_BACK: 2,
}
"""Phases that are soon over: so many times as many sequences begin there."""
PICKS = some.integers(0, 11)
LEAST_VISITS = 20
pytestmark = [pytest.mark.timeout(3600), pytest.mark.xdist_group("rollout machine")]  # sequences are run once for all


@dataclass
class Seen:
    """What happened in all sequences that began in one phase."""

    visits: Counter[tuple[Phase, str]] = field(default_factory=Counter)
    """How often an event came in a phase."""
    edges: set[tuple[Phase, Phase]] = field(default_factory=set)
    sequences: int = 0
    """That went well to their end."""


def _until(world: RolloutWorld, phase: Phase) -> RolloutWorld:
    for _ in range(120):
        if world.status.phase is phase:
            return world
        world.tick(0.5)
    raise AssertionError(f"no way into {phase}: {world.status.phase}, {world.status.message}")


def _serving(variant: int) -> RolloutWorld:
    world = RolloutWorld(spec=trial_spec(variant, variant // 2, variant // 3)).want("1")
    return _until(world, Phase.HEALTHY)


def _pending(variant: int) -> RolloutWorld:
    return RolloutWorld(spec=trial_spec(variant, variant // 2, variant // 3))


def _initializing(variant: int) -> RolloutWorld:
    world = _pending(variant).want("1")
    world.broken = {"rev1"} if variant % 2 else set()
    return _until(world, Phase.INITIALIZING)


def _progressing(variant: int) -> RolloutWorld:
    world = _serving(variant).edit(trial_spec(variant % 4, variant, variant // 2)).want("2")
    for _ in range(variant % 5):
        world.tick()
    return _until(world, Phase.PROGRESSING)


def _paused(variant: int) -> RolloutWorld:
    world = _serving(variant).edit(trial_spec((2, 5)[variant % 2], variant // 2, variant // 3)).want("2")
    return _until(world, Phase.PAUSED)


def _promoting(variant: int) -> RolloutWorld:
    world = _serving(variant).edit(trial_spec(0, 3 if variant % 2 else 0, variant // 2)).want("2")
    _until(world, Phase.PROMOTING)
    world.silent = {"gw-1"} if variant % 3 < 2 else set()
    return world


def _baking(variant: int) -> RolloutWorld:
    world = _serving(variant).edit(trial_spec(variant % 2, variant // 2, 2 * (variant % 2))).want("2")
    return _until(world, Phase.BAKING)


def _rolling_back(variant: int) -> RolloutWorld:
    world = _baking(variant) if variant % 2 else _promoting(0)
    newest = world.status.candidate or world.status.stable
    assert newest
    world.failing = {newest.revision: 0.9}
    if variant % 4 > 1:
        world.broken = {newest.revision}
    _until(world, Phase.ROLLING_BACK)
    world.silent = {"gw-1"} if variant % 3 else set()
    return world


def _degraded(variant: int) -> RolloutWorld:
    world = _serving(variant)
    world.broken = {"rev1"}
    return _until(world, Phase.DEGRADED)


BEGINNINGS: dict[Phase, Callable[[int], RolloutWorld]] = {
    Phase.PENDING: _pending,
    Phase.INITIALIZING: _initializing,
    Phase.HEALTHY: _serving,
    Phase.PROGRESSING: _progressing,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.BAKING: _baking,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.DEGRADED: _degraded,
}
VARIANTS = 6


@cache
def _beginning(phase: Phase, variant: int) -> RolloutWorld:
    return BEGINNINGS[phase](variant)


def _machine(phase: Phase, turn: int, seen: Seen) -> type[RuleBasedStateMachine]:
    """A rollout begins in a phase, then things happen to it. The world checks the invariants in every pass.

    Hypothesis likes the first of several choices: in each turn that is another event, and each sequence begins with it.
    """
    events = some.sampled_from((*EVENTS[turn:], *EVENTS[:turn]))
    comes_to_rest = SEQUENCES > EVERY or turn % RESTING_TURNS == 0

    class RolloutMachine(RuleBasedStateMachine):
        sound = False
        """Whether all went well so far."""

        @initialize(variant=some.integers(0, VARIANTS - 1), pick=PICKS)
        def begin(self, variant: int, pick: int) -> None:
            self.world = _beginning(phase, variant).branch()
            self.happens(EVENTS[turn], pick, 1.0)

        @rule(event=events, pick=PICKS, seconds=some.sampled_from((0.2, 1.0, 5.0)))
        def happens(self, event: Event, pick: int, seconds: float) -> None:
            self.sound = False
            seen.visits[self.world.status.phase, event.name] += 1
            event.happens(self.world, pick)
            self.world.tick(seconds)
            self.sound = True

        def teardown(self) -> None:
            if self.sound:
                seen.sequences += 1
                seen.edges.update(self.world.watcher.edges)
                if comes_to_rest:
                    bring_to_rest(self.world)
                    seen.edges.update(self.world.watcher.edges)

    return RolloutMachine


_QUICKLY = settings(
    stateful_step_count=STEPS,
    database=None,
    deadline=None,
    phases=(Stage.generate, Stage.shrink),
    suppress_health_check=list(HealthCheck),
)


def _run(phase: Phase, turn: int, seen: Seen) -> None:
    runs = TURNS * sum(SHARES.get(phase, 1) for phase in Phase)
    examples = SHARES.get(phase, 1) * ceil(SEQUENCES / runs)
    machine = seed(turn * len(Phase) + list(Phase).index(phase))(_machine(phase, turn, seen))
    run_state_machine_as_test(machine, settings=settings(_QUICKLY, max_examples=examples))


@cache
def _seen_from(phase: Phase) -> Seen:
    """Run all sequences that begin in a phase. Whichever test asks first has them run."""
    seen = Seen()
    for turn in range(TURNS):
        _run(phase, turn, seen)
    return seen


@pytest.mark.parametrize("phase", Phase)
def test_random_sequences_break_no_invariant_and_come_to_rest(phase: Phase) -> None:
    assert _seen_from(phase).sequences > 0


def test_every_event_met_every_phase() -> None:
    seen = [_seen_from(phase) for phase in Phase]
    assert sum(each.sequences for each in seen) >= SEQUENCES
    visits = sum((each.visits for each in seen), Counter[tuple[Phase, str]]())
    rare = {
        (phase.value, event.name): visits[phase, event.name]
        for phase, event in product(Phase, EVENTS)
        if visits[phase, event.name] < LEAST_VISITS
    }
    assert not rare


def _step(world: RolloutWorld) -> int:
    return world.status.candidate.step if world.status.candidate else 0


def _unpaused_when_nothing_is_left_to_wait_for() -> RolloutWorld:
    steps = (weight(50), pause("1s"))
    world = until(
        on_trial(canary(*steps)), lambda world: bool(world.status.candidate and world.status.candidate.step == 2)
    )
    world.edit(canary(*steps, paused=True)).tick()
    world.edit(canary(*steps)).tick()
    return world


def _its_pods_die_when_it_has_everything() -> RolloutWorld:
    world = _until(on_trial(canary()), Phase.PROMOTING)
    world.let_time_pass(1.0)
    all_pods_of(world, "rev2")
    world.run_pass()
    return world


def _unwanted_while_paused_and_stable_is_down() -> RolloutWorld:
    world = on_trial(canary())
    world.run_pass()
    world.edit(canary(paused=True)).run_pass()
    world.want("1")
    all_pods_of(world, "rev1")
    world.run_pass()
    return world


def _retried_while_the_store_is_away() -> RolloutWorld:
    """Nothing ever served."""
    world = _initializing(0)
    world.broken = {"rev1"}
    world.settle(60)
    world.target = Unresolved(reason="StoreAway", message="the model store does not answer")
    world.say(Verb.RETRY)
    world.run_pass()
    return world


def all_pods_of(world: RolloutWorld, revision: str) -> None:
    """They are lost."""
    world.broken = {revision}
    world.let_pods_start()


def test_the_page_on_states_shows_exactly_the_edges_that_were_taken() -> None:
    """Some take an instant that random sequences hardly hit."""
    taken = {edge for phase in Phase for edge in _seen_from(phase).edges}
    for scene in (
        _unpaused_when_nothing_is_left_to_wait_for,
        _its_pods_die_when_it_has_everything,
        _unwanted_while_paused_and_stable_is_down,
        _retried_while_the_store_is_away,
    ):
        taken |= scene().watcher.edges
    shown = re.findall(r"^ +(\w+) --> (\w+):", PAGE.read_text(), flags=re.MULTILINE)
    assert len(shown) == len(set(shown))
    assert {(Phase(one), Phase(other)) for one, other in shown} == taken
