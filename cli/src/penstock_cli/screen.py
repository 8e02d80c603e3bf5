"""A rollout on a screen, as wide as the screen is."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penstock_cli.ages import age
from penstock_cli.columns import WIDE, Row, grid, lay_out
from penstock_cli.course_screen import course_lines
from penstock_cli.gates import GateView
from penstock_cli.rollout_view import EventView, RevisionView, RolloutView
from penstock_cli.steps import COMING, CURRENT, DONE, StepView

_INDENT, _GAP = 2, "  "
_MOST_BESIDE = 44
"""Characters of figures that stand beside a verdict."""
_PHASES = {"Healthy": "green", "Degraded": "red", "RollingBack": "red", "Paused": "yellow"}
_VERDICTS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "magenta"}
_MARKS = {DONE: ("✓", "green"), CURRENT: ("▶", "bold"), COMING: ("·", "dim")}
_GOOD = {
    ("Ready", "True"),
    ("Stalled", "False"),
    ("RegistryReachable", "True"),
    ("ChildrenApplied", "True"),
    ("DriftDetected", "False"),
    ("MonitorReachable", "True"),
    ("MeasurementsAvailable", "True"),
}


def screen(rollout: RolloutView, now: datetime, width: int) -> RenderableType:
    """All of it. `width`: columns."""
    wide = width >= WIDE
    return Group(
        *_head(rollout),
        *_part("revisions", [_revisions(rollout.revisions, now, wide)] if rollout.revisions else []),
        *_part("steps", list(_steps(rollout.steps, width - _INDENT))),
        *_part("gates", list(_gates(rollout.gates, wide))),
        *_part("course", list(course_lines(rollout.course, width - _INDENT)) if rollout.course else []),
        *_part("conditions", list(_conditions(rollout, now, wide))),
        *_part("events", list(_events(rollout.events, now, wide))),
        *(Text(problem, "yellow") for problem in rollout.problems),
    )


def _head(rollout: RolloutView) -> Iterator[RenderableType]:
    title = Text.assemble(
        (f"{rollout.namespace}/{rollout.name}", "bold"), "  ", (rollout.phase, _PHASES.get(rollout.phase, "cyan"))
    )
    yield title.append(f"  attempt {rollout.attempt}" if rollout.attempt else "").append(f"  {rollout.model}", "dim")
    if rollout.url:
        yield Text(rollout.url, "dim")
    if rollout.message:
        yield Text(rollout.message)
    if rollout.refused and rollout.refused not in rollout.message:
        yield Text(rollout.refused, "red")
    if rollout.behind:
        yield Text("the spec was changed; the controller has not looked at that yet", "yellow")
    if rollout.next:
        yield Text(f"to go on: {rollout.next}", "yellow")


def _part(title: str, content: list[RenderableType]) -> Iterable[RenderableType]:
    if not content:
        return ()
    return (Text(), Text(title.upper(), "dim"), *(Padding(each, (0, 0, 0, _INDENT)) for each in content))


def _revisions(revisions: Iterable[RevisionView], now: datetime, wide: bool) -> Table:
    table = grid("", "version", "revision", "requests", "pods", "since", *(["digest"] if wide else []))
    for each in revisions:
        digest = [each.digest] if wide else []
        pods = "?" if each.ready is None else f"{each.ready}/{each.pods} ready"
        table.add_row(each.role, each.version, each.revision, _share(each), pods, age(each.since, now), *digest)
    return table


def _share(each: RevisionView) -> str:
    share = "?" if each.weight is None else f"{each.weight} %"
    return share + (f", copies of {each.mirror} %" if each.mirror else "")


def _steps(steps: Iterable[StepView], width: int) -> Iterator[Text]:
    """In lines that break between steps, never inside one."""
    line = Text()
    for step in map(_step, steps):
        if line and line.cell_len + len(_GAP) + step.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, _GAP if line else "", step)
    if line:
        yield line


def _step(step: StepView) -> Text:
    mark, style = _MARKS[step.state]
    return Text(f"{mark} {step.text}", style)


def _gates(gates: Iterable[GateView], wide: bool) -> Iterator[RenderableType]:
    yield from lay_out(("", "stage", "verdict", "figures: new / old"), list(map(_gate, gates)), wide)


def _gate(gate: GateView) -> Row:
    """Many figures stand with the sentence: beside it there is no room for them."""
    figures, verdict = gate.figures_text, Text(gate.verdict, _VERDICTS.get(gate.verdict, ""))
    has_room = len(figures) <= _MOST_BESIDE
    sentence = gate.message if has_room else f"{gate.message}\n{figures}"
    return Row((Text(gate.name), Text(gate.stage), verdict, Text(figures if has_room else "")), sentence)


def _conditions(rollout: RolloutView, now: datetime, wide: bool) -> Iterator[RenderableType]:
    rows = [
        Row(
            (
                Text(each.type),
                Text(each.status, "green" if (each.type, each.status) in _GOOD else "yellow"),
                Text(each.reason),
                Text(age(each.since, now)),
            ),
            # What stands at the top already is not said again.
            "" if each.message == rollout.message else each.message,
        )
        for each in rollout.conditions
    ]
    yield from lay_out(("", "status", "reason", "since"), rows, wide)


def _events(events: Iterable[EventView], now: datetime, wide: bool) -> Iterator[RenderableType]:
    rows = [
        Row(
            (
                Text(age(each.at, now)),
                Text(each.reason, "yellow" if each.type == "Warning" else ""),
                Text(f"x{each.count}" if each.count > 1 else ""),
            ),
            each.message,
        )
        for each in events
    ]
    yield from lay_out(("ago", "reason", ""), rows, wide)
