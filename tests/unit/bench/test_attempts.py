"""The light attempt of the bench and the whole engine come to the same end at the same time on the same traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from bench.verdicts.attempts import AttemptEnd, run
from bench.verdicts.product import RolloutPlan
from bench.verdicts.traces import SECOND, SLOT, Routed, Scene, TrafficTrace
from penstock_contracts.api.status import Completion
from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import TrafficSplit
from penstock_testing.rollout_counters import GatewayCounters, Loss, Pods
from penstock_testing.rollout_scenes import on_trial, pause
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import weight

OLD, NEW = "rev1", "rev2"


def brief(*, sticky: bool) -> dict[str, object]:
    steps = [weight(5), pause("8s"), weight(25), pause("8s"), weight(50), pause("8s")]
    return {
        "strategy": {"canary": {"steps": steps, **({"stickiness": {"header": "x-user"}} if sticky else {})}},
        "analysis": {"interval": "2s", "gates": [{"name": "error-rate", "minSamples": 50}]},
        "bake": {"duration": "30s"},
        "progressDeadline": "20s",
    }


ENDS = {
    (Completion.PROMOTED, "Promoted"): {AttemptEnd.PROMOTED},
    (Completion.ROLLED_BACK, "GateFailed"): {AttemptEnd.FAILED, AttemptEnd.FAILED_IN_BAKE},
    (Completion.ROLLED_BACK, "ProgressDeadlineExceeded"): {AttemptEnd.DEADLINE_SAMPLES, AttemptEnd.DEADLINE_VERDICT},
}


@dataclass
class TracedGateway(GatewayCounters):
    """Counts what a trace says, from the first weight on."""

    trace: TrafficTrace = field(default_factory=lambda: Scene(rate=1, errors=0).trace(0))
    slot: int = 0
    places: dict[str, list[str]] = field(default_factory=dict)
    """Revision to the addresses of its pods: who comes takes the place of who left."""
    taken: dict[tuple[int, int], int] = field(default_factory=dict)
    """When that was, by version and place."""

    def serve(self, split: TrafficSplit | None, requests: int, failing: Mapping[str, float], pods: Pods) -> list[Loss]:
        share = next((one.weight for one in split.backends if one.revision == NEW), 0) if split else 0
        if split is None or not share:
            return []
        for version, revision in enumerate((NEW, OLD)):
            self._place(version, revision, tuple(pods[revision]))
        copies = split.mirror.percentage if split.mirror and split.mirror.revision == OLD else 0
        routed = Routed(
            weight=share,
            copies=copies,
            candidate_pods=len(pods[NEW]),
            stable_pods=len(pods[OLD]),
            replaced=self.trace.replaced_by(self.taken),
        )
        counts = self.trace.slots(routed, self.slot, self.slot + 1)
        self.slot += 1
        arms = ((NEW, TryReason.USERS), (OLD, TryReason.USERS), (OLD, TryReason.SHADOW))
        rows = [((split.attempt, *arm), address) for arm in arms for address in self.places[arm[0]]]
        for row, (slot, address) in enumerate(rows):
            tries, failures = int(counts.pod_tries[row, 0]), int(counts.pod_failures[row, 0])
            if tries:
                self.tries[slot] += tries
                self.failures[slot] += failures
                self.pod_tries[slot, address] += tries
                self.pod_failures[slot, address] += failures
        return []

    def _place(self, version: int, revision: str, there: tuple[str, ...]) -> None:
        known = self.places.setdefault(revision, [])
        coming = [address for address in there if address not in known]
        for place, address in enumerate(known):
            if address not in there:
                known[place] = coming.pop(0)
                self.taken[version, place] = self.slot
        known += coming

    @property
    def of_candidate(self) -> int:
        return sum(number for slot, number in self.tries.items() if slot[1:] == (NEW, TryReason.USERS))


def by_the_engine(trace: TrafficTrace, wish: dict[str, object], replicas: int) -> tuple[Completion, str, float, int]:
    """Completion, reason, seconds from the first weight until the decision, tries of the candidate until then."""
    world = on_trial(spec(predictor={"minReplicas": replicas}, **wish))
    world.gateways = {"gw-0": world.gateways["gw-0"]}
    gateway = TracedGateway("gw-0", trace=trace)
    world.counters["gw-0"] = gateway
    world.requests = 10_000  # what the onlooker takes for the most that can be counted
    promoted: tuple[float, int] | None = None
    while world.status.candidate is not None or world.status.previous is not None or not gateway.slot:
        look(world)
        at = (gateway.slot / SECOND, gateway.of_candidate)
        if world.status.previous and promoted is None:
            promoted = at
        if world.status.candidate and world.status.candidate.ending:
            ending = world.status.candidate.ending
            return ending.completion, ending.reason, *at
    assert promoted
    return world.status.history[0].completion, world.status.history[0].reason, *promoted


def look(world: RolloutWorld) -> None:
    """A quarter of a second passes, then passes that wait for nothing follow each other."""
    world.let_time_pass(SLOT)
    while world.run_pass().requeue_after == 0:
        pass


SCENES = (
    Scene(rate=400, errors=0.0),
    Scene(rate=400, errors=0.001),
    Scene(rate=400, errors=0.02, harm=0.05),
    Scene(rate=400, errors=0.001, harm=0.2),
    Scene(rate=4, errors=0.0),
    Scene(rate=60, errors=0.05),
    Scene(rate=400, errors=0.01, happens="sticky-few:1000,3"),
    Scene(rate=150, errors=0.05),
    Scene(rate=400, errors=0.002, happens="clusters:8"),
    Scene(rate=400, errors=0.002, happens="leak:60"),
    Scene(rate=2000, errors=0.001, happens="outages"),
    Scene(rate=2000, errors=0.0001, happens="leak:12"),
    Scene(rate=400, errors=0.001, happens="sick-pod:2,0.5,60,61,40"),
    Scene(rate=400, errors=0.001, happens="sick-pod:2,1,10,20,10"),
    Scene(rate=400, errors=0.001, harm=0.01, happens="sick-pod:2,0.9,60,61,20"),
)


@pytest.mark.parametrize("scene", SCENES, ids=repr)
def test_the_light_attempt_ends_as_the_engine_does(scene: Scene) -> None:
    wish = brief(sticky=scene.sticky)
    replicas = 2 if "sick" in scene.happens else 1
    plan = RolloutPlan.of(wish, replicas=replicas)
    for seed in range(4):
        ended = run(plan, scene.trace(seed))
        completion, reason, seconds, tries = by_the_engine(scene.trace(seed), wish, replicas)
        assert ended.end in ENDS[completion, reason], seed
        if "deadline" in ended.end:
            # The engine's stamps have whole seconds, so each of its waits may count for one more.
            assert abs(ended.seconds - seconds) <= 1 + len(plan.steps), seed
        else:
            assert (ended.seconds, ended.tries) == (seconds, tries), seed


def test_the_scenes_of_that_test_come_to_every_end() -> None:
    plan = RolloutPlan.of(brief(sticky=False), replicas=1)
    ends = {run(plan, scene.trace(seed)).end for scene in SCENES for seed in range(4)}
    assert ends == set(AttemptEnd)


def test_counters_are_read_every_ten_seconds_by_default() -> None:
    ended = run(RolloutPlan.of(), Scene(rate=200, errors=0).trace(1))
    assert ended.end is AttemptEnd.PROMOTED
    assert ended.readings >= 78
