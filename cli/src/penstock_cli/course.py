"""How the gates of an attempt went, as it is shown: for each gate a line of its verdicts, and one for each bound."""

from collections.abc import Iterable
from dataclasses import dataclass

from penstock_cli.gates import BoundView, GateView
from penstock_contracts.api.attempt_course import AttemptCourse, BoundCourse, GateCourse, part

Part = float | None
"""Of the way to a limit, from 0 to 1; None: nothing was read in that slot."""


@dataclass(frozen=True, kw_only=True)
class BoundCourseView:
    """How far one number had come, slot by slot, and where it is now."""

    bound: BoundView
    points: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class GateCourseView:
    """How one gate went."""

    title: str
    """The gate and the stage of the attempt."""
    stage: str
    verdict: str
    """Now."""
    verdicts: str
    """The first letter of what it said in each slot, a blank where nothing was read."""
    bounds: tuple[BoundCourseView, ...]

    @property
    def nearest(self) -> BoundCourseView | None:
        """Of the bounds that tell more than how much was seen, the one that is nearest to its limit."""
        telling = [one for one in self.bounds if one.bound.name != "samples"] or list(self.bounds)
        return max(telling, key=lambda one: one.bound.reached, default=None)


@dataclass(frozen=True, kw_only=True)
class CourseView:
    """How the gates of one attempt went."""

    attempt: int
    since: str
    """When its first slot began (RFC 3339)."""
    slot_seconds: int
    weights: tuple[Part, ...]
    """The share of the requests that the judged version got."""
    weight: int | None
    """Per cent of them now; None: the attempt has ended."""
    gates: tuple[GateCourseView, ...]


def course_view(
    course: AttemptCourse | None, attempt: int, gates: Iterable[GateView], weight: int | None = None
) -> CourseView | None:
    """The course of this attempt, whose gates say that; None: nothing is known of it. `weight`: now, in per cent."""
    if course is None or course.attempt != attempt or not course.weights:
        return None
    said = {(gate.name, gate.stage): gate for gate in gates}
    known = ((one, said.get((one.gate, one.stage))) for one in course.gates)
    return CourseView(
        attempt=attempt,
        since=course.since,
        slot_seconds=course.slot_seconds,
        weights=_parts(course.weights),
        weight=weight,
        gates=tuple(_gate(one, gate) for one, gate in known if gate),
    )


def _gate(course: GateCourse, gate: GateView) -> GateCourseView:
    now = {bound.name: bound for bound in gate.bounds}
    known = ((one, now.get(one.name)) for one in course.bounds)
    return GateCourseView(
        title=gate.title,
        stage=gate.stage,
        verdict=gate.verdict,
        verdicts=course.verdicts,
        bounds=tuple(_bound(one, bound) for one, bound in known if bound),
    )


def _bound(course: BoundCourse, bound: BoundView) -> BoundCourseView:
    return BoundCourseView(bound=bound, points=_parts(course.points))


def _parts(points: str) -> tuple[Part, ...]:
    return tuple(map(part, points))
