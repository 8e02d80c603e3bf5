"""How the gates of an attempt went, on screens and in lines."""

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from io import StringIO
from json import dumps
from typing import Any

import pytest
from rich.console import Console, RenderableType

from penstock_cli.course import CourseView
from penstock_cli.course_screen import course_lines
from penstock_cli.kubernetes_objects import read_object
from penstock_cli.lines import course_text, summary_line
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_cli.rollout_view import RolloutReading, RolloutView, last_course, rollout_view
from penstock_cli.screen import screen

Changed = Callable[..., RolloutReading]


@pytest.fixture
def changed(reading: RolloutReading, on_trial: dict[str, Any]) -> Changed:
    """What is read after something of the status became another; None: it is gone."""

    def read(**status: Any) -> RolloutReading:
        found = on_trial["resource"]["status"] | status
        resource = on_trial["resource"] | {"status": {key: each for key, each in found.items() if each is not None}}
        return replace(reading, resource=read_object(ModelDeploymentView, resource, "read"))

    return read


def course_of(reading: RolloutReading) -> CourseView:
    course = rollout_view(reading).course
    assert course
    return course


def printed(course: CourseView, width: int) -> list[str]:
    return [line.plain.rstrip() for line in course_lines(course, width)]


def test_each_bound_is_a_line_with_where_it_is_and_where_it_decides(reading: RolloutReading) -> None:
    lines = printed(course_of(reading), 78)
    assert lines[0] == "attempt 12, 16 s a column; █ at the limit"
    assert lines[1].startswith("share of the requests ")
    assert lines[1].endswith(" 25 %")
    found = {line[:28].strip(): line.split("  ")[-1] for line in lines[2:]}
    assert found == {
        "error-rate (trial)": "inconclusive",
        "odds of harm": "0.41, fail at 200",
        "odds of no harm": "7.3, pass at 20",
        "failures above stable's, %": "0.056, fail at 0.1",
        "samples": "612, pass at 200",
    }


@pytest.mark.parametrize("width", [40, 60, 78, 118, 200])
def test_no_line_is_longer_than_there_is_room_for(reading: RolloutReading, width: int) -> None:
    out = StringIO()
    console = Console(file=out, width=width, highlight=False)
    for line in course_lines(course_of(reading), width):
        console.print(line)
    lines = out.getvalue().splitlines()
    assert len(lines) == 7, "no line is broken in two"
    assert max(map(len, lines)) <= width


def test_a_peak_of_harm_is_drawn_however_narrow_the_screen_is(reading: RolloutReading) -> None:
    (excess,) = (line for line in printed(course_of(reading), 40) if "failures above" in line)
    assert "█" in excess


def test_all_lines_have_the_same_moment_in_the_same_column(reading: RolloutReading, changed: Changed) -> None:
    """The trial ended where the bake goes on."""
    status = reading.resource.status
    assert status.course
    (trial,) = (gate.model_dump(mode="json", by_alias=True) for gate in status.course.gates)
    bake = {**trial, "stage": "bake", "verdicts": " " * 20 + "iip", "bounds": []}
    trial = {**trial, "verdicts": trial["verdicts"][:20], "bounds": []}
    course = status.course.model_dump(mode="json", by_alias=True) | {"gates": [trial, bake]}
    gates = [gate.model_dump(mode="json", by_alias=True) for gate in status.gates]
    read = changed(course=course, gates=[*gates, {**gates[0], "stage": "bake"}])
    lines = printed(course_of(read), 118)
    assert lines[2].index("iii") == lines[1].index("▁")
    assert lines[3].index("iip") - lines[1].index("▁") == 20


def test_without_colour_and_in_a_pipe_the_screen_says_the_same(
    reading: RolloutReading, now: datetime, print_plain: Callable[[RenderableType, int], str]
) -> None:
    plain = print_plain(screen(rollout_view(reading), now, 80), 80)
    out = StringIO()
    Console(file=out, width=80, force_terminal=True, color_system="truecolor", highlight=False).print(
        screen(rollout_view(reading), now, 80)
    )
    assert "\x1b" not in plain
    assert "\x1b" in out.getvalue()
    assert re.search(r"\n  error-rate \(trial\) +iii", plain)
    assert "7.3, pass at 20" in plain


def test_what_has_no_course_has_no_such_part(changed: Changed, now: datetime) -> None:
    for read in (changed(course=None), changed(course={"attempt": 12, "since": "2026-03-02T09:35:31Z", "weights": ""})):
        assert rollout_view(read).course is None


def test_a_course_of_another_attempt_is_not_shown_for_this_one(changed: Changed, reading: RolloutReading) -> None:
    assert reading.resource.status.course
    course = reading.resource.status.course.model_dump(mode="json", by_alias=True) | {"attempt": 11}
    assert rollout_view(changed(course=course)).course is None


def at_rest(changed: Changed, on_trial: dict[str, Any], attempt: int) -> RolloutReading:
    """An attempt has ended, and its course is still there."""
    status = on_trial["resource"]["status"]
    history = [record for record in status["history"] if record["attempt"] <= attempt]
    course = status["course"] | {"attempt": attempt}
    return changed(phase="Healthy", gates=[], candidate=None, course=course, history=history)


def test_after_a_rollback_the_course_of_that_attempt_is_still_shown(changed: Changed, on_trial: dict[str, Any]) -> None:
    course = course_of(at_rest(changed, on_trial, attempt=10))
    assert (course.attempt, course.weight) == (10, None)
    assert [(gate.verdict, gate.bounds[0].bound.standing) for gate in course.gates] == [
        ("fail", "1.3e+19, fail at 200")
    ]


def test_after_a_promotion_only_the_history_shows_it(changed: Changed, on_trial: dict[str, Any]) -> None:
    read = at_rest(changed, on_trial, attempt=11)
    assert rollout_view(read).course is None
    course = last_course(read.resource.status)
    assert course
    assert course.attempt == 11


def test_a_line_says_how_near_each_gate_is_and_nothing_new_is_told_because_of_that(reading: RolloutReading) -> None:
    rollout = rollout_view(reading)
    assert course_text(rollout) == "; error-rate (trial) odds of no harm ▁▁▂▂▁▂▂▃▃▃▄▄▅▅▅ 7.3, pass at 20"
    assert "odds" not in summary_line(rollout)


def test_a_resource_without_a_course_adds_nothing_to_its_line(changed: Changed) -> None:
    assert course_text(rollout_view(changed(course=None))) == ""


def test_json_has_the_points_as_numbers(reading: RolloutReading) -> None:
    found: Any = asdict(rollout_view(reading))["course"]
    assert found["slot_seconds"] == 8
    points = found["gates"][0]["bounds"][1]["points"]
    assert (points[0], points[3]) == (0.0, None)
    assert all(point is None or 0 <= point <= 1 for point in points)
    assert dumps(found)


def test_views_of_before_are_read_too(changed: Changed) -> None:
    """A controller of an older release writes no bounds."""
    old = {"name": "error-rate", "stage": "trial", "verdict": "pass", "message": "", "samples": 3}
    view: RolloutView = rollout_view(changed(gates=[old], course=None))
    assert (view.gates[0].bounds, view.course) == ((), None)
