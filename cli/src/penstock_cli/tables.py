"""Many resources, and a resource's past, as tables."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penstock_cli.ages import age
from penstock_cli.columns import WIDE, Row, grid, told
from penstock_cli.picture import Picture, RevisionView

Object = Mapping[str, Any]


def resources(pictures: Iterable[Picture], width: int, *, with_namespace: bool) -> Table:
    """One line each. `width`: columns; with enough of them, each says what it waits for."""
    wide = width >= WIDE
    first = ["NAMESPACE"] if with_namespace else []
    table = grid(*first, "NAME", "READY", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "REASON")
    if wide:
        table.expand = True
        table.add_column("MESSAGE", overflow="ellipsis", no_wrap=True, ratio=1)
    for each in pictures:
        candidate = _in(each, "candidate")
        table.add_row(
            *([each.namespace] if with_namespace else []),
            each.name,
            each.ready,
            _version(_in(each, "stable")),
            _version(candidate),
            "" if candidate is None or candidate.weight is None else f"{candidate.weight} %",
            _step(each),
            each.reason or each.phase,
            *([Text(each.message)] if wide else []),
        )
    return table


def _in(picture: Picture, role: str) -> RevisionView | None:
    return next((each for each in picture.revisions if each.role == role), None)


def _version(revision: RevisionView | None) -> str:
    return revision.version if revision else ""


def _step(picture: Picture) -> str:
    if not picture.steps:
        return ""
    done = sum(step.state == "done" for step in picture.steps)
    return f"{min(done + 1, len(picture.steps))}/{len(picture.steps)}"


def history(records: Iterable[Object], now: datetime, width: int) -> RenderableType:
    """How attempts ended, newest first. `width`: columns."""
    headings = ("ATTEMPT", "VERSION", "REVISION", "COMPLETION", "REASON", "ENDED")
    return Group(*told(headings, [_record(record, now) for record in records], width >= WIDE))


def _record(record: Object, now: datetime) -> Row:
    cells = (
        str(record["attempt"]),
        record["version"],
        record["revision"],
        record["completion"],
        record["reason"],
        age(record["endedAt"], now),
    )
    return Row(tuple(map(Text, cells)), record["message"])
