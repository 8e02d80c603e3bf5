"""Many resources, and a resource's past, as tables."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penstock_cli.ages import age
from penstock_cli.columns import WIDE, Row, grid, lay_out
from penstock_cli.course import CourseView
from penstock_cli.course_screen import course_lines
from penstock_cli.rollout_view import RevisionView, RolloutView
from penstock_cli.steps import DONE
from penstock_contracts.api.status import DecisionRecord


def rollout_table(rollouts: Iterable[RolloutView], width: int, *, with_namespace: bool) -> Table:
    """One line each. `width`: columns; with enough of them, each says what it waits for."""
    wide = width >= WIDE
    first = ["NAMESPACE"] if with_namespace else []
    table = grid(*first, "NAME", "READY", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "REASON")
    if wide:
        table.expand = True
        table.add_column("MESSAGE", overflow="ellipsis", no_wrap=True, ratio=1)
    for each in rollouts:
        candidate = _in_role(each, "candidate")
        table.add_row(
            *([each.namespace] if with_namespace else []),
            each.name,
            each.ready,
            _version(_in_role(each, "stable")),
            _version(candidate),
            "" if candidate is None or candidate.weight is None else f"{candidate.weight} %",
            _step(each),
            each.reason or each.phase,
            *([Text(each.message)] if wide else []),
        )
    return table


def _in_role(rollout: RolloutView, role: str) -> RevisionView | None:
    return next((each for each in rollout.revisions if each.role == role), None)


def _version(revision: RevisionView | None) -> str:
    return revision.version if revision else ""


def _step(rollout: RolloutView) -> str:
    if not rollout.steps:
        return ""
    done = sum(step.state == DONE for step in rollout.steps)
    return f"{min(done + 1, len(rollout.steps))}/{len(rollout.steps)}"


def history_table(
    records: Iterable[DecisionRecord], now: datetime, width: int, course: CourseView | None = None
) -> RenderableType:
    """How attempts ended, newest first. `course`: how the gates of the last one went. `width`: columns."""
    headings = ("ATTEMPT", "VERSION", "REVISION", "COMPLETION", "REASON", "ENDED")
    drawn = (Text(), *course_lines(course, width)) if course else ()
    return Group(*lay_out(headings, [_record(record, now) for record in records], width >= WIDE), *drawn)


def _record(record: DecisionRecord, now: datetime) -> Row:
    cells = (
        str(record.attempt),
        record.version,
        record.revision,
        record.completion,
        record.reason,
        age(record.ended_at, now),
    )
    return Row(tuple(map(Text, cells)), record.message)
