"""What is shown of a resource: as its last pass left it, and nothing of what it does not name any more."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from penstock_contracts.api.status import Bound
from penstock_contracts.base import evolve
from penstock_contracts.verdict import Verdict
from penstock_controller.ports import ResourceKey
from penstock_controller.resource_series import ResourceSeries
from penstock_testing.rollout_scenes import canary, error_rate, has, pause, until
from penstock_testing.rollout_scenes import on_trial as wanted_beside
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

KEY, OTHER = ResourceKey("payments", "one"), ResourceKey("payments", "two")
Shown = dict[tuple[str, ...], float]


class Exported:
    """The series of a registry that has nothing else."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.series = ResourceSeries(lambda: self.now)
        self._registry = CollectorRegistry()
        self._registry.register(self.series)

    def of(self, name: str, key: ResourceKey = KEY) -> Shown:
        """Labels after namespace and name, to the value."""
        own = {"namespace": key.namespace, "name": key.name}
        return {
            tuple(value for label, value in sample.labels.items() if label not in own): sample.value
            for family in self._registry.collect()
            for sample in family.samples
            if sample.name == f"penstock_resource_{name}" and sample.labels.items() >= own.items()
        }

    def all(self) -> int:
        """How many series there are."""
        return sum(len(family.samples) for family in self._registry.collect())


def shown(world: RolloutWorld) -> Exported:
    exported = Exported()
    exported.series.show(KEY, world.status)
    return exported


def on_trial() -> RolloutWorld:
    """Version 2 has a fifth of the requests, and waits there."""
    return until(wanted_beside(canary(weight(20), pause("1h"), analysis=error_rate())), has(20))


def test_at_rest_all_requests_go_to_the_one_version_and_no_gate_says_anything() -> None:
    world = RolloutWorld(spec=canary()).want("1").settle()
    exported, stable = shown(world), world.status.stable
    assert stable
    assert exported.of("phase") == {("Healthy",): 1}
    assert exported.of("desired_weight") == exported.of("applied_weight") == {("1", stable.revision): 100}
    assert exported.of("condition")["Ready", "True"] == 1
    exported.now = datetime.max.replace(tzinfo=UTC).timestamp()
    assert exported.of("gate_verdict") == {}
    assert exported.of("reason") == {(world.status.reason,): 1}


def test_each_condition_has_the_one_status_that_it_has() -> None:
    world = on_trial()
    conditions = {(item.type, item.status): 1.0 for item in world.status.conditions}
    assert shown(world).of("condition") == conditions


def test_on_trial_both_versions_have_their_weights() -> None:
    world = on_trial()
    exported, candidate, stable = shown(world), world.status.candidate, world.status.stable
    assert candidate
    assert stable
    weights = {("1", stable.revision): 100.0 - candidate.weight, ("2", candidate.revision): float(candidate.weight)}
    assert exported.of("applied_weight") == exported.of("desired_weight") == weights


def test_what_is_asked_for_and_what_is_confirmed_differ_while_a_gateway_pod_lags() -> None:
    world = on_trial()
    traffic = world.status.traffic
    assert traffic
    desired = evolve(
        traffic.desired,
        number=traffic.desired.number + 1,
        backends=tuple(evolve(one, weight=50) for one in traffic.desired.backends),
    )
    behind = evolve(world.status, traffic=evolve(traffic, desired=desired))
    exported = Exported()
    exported.series.show(KEY, behind)
    assert exported.of("traffic_desired_number")[()] - exported.of("traffic_applied_number")[()] == 1
    assert set(exported.of("desired_weight").values()) == {50}
    assert exported.of("desired_weight").keys() == exported.of("applied_weight").keys()
    unconfirmed = evolve(traffic, applied=None)
    exported.series.show(KEY, evolve(world.status, traffic=unconfirmed))
    assert exported.of("traffic_applied_number") == {(): 0}
    assert set(exported.of("applied_weight").values()) == {0}


def test_a_gate_shows_its_verdict_and_what_it_has_seen() -> None:
    world = on_trial()
    world.failing = {"rev2": 0.05}
    for _ in range(3):
        world.tick()
    exported = shown(world)
    before, gate = world.status.gates
    verdicts = {(one.name, one.stage, one.verdict): 1 for one in (before, gate)}
    assert exported.of("gate_verdict") == verdicts
    told = exported.of("gate_figure")
    tries, failures = ((gate.name, gate.stage, name, "candidate") for name in ("tries", "failures"))
    assert told[tries] == gate.samples
    assert told[gate.name, gate.stage, "failures", "stable"] == 0
    assert 0 < told[failures] == told[gate.name, gate.stage, "failures: 500", "candidate"] < told[tries]


def test_a_gate_shows_how_far_each_number_is_that_its_verdict_hangs_on_and_where_it_decides() -> None:
    world = on_trial()
    for _ in range(3):
        world.tick()
    exported, gate = shown(world), world.status.gates[-1]
    samples = ("error-rate", "trial", "samples", "pass")
    harm = ("error-rate", "trial", "odds of harm", "fail")
    assert exported.of("gate_bound_limit")[samples] == gate.min_samples
    assert exported.of("gate_bound_value")[samples] == gate.samples
    assert exported.of("gate_bound_limit")[harm] == 200
    assert 0 < exported.of("gate_bound_value")[harm] < 200
    assert exported.of("gate_bound_reached").keys() == exported.of("gate_bound_limit").keys()


def test_a_number_that_is_not_known_has_its_limit_and_no_value() -> None:
    world, exported = on_trial(), Exported()
    world.tick()
    gate = evolve(world.status.gates[-1], bounds=(Bound(name="x", decides=Verdict.FAIL, limit=2.0),))
    exported.series.show(KEY, evolve(world.status, gates=(gate,)))
    assert ("error-rate", "trial", "x", "fail") in exported.of("gate_bound_limit")
    assert ("error-rate", "trial", "x", "fail") not in exported.of("gate_bound_value")


def test_what_a_gate_said_at_the_end_is_shown_for_some_scrapes_and_not_for_ever() -> None:
    world = on_trial()
    world.failing = {"rev2": 0.8}
    world.settle()
    ended = datetime.fromisoformat(world.status.history[0].ended_at).timestamp()
    exported = Exported(now=ended + 299)
    exported.series.show(KEY, world.status)
    assert ("error-rate", "trial", "fail") in exported.of("gate_verdict")
    assert exported.of("gate_figure")["error-rate", "trial", "failures", "candidate"] > 0
    exported.now = ended + 301
    assert not any(exported.of(f"gate_{name}") for name in ("verdict", "figure", "bound_limit", "bound_reached"))
    assert exported.of("phase") == {("Healthy",): 1}


def test_of_an_attempt_that_has_begun_nothing_of_the_one_before_is_shown() -> None:
    world = on_trial()
    world.failing = {"rev2": 0.8}
    world.settle()
    world.want("3").tick()
    exported = Exported(now=world.now.timestamp())
    exported.series.show(KEY, world.status)
    assert not {labels for labels in exported.of("gate_verdict") if labels[1] == "trial"}


def test_the_time_in_a_phase_is_counted_from_its_first_pass() -> None:
    world = RolloutWorld(spec=canary()).want("1").settle()
    since = shown(world).of("phase_since_timestamp_seconds")["Healthy",]
    for _ in range(3):
        world.tick(600)
    assert shown(world).of("phase_since_timestamp_seconds") == {("Healthy",): since}
    world.want("2").tick()
    began = int(world.now.timestamp())
    assert shown(world).of("phase_since_timestamp_seconds") == {("Progressing",): began}
    world.tick()
    assert shown(world).of("phase_since_timestamp_seconds") == {("Progressing",): began}


def test_a_version_that_has_left_has_no_series() -> None:
    world, exported = RolloutWorld(spec=canary()), Exported()
    sizes = set()
    for version in ("1", "2", "3", "4", "5"):
        world.want(version).settle()
        exported.series.show(KEY, world.status)
        assert exported.of("applied_weight") == {(version, f"rev{version}"): 100}
        sizes.add(exported.all())
    assert len(sizes) == 1


def test_a_resource_that_is_gone_has_none() -> None:
    world, exported = on_trial(), Exported()
    for key in (KEY, OTHER):
        exported.series.begin(key, generation=1, observed=1)
        exported.series.show(key, world.status)
    exported.series.forget(KEY)
    assert exported.of("phase") == exported.of("generation_lag") == {}
    assert exported.of("phase", OTHER) == {("Progressing",): 1}


def test_the_lag_lasts_until_a_pass_comes_to_its_end_also_where_status_tells_of_trouble() -> None:
    world, exported = on_trial(), Exported()
    exported.series.begin(KEY, generation=1, observed=-1)
    assert exported.of("generation_lag") == {(): 1}
    exported.series.show(KEY, world.status)
    assert exported.of("generation_lag") == {(): 0}
    observed = world.status.observed_generation
    for told in (observed, observed + 2):  # what tells of trouble writes the newest generation down
        exported.series.begin(KEY, generation=observed + 2, observed=told)
        assert exported.of("generation_lag") == {(): 2}


def test_while_passes_fail_that_is_what_is_told_and_the_rest_stays() -> None:
    world, exported = on_trial(), Exported()
    exported.series.show(KEY, world.status)
    weights = exported.of("applied_weight")
    exported.series.trouble(KEY, "PassFailing")
    assert exported.of("reason") == {("PassFailing",): 1}
    assert exported.of("condition").keys() >= {("Stalled", "True"), ("Reconciling", "False"), ("Ready", "True")}
    assert not exported.of("condition").keys() & {("Stalled", "False"), ("Reconciling", "True")}
    assert exported.of("applied_weight") == weights
    exported.series.trouble(OTHER, "InvalidResource")
    assert exported.of("reason", OTHER) == {("InvalidResource",): 1}
