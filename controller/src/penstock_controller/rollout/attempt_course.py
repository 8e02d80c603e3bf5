"""How the gates of an attempt went, as `status.course` keeps it: a point at each reading, in slots that double.

It decides nothing: a clock that jumps moves a point, and no verdict.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from penstock_contracts.api.attempt_course import (
    MOST_BOUNDS,
    MOST_POINTS,
    NO_POINT,
    AttemptCourse,
    BoundCourse,
    GateCourse,
    level,
)
from penstock_contracts.api.status import GateStatus, ModelDeploymentStatus, bounds_of
from penstock_contracts.base import evolve
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout import routing
from penstock_controller.rollout.timestamps import exact_stamp, seconds_since

_EVERYTHING = 100
_TELLING = "pief"
"""First letters of verdicts, the most telling last: of those in one slot that one is kept."""
_Merge = Callable[[str, str], str]


def begun(status: ModelDeploymentStatus, now: datetime) -> AttemptCourse:
    """Nothing was judged yet."""
    return AttemptCourse(attempt=status.attempt, since=exact_stamp(now))


def with_reading(status: ModelDeploymentStatus, judged: Iterable[GateStatus], now: datetime) -> AttemptCourse:
    """The course with what the gates say at this reading."""
    course = status.course if status.course and status.course.attempt == status.attempt else begun(status, now)
    slot = _slot(course, now)
    while slot >= MOST_POINTS:
        course = _coarser(course)
        slot = _slot(course, now)
    gates = tuple(judged)
    stages = {gate.stage.value for gate in gates}
    return evolve(
        course,
        weights=_put(course.weights, slot, level(_weight(status) / _EVERYTHING), _later),
        gates=(
            *(gate for gate in course.gates if gate.stage not in stages),
            *(_gate(course, gate, slot) for gate in gates),
        ),
    )


def _slot(course: AttemptCourse, now: datetime) -> int:
    """The slot of this moment. Never one before the last that has a point."""
    return max(int(seconds_since(course.since, now) // course.slot_seconds), len(course.weights) - 1, 0)


def _weight(status: ModelDeploymentStatus) -> int:
    if status.previous:
        return _EVERYTHING
    return routing.applied_weight(status.traffic, status.candidate.revision) if status.candidate else 0


def _gate(course: AttemptCourse, gate: GateStatus, slot: int) -> GateCourse:
    known = next(
        (one for one in course.gates if (one.gate, one.stage) == (gate.name, gate.stage.value)),
        GateCourse(gate=gate.name, stage=gate.stage.value, verdicts=""),
    )
    bounds = {one.name: one for one in known.bounds}
    for bound in bounds_of(gate):
        before = bounds.get(bound.name, BoundCourse(name=bound.name, decides=bound.decides, points=""))
        bounds[bound.name] = evolve(
            before, points=_put(before.points, slot, level(bound.reached), _merge_of(bound.decides))
        )
    verdicts = _put(known.verdicts, slot, gate.verdict.value[0], _more_telling)
    return evolve(known, verdicts=verdicts, bounds=tuple(bounds.values())[:MOST_BOUNDS])


def _put(points: str, slot: int, point: str, merge: _Merge) -> str:
    before = points[slot : slot + 1].strip()
    return points[:slot].ljust(slot, NO_POINT) + (merge(before, point) if before else point)


def _coarser(course: AttemptCourse) -> AttemptCourse:
    """With slots of twice the length."""
    return evolve(
        course,
        slot_seconds=2 * course.slot_seconds,
        weights=_halved(course.weights, _later),
        gates=tuple(
            evolve(
                gate,
                verdicts=_halved(gate.verdicts, _more_telling),
                bounds=tuple(
                    evolve(bound, points=_halved(bound.points, _merge_of(bound.decides))) for bound in gate.bounds
                ),
            )
            for gate in course.gates
        ),
    )


def _halved(points: str, merge: _Merge) -> str:
    pairs = (points[first : first + 2] for first in range(0, len(points), 2))
    return "".join(_merged(pair, merge) for pair in pairs)


def _merged(pair: str, merge: _Merge) -> str:
    both = pair.split(NO_POINT) if NO_POINT in pair else list(pair)
    found = [point for point in both if point]
    return NO_POINT if not found else merge(found[0], found[-1])


def _merge_of(decides: Verdict) -> _Merge:
    """Of harm the peak is kept, also where it was over soon; of all else what it came to."""
    return max if decides is Verdict.FAIL else _later


def _later(_: str, point: str) -> str:
    return point


def _more_telling(one: str, other: str) -> str:
    return max(one, other, key=_TELLING.find)
