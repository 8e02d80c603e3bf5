"""The course of an attempt on a screen: names, lines, and where each number stands."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from penstock_cli.course import CourseView, GateCourseView, Part
from penstock_cli.sparkline import BLOCKS, sparkline, verdict_line

_GAP = 2
_LEAST_COLUMNS = 12
_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "magenta"}


@dataclass(frozen=True, kw_only=True)
class _Line:
    name: str
    now: str
    style: str = ""
    points: tuple[Part, ...] = ()
    peaks: bool = False
    verdicts: str = ""

    def drawn(self, together: int) -> str:
        if self.verdicts:
            return verdict_line(self.verdicts, together)
        return sparkline(self.points, together, peaks=self.peaks)


def course_lines(course: CourseView, width: int) -> Iterator[Text]:
    """A heading, the share of the requests, and each gate with its bounds. `width`: columns of the screen."""
    lines = list(_lines(course))
    names, room = max(cell_len(line.name) for line in lines), max(cell_len(line.now) for line in lines)
    columns = max(_LEAST_COLUMNS, width - names - room - 2 * _GAP)
    slots = len(course.weights)
    together = -(-slots // columns)
    heading = f"attempt {course.attempt}, {_length(together * course.slot_seconds)} a column; {BLOCKS[-1]} at the limit"
    yield _cut(Text(heading, "dim"), width)
    for line in lines:
        text = Text(f"{line.name:<{names + _GAP}}")
        text.append(f"{line.drawn(together):<{-(-slots // together) + _GAP}}", line.style)
        yield _cut(text.append(line.now), width)


def _cut(text: Text, width: int) -> Text:
    """Broken in two, it would not stand below the others."""
    text.rstrip()
    text.truncate(width, overflow="ellipsis")
    return text


def _lines(course: CourseView) -> Iterator[_Line]:
    weight = "" if course.weight is None else f"{course.weight} %"
    yield _Line(name="share of the requests", points=course.weights, now=weight)
    for gate in course.gates:
        yield from _gate(gate)


def _gate(gate: GateCourseView) -> Iterator[_Line]:
    yield _Line(name=gate.title, verdicts=gate.verdicts, now=gate.verdict, style=_STYLES.get(gate.verdict, ""))
    for each in gate.bounds:
        bound = each.bound
        style, is_harm = _STYLES.get(bound.decides, ""), bound.decides == "fail"
        yield _Line(name=f"  {bound.name}", points=each.points, peaks=is_harm, now=bound.standing, style=style)


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
