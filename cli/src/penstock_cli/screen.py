"""A picture on a screen, as wide as the screen is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penstock_cli.ages import age
from penstock_cli.picture import ConditionView, EventView, GateView, Picture, RevisionView
from penstock_cli.steps import COMING, CURRENT, DONE, StepView

WIDE = 120
"""Columns from which sentences stand beside what they are about, and not below it."""
_PHASES = {"Healthy": "green", "Degraded": "red", "RollingBack": "red", "Paused": "yellow"}
_VERDICTS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "magenta"}
_MARKS = {DONE: ("✓ ", "green"), CURRENT: ("▶ ", "bold"), COMING: ("· ", "dim")}
_GOOD = {("Ready", "True"), ("Stalled", "False"), ("RegistryReachable", "True")}


def screen(picture: Picture, now: datetime, width: int) -> RenderableType:
    """All of it. `width`: columns."""
    wide = width >= WIDE
    return Group(
        *_head(picture),
        *_part("revisions", [_revisions(picture.revisions, now, wide)] if picture.revisions else []),
        *_part("steps", [_steps(picture.steps)] if picture.steps else []),
        *_part("gates", list(_gates(picture.gates, wide))),
        *_part("conditions", list(_conditions(picture.conditions, now, wide))),
        *_part("events", list(_events(picture.events, now, wide))),
        *(Text(problem, "yellow") for problem in picture.problems),
    )


def _head(picture: Picture) -> Iterator[RenderableType]:
    title = Text.assemble(
        (f"{picture.namespace}/{picture.name}", "bold"), "  ", (picture.phase, _PHASES.get(picture.phase, "cyan"))
    )
    yield title.append(f"  attempt {picture.attempt}" if picture.attempt else "").append(f"  {picture.model}", "dim")
    if picture.url:
        yield Text(picture.url, "dim")
    if picture.message:
        yield Text(picture.message)
    if picture.refused and picture.refused not in picture.message:
        yield Text(picture.refused, "red")
    if picture.behind:
        yield Text("the spec was changed; the controller has not looked at that yet", "yellow")
    if picture.next:
        yield Text(f"to go on: {picture.next}", "yellow")


def _part(title: str, content: list[RenderableType]) -> Iterable[RenderableType]:
    if not content:
        return ()
    return (Text(), Text(title.upper(), "dim"), *(Padding(each, (0, 0, 0, 2)) for each in content))


def _grid(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(headings))
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _revisions(revisions: Iterable[RevisionView], now: datetime, wide: bool) -> Table:
    table = _grid("", "version", "revision", "requests", "pods", "since", *(["digest"] if wide else []))
    for each in revisions:
        digest = [each.digest] if wide else []
        pods = "?" if each.ready is None else f"{each.ready}/{each.pods} ready"
        table.add_row(each.role, each.version, each.revision, _share(each), pods, age(each.since, now), *digest)
    return table


def _share(each: RevisionView) -> str:
    share = "?" if each.weight is None else f"{each.weight} %"
    return share + (f", copies of {each.mirror} %" if each.mirror else "")


def _steps(steps: Iterable[StepView]) -> Text:
    """Wrapped between steps, never inside one."""
    parts = [
        Text(_MARKS[step.state][0] + step.text.replace(" ", "\N{NO-BREAK SPACE}"), _MARKS[step.state][1])
        for step in steps
    ]
    return Text("  ").join(parts)


def _gates(gates: Iterable[GateView], wide: bool) -> Iterator[RenderableType]:
    rows = [
        _Row(
            (
                Text(gate.name),
                Text(gate.stage),
                Text(gate.verdict, _VERDICTS.get(gate.verdict, "")),
                Text(f"{gate.failures} of {gate.tries}"),
                Text(f"{gate.stable_failures} of {gate.stable_tries}"),
            ),
            gate.message,
        )
        for gate in gates
    ]
    yield from _told(("", "stage", "verdict", "new failed", "old failed"), rows, wide)


def _conditions(conditions: Iterable[ConditionView], now: datetime, wide: bool) -> Iterator[RenderableType]:
    rows = [
        _Row(
            (
                Text(each.type),
                Text(each.status, "green" if (each.type, each.status) in _GOOD else "yellow"),
                Text(each.reason),
                Text(age(each.since, now)),
            ),
            each.message,
        )
        for each in conditions
    ]
    yield from _told(("", "status", "reason", "since"), rows, wide)


def _events(events: Iterable[EventView], now: datetime, wide: bool) -> Iterator[RenderableType]:
    rows = [
        _Row(
            (
                Text(age(each.at, now)),
                Text(each.reason, "yellow" if each.type == "Warning" else ""),
                Text(f"x{each.count}" if each.count > 1 else ""),
            ),
            each.message,
        )
        for each in events
    ]
    yield from _told(("ago", "reason", ""), rows, wide)


@dataclass(frozen=True)
class _Row:
    """Cells, and a sentence about them."""

    cells: tuple[Text, ...]
    sentence: str


def _told(headings: tuple[str, ...], rows: list[_Row], wide: bool) -> Iterator[RenderableType]:
    """Cells in columns; the sentence beside them where there is room, else below."""
    if not rows:
        return
    if wide:
        yield _beside(headings, rows)
    else:
        yield from _below(headings, rows)


def _beside(headings: tuple[str, ...], rows: list[_Row]) -> Table:
    table = _grid(*headings)
    table.add_column("", overflow="fold")
    for row in rows:
        table.add_row(*row.cells, Text(row.sentence))
    return table


def _below(headings: tuple[str, ...], rows: list[_Row]) -> Iterator[RenderableType]:
    widths = [
        max(map(cell_len, column)) for column in zip(headings, *(map(str, row.cells) for row in rows), strict=True)
    ]
    yield _line(tuple(Text(heading, "dim") for heading in headings), widths)
    for row in rows:
        yield _line(row.cells, widths)
        if row.sentence:
            yield Padding(Text(row.sentence), (0, 0, 0, 4))


def _line(cells: tuple[Text, ...], widths: list[int]) -> Text:
    padded = [cell.copy() for cell in cells]
    for cell, width in zip(padded, widths, strict=True):
        cell.truncate(width, pad=True)
    line = Text("  ").join(padded)
    line.rstrip()
    return line
