"""Columns of a model: those that need somebody first, each with its course, a page at a time."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.pages.axes import TimeSpan, highest_in_slices
from penstock_drift_monitor.pages.chart import Scale, above, drawing, figures, grid_line, step_path
from penstock_drift_monitor.pages.markup import Markup, element, joined
from penstock_drift_monitor.pages.table import NOTHING, moment, number, table, verdict

ON_A_PAGE: Final = 48
"""Columns that are drawn and listed at once: a page stays small however many there are."""
_SLICES: Final = 48
_HEADS: Final = ("Column", "Verdict", "Test", "Score", "Threshold", "Rows", "Since", "Message")
_SCALE: Final = Scale(0.0, 1.8)
"""In thresholds; the same for all columns, so that they compare. A score rises little further."""


def by_urgency(columns: Iterable[ColumnDrift]) -> list[ColumnDrift]:
    """Columns that drift first, then by score."""
    return sorted(
        columns,
        key=lambda column: (column.verdict is not DriftVerdict.DRIFT, -_sortable(column.score), column.name),
    )


def page_of(columns: Iterable[ColumnDrift], page: int) -> list[ColumnDrift]:
    """Columns of a page, the first is 1; beyond the last page: those of the last."""
    ordered = by_urgency(columns)
    last = max(1, math.ceil(len(ordered) / ON_A_PAGE))
    begin = (min(page, last) - 1) * ON_A_PAGE
    return ordered[begin : begin + ON_A_PAGE]


def columns_section(
    shown: Sequence[ColumnDrift], total: int, course: Course, span: TimeSpan, *, margin: float, turning: Markup
) -> Markup:
    """Show columns: their courses, then all that is known of them now. `turning`: links to the other pages."""
    drawn = [column for column in shown if any(score is not None for score in course.columns.get(column.name, ()))]
    return element(
        "section",
        element("h2", "Columns"),
        turning,
        element("ul", *(_card(place, column, course, span) for place, column in enumerate(drawn)), class_="columns")
        if drawn
        else None,
        element(
            "p",
            "A chart shows the score as a part of its threshold: the dashed line is the threshold, and above it is "
            "drift. Of a longer time each point has the highest.",
            class_="quiet",
        )
        if drawn
        else None,
        table("Columns that drift first, then by odds", _HEADS, map(_row, shown))
        if total
        else element("p", "No column was judged yet."),
        turning if total > ON_A_PAGE else None,
        element(
            "p",
            "A score is the natural logarithm of the odds against “no further from the reference than the margin” "
            f"({margin:g}). From the threshold on it is drift.",
            class_="quiet",
        ),
        class_="card",
        aria_label="Columns",
    )


def _card(place: int, column: ColumnDrift, course: Course, span: TimeSpan) -> Markup:
    scores = highest_in_slices(course.column_times, course.columns[column.name], span, _SLICES)
    edges = span.slices(_SLICES)
    known = [score for score in scores if score is not None]
    said = f"now {_part(scores[-1])}, highest {_part(max(known, default=None))}"
    steps = [(index / _SLICES, score) for index, score in enumerate(scores)]
    changes = [
        (span.written(edge), _part(score))
        for edge, score, before in zip(edges, scores, [None, *scores], strict=False)
        if score != before
    ]
    return element(
        "li",
        element("h3", column.name),
        element("p", verdict(column.verdict), " ", column.test, class_="facts"),
        element(
            "div",
            drawing(
                f"column-{place}",
                f"Score of {column.name}",
                f"{said} of the threshold, from {span.written(span.begin)} to {span.written(span.end)} UTC.",
                above(1.0, _SCALE, "beyond"),
                element("path", class_="line first", d=step_path(steps, _SCALE)),
                grid_line(1.0, _SCALE, "threshold"),
            ),
            element("span", "threshold", class_="threshold-name", aria_hidden="true"),
            class_="small",
        ),
        element(
            "div",
            *(element("span", span.written(at)) for at in (span.begin, span.end)),
            class_="moments",
            aria_hidden="true",
        ),
        element("p", said, class_="quiet"),
        figures(
            "Figures",
            f"Score of {column.name} as a part of its threshold",
            ("From (UTC)", "Highest"),
            changes,
        ),
    )


def turning(total: int, page: int, address: str) -> Markup:
    """Links to the pages before and after; nothing where there is one page. `address`: up to the number."""
    last = max(1, math.ceil(total / ON_A_PAGE))
    if last == 1:
        return joined()
    here = min(page, last)
    begin = (here - 1) * ON_A_PAGE
    return element(
        "nav",
        f"Columns {begin + 1:,} to {min(total, begin + ON_A_PAGE):,} of {total:,}. ",
        *(
            joined(element("a", word, href=f"{address}{target}"), " ")
            for word, target in (("First", 1), ("Previous", here - 1), ("Next", here + 1), ("Last", last))
            if 1 <= target <= last and target != here
        ),
        aria_label="Pages of columns",
    )


def _row(column: ColumnDrift) -> tuple[str, ...]:
    return (
        column.name,
        verdict(column.verdict),
        column.test,
        _score(column.score),
        _score(column.threshold),
        number(column.rows),
        moment(column.since, NOTHING),
        column.message or NOTHING,
    )


def _part(score: float | None) -> str:
    return "not judged" if score is None else f"{score:.2f}"


def _score(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "none"


def _sortable(score: float) -> float:
    return -math.inf if math.isnan(score) else score
