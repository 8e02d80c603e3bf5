"""A rollout as one line, for pipes and logs."""

from datetime import UTC, datetime

from penstock_cli.course import BoundCourseView
from penstock_cli.gates import GateView
from penstock_cli.rollout_view import RevisionView, RolloutView
from penstock_cli.sparkline import sparkline

_COLUMNS = 16
"""Of a course in a line, at most."""


def summary_line(rollout: RolloutView) -> str:
    """Where it stands; two views with the same line show no change worth telling."""
    parts = [
        rollout.phase,
        *(_revision(each) for each in rollout.revisions),
        *(_gate(each) for each in rollout.gates),
        rollout.message.replace("\n", " "),
        *rollout.problems,
    ]
    return "; ".join(part for part in parts if part)


def course_text(rollout: RolloutView) -> str:
    """How near each gate of this stage is to its verdict, to be put behind the line; empty: there is no course."""
    gates = rollout.course.gates if rollout.course else ()
    found = ((gate, gate.nearest) for gate in gates if gate.stage == gates[-1].stage)
    return "".join(f"; {gate.title} {_drawn(bound)}" for gate, bound in found if bound)


def _drawn(course: BoundCourseView) -> str:
    together = -(-len(course.points) // _COLUMNS) or 1
    line = sparkline(course.points, together, peaks=course.bound.decides == "fail").strip()
    return f"{course.bound.name} {line} {course.bound.standing}"


def with_time(text: str, now: datetime) -> str:
    """With the time in front."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {text}"


def _revision(each: RevisionView) -> str:
    share = "" if each.weight is None else f" {each.weight} %"
    copies = f" copies of {each.mirror} %" if each.mirror else ""
    pods = "" if each.ready is None else f" {each.ready}/{each.pods} pods"
    return f"{each.role} {each.version}{share}{copies}{pods}"


def _gate(each: GateView) -> str:
    return f"{each.title} {each.verdict}"
