"""How gates went over an attempt, in so many points and no more."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock_contracts.api.attempt_course import MOST_BOUNDS, MOST_POINTS, AttemptCourse, GateCourse
from penstock_contracts.api.status import AttemptStage, Bound, GateStatus, ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout import attempt_course
from penstock_testing.label_gate import LabelledAccuracy, LabelledAnswers
from penstock_testing.rollout_scenes import canary, has, is_baking, last, on_trial, pause, until
from penstock_testing.strategies import weight

START = datetime(2026, 1, 1, tzinfo=UTC)
ALL_SLOTS = 10**9


def said(verdict: str = "inconclusive", harm: float = 0.0, good: float = 0.0, **more: object) -> GateStatus:
    return GateStatus.model_validate(
        {
            "name": "error-rate",
            "stage": "trial",
            "verdict": verdict,
            "message": "",
            "bounds": [
                Bound(name="odds of harm", decides=Verdict.FAIL, value=1, limit=200, reached=harm),
                Bound(name="odds of no harm", decides=Verdict.PASS, value=1, limit=20, reached=good),
            ],
            **more,
        }
    )


class Readings:
    """A course that grows reading by reading."""

    def __init__(self) -> None:
        status = ModelDeploymentStatus(attempt=3)
        self.status = evolve(status, course=attempt_course.begun(status, START))

    def at(self, seconds: float, *gates: GateStatus) -> "Readings":
        course = attempt_course.with_reading(self.status, gates, START + timedelta(seconds=seconds))
        self.status = evolve(self.status, course=course)
        return self

    @property
    def course(self) -> AttemptCourse:
        assert self.status.course
        return self.status.course

    def gate(self, name: str = "error-rate", stage: str = "trial") -> GateCourse:
        return next(gate for gate in self.course.gates if (gate.gate, gate.stage) == (name, stage))

    def points(self, bound: str) -> str:
        return next(one.points for one in self.gate().bounds if one.name == bound)


def test_each_reading_is_a_point_in_its_slot_and_where_none_was_there_is_a_blank() -> None:
    read = Readings().at(1.25, said(good=0.25)).at(2.5, said(good=0.5)).at(5, said("pass", good=1.0))
    assert read.gate().verdicts == " ii  p"
    assert read.points("odds of no harm") == " 8h  z"
    assert read.points("odds of harm") == " 00  0"
    assert read.course.slot_seconds == 1


def test_of_several_readings_in_a_slot_the_peak_of_harm_the_newest_of_all_else_and_the_most_telling_verdict_stay() -> (
    None
):
    read = Readings().at(0.2, said(harm=0.5, good=0.5)).at(0.5, said("error", harm=0.25, good=0.25)).at(0.9, said())
    assert read.gate().verdicts == "e"
    assert (read.points("odds of harm"), read.points("odds of no harm")) == ("h", "0")


def test_samples_on_their_way_to_what_is_needed_are_there_for_every_gate_that_counts_them() -> None:
    read = Readings().at(0, said(samples=50, minSamples=200)).at(1, said(samples=300, minSamples=200))
    assert read.points("samples") == "8z"
    assert "samples" not in [one.name for one in Readings().at(0, said()).gate().bounds]


@pytest.mark.parametrize("seconds", [1, 10, 60, 3600])
@pytest.mark.parametrize("readings", [10, 48, 49, 500, 5000])
def test_however_long_it_takes_there_are_so_many_points_and_no_more(seconds: int, readings: int) -> None:
    read = Readings()
    for number in range(readings):
        read.at(number * seconds, said(harm=number / readings, good=number / readings))
    assert MOST_POINTS / 2 <= len(read.course.weights) <= MOST_POINTS or readings * seconds < MOST_POINTS
    lengths = {len(read.points(name)) for name in ("odds of harm", "odds of no harm")}
    assert lengths == {len(read.course.weights)} == {len(read.gate().verdicts)}
    assert read.course.slot_seconds * len(read.course.weights) >= (readings - 1) * seconds
    drawn = read.points("odds of no harm").replace(" ", "")
    assert "".join(sorted(drawn)) == drawn, "what only grew is drawn so, however points were merged"


def test_a_peak_of_harm_is_still_there_when_the_attempt_has_taken_days() -> None:
    read = Readings().at(0, said()).at(5, said(harm=0.9)).at(10, said())
    for hour in range(1, 100):
        read.at(3600 * hour, said())
    assert read.points("odds of harm")[0] == "v"
    assert set(read.points("odds of harm")[1:]) <= {"0", " "}


def test_a_clock_that_jumps_moves_points_and_loses_none() -> None:
    read = Readings().at(5, said(good=0.5)).at(-3600, said(good=0.6)).at(6, said(good=0.7))
    assert read.points("odds of no harm") == "     lo"
    read.at(365 * 86400, said(good=1.0))
    assert len(read.course.weights) <= MOST_POINTS
    assert (read.points("odds of no harm")[0], read.points("odds of no harm")[-1]) == ("o", "z")


def test_a_bound_that_is_not_known_at_every_look_keeps_its_points() -> None:
    read = Readings().at(0, said(harm=0.5)).at(1, said("error", bounds=[])).at(2, said(harm=0.25))
    assert read.gate().verdicts == "iei"
    assert read.points("odds of harm") == "h 8"


def test_the_bake_goes_on_where_the_trial_ended_and_that_stays() -> None:
    read = Readings().at(0, said(good=0.5)).at(1, said("pass", good=1.0)).at(3, said(stage=AttemptStage.BAKE, harm=0.5))
    assert (read.gate().verdicts, read.gate(stage="bake").verdicts) == ("ip", "   i")


def test_another_attempt_begins_anew() -> None:
    read = Readings().at(0, said(good=0.5))
    read.status = evolve(read.status, attempt=4)
    read.at(100, said())
    assert (read.course.attempt, read.gate().verdicts) == (4, "i")


def test_it_is_bounded_with_all_gates_that_a_resource_may_have() -> None:
    bounds = [Bound(name=f"{number}" * 64, decides=Verdict.FAIL, value=1, limit=2, reached=0.5) for number in range(8)]
    read = Readings()
    for number in range(100):
        for stage in (AttemptStage.TRIAL, AttemptStage.BAKE):
            gates = (
                said(name="query/" + f"{each}" * 63, stage=stage, bounds=bounds, minSamples=1) for each in range(8)
            )
            read.at(60 * number, *gates)
    assert {len(gate.bounds) for gate in read.course.gates} == {MOST_BOUNDS}
    assert len(read.course.model_dump_json()) < 40_000
    assert AttemptCourse.model_validate(read.course.model_dump()) == read.course


def test_an_attempt_leaves_its_course_until_the_next_one_begins() -> None:
    world = until(on_trial(canary(weight(20), pause("60s"), analysis={"interval": "1s"}, bake="20s")), has(20))
    for _ in range(5):
        world.tick()
    world.failing = {"rev2": 0.8}
    world.settle()
    course = world.status.course
    assert course
    assert course.attempt == last(world).attempt == 2
    (gate,) = course.gates
    assert gate.verdicts.replace(" ", "")[-1] == "f"
    harm = next(one for one in gate.bounds if one.name == "odds of harm")
    assert (harm.points.strip()[0], harm.points[-1]) == ("0", "z")
    assert set(course.weights) <= {"7", " "}
    world.want("3").tick()
    assert world.status.course is None


def test_the_course_of_a_bake_shows_all_requests_at_the_version_that_bakes() -> None:
    world = until(on_trial(canary(weight(50), pause("2s"), analysis={"interval": "1s"}, bake="20s")), is_baking)
    for _ in range(5):
        world.tick()
    assert world.status.course
    assert [(gate.gate, gate.stage) for gate in world.status.course.gates] == [
        ("error-rate", "trial"),
        ("error-rate", "bake"),
    ]
    assert world.status.course.weights[-1] == "z"


def test_a_gate_that_gives_no_bounds_has_its_verdicts_and_its_samples() -> None:
    world = on_trial(canary(weight(50), pause("1m"), analysis={"interval": "1s"}))
    world.catalogue = lambda _: (LabelledAccuracy(name="labels", min_samples=100, least=0.9),)
    labelled = iter(range(0, ALL_SLOTS, 20))
    world.measured = lambda: (LabelledAnswers(labelled=(seen := next(labelled)), right=seen),)
    until(world, has(50))
    for _ in range(5):
        world.tick()
    assert world.status.course
    (gate,) = world.status.course.gates
    assert [one.name for one in gate.bounds] == ["samples"]
    assert set(gate.verdicts) <= {"i", "p", " "}


def test_at_rest_nothing_is_added_to_it() -> None:
    world = on_trial(canary(weight(50), pause("1s"), analysis={"interval": "1s"}, bake="5s")).settle()
    before = world.status.course
    assert before
    assert before.weights[-1] == "z"
    for _ in range(10):
        world.tick(60)
    assert world.status.course == before
