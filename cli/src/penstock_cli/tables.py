"""Many resources, and a resource's past, as tables."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from penstock_cli.ages import age
from penstock_cli.picture import Picture, RevisionView

Object = Mapping[str, Any]

_WIDE = 120


def _plain(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def resources(pictures: Iterable[Picture], width: int, *, with_namespace: bool) -> Table:
    """One line each. `width`: columns; with enough of them, each says what it waits for."""
    wide = width >= _WIDE
    first = ["NAMESPACE"] if with_namespace else []
    table = _plain(*first, "NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP")
    if wide:
        table.add_column("MESSAGE", overflow="ellipsis", no_wrap=True)
    for each in pictures:
        candidate = _in(each, "candidate")
        table.add_row(
            *([each.namespace] if with_namespace else []),
            each.name,
            each.phase,
            _version(_in(each, "stable")),
            _version(candidate),
            "" if candidate is None or candidate.weight is None else f"{candidate.weight} %",
            _step(each),
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


def history(records: Iterable[Object], now: datetime) -> Table:
    """How attempts ended, newest first, with each gate's numbers."""
    table = _plain("ATTEMPT", "VERSION", "REVISION", "COMPLETION", "REASON", "ENDED")
    table.add_column("WHY", overflow="fold", min_width=20)
    for record in records:
        table.add_row(
            str(record["attempt"]),
            record["version"],
            record["revision"],
            record["completion"],
            record["reason"] if record["reason"] != record["completion"] else "",
            age(record["endedAt"], now),
            Text(record["message"]),
        )
    return table
