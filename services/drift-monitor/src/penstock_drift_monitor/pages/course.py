"""The course of a model: weights, rows, errors and quality of its versions over time."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from penstock_contracts.drift import DriftWish
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.pages.axes import DEFAULT_SPAN, SPANS, TimeSpan, last_in_slices, round_top, summed_in_slices
from penstock_drift_monitor.pages.chart import (
    STYLES,
    ChartLine,
    Scale,
    drawing,
    figures,
    framed,
    grid_line,
    legend,
    line_shapes,
    stretch,
    upright,
)
from penstock_drift_monitor.pages.markup import Markup, element, joined
from penstock_drift_monitor.pages.table import NOTHING

FIGURES: Final = {
    "roc_auc": "ROC AUC",
    "pr_auc": "Average precision",
    "f1": "F1",
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
}
_SLICES: Final = 96
_TABLE_ROWS: Final = 96
_DECISIONS: Final = 6
_MINUTE: Final = 60.0
_STANDING: Final = frozenset({"Healthy", ""})
_LEAST_TRIES: Final = 0.5
Values = Sequence[float | None]


def moments_of(course: Course) -> list[float]:
    """When something was noted, Unix times: first ones of each series."""
    firsts = (
        course.column_times[:1],
        [each.at for each in course.rollout[:1]],
        [each.since for each in course.rows[:1]],
        [each.since for each in course.tries[:1]],
        [each.at for each in course.quality[:1]],
    )
    return [moment for found in firsts for moment in found]


def choices(chosen: str) -> Markup:
    """Links that choose how much time is shown."""
    here = chosen if chosen in SPANS else DEFAULT_SPAN
    words = {"hour": "Hour", "day": "Day", "week": "Week", "all": "60 days"}
    links = (
        joined(element("a", words[name], href=f"?span={name}", aria_current="true" if name == here else None), " ")
        for name in SPANS
    )
    return element("nav", "Time shown: ", *links, aria_label="Time shown")


def course_section(course: Course, wish: DriftWish, span: TimeSpan, chosen: str, address: str) -> Markup:
    """Show how the versions went. `address`: of the same as JSON."""
    styles = _styles(course, wish)
    charts = (_weights(course, span, styles), _rows(course, span, styles), _errors(course, span, styles))
    quality = _quality(course, span, styles)
    found = [chart for chart in (*charts, quality) if chart is not None]
    return element(
        "section",
        element("h2", "Course"),
        choices(chosen),
        *found,
        None if found else element("p", "Nothing was noted yet."),
        element("p", "Times are UTC. ", element("a", "Course as JSON", href=address), class_="quiet"),
        class_="card",
        aria_label="Course",
    )


def _styles(course: Course, wish: DriftWish) -> dict[str, str]:
    """Which versions are drawn, and how: the same on all charts. Those that the resource names, then the latest."""
    named = [wish.stable.version, *(version.version for version in wish.others)]
    seen = [
        version
        for known in (
            [version for each in reversed(course.rollout) for version in each.weights],
            [version for each in reversed(course.rows) for version in each.rows],
            [version for each in reversed(course.quality) for version in each.versions],
        )
        for version in known
    ]
    chosen = list(dict.fromkeys((*named, *seen)))[: len(STYLES)]
    return dict(zip(chosen, STYLES, strict=False))


def _weights(course: Course, span: TimeSpan, styles: dict[str, str]) -> Markup | None:
    points = course.rollout
    if not points:
        return None
    scale = Scale(0, 100)
    lines = [
        ChartLine(
            name=f"Version {version}",
            style=style,
            steps=[(span.share(each.at), each.weights.get(version)) for each in points if each.at <= span.end],
        )
        for version, style in styles.items()
        if any(version in each.weights for each in points)
    ]
    ends = [*(each.at for each in points[1:]), span.end]
    busy = [
        stretch(span.share(each.at), span.share(end), "busy")
        for each, end in zip(points, ends, strict=True)
        if each.phase not in _STANDING and end > span.begin
    ]
    decided = [
        each
        for each, before in zip(points, [None, *points], strict=False)
        if before is not None and each.decision and each.decision != before.decision and each.at >= span.begin
    ]
    now = ", ".join(f"version {version} {weight} %" for version, weight in points[-1].weights.items())
    shown = [each for each, end in zip(points, ends, strict=True) if end > span.begin][-_TABLE_ROWS:]
    versions = list(dict.fromkeys(version for each in shown for version in each.weights))[: 2 * len(STYLES)]
    rows = [
        (span.written(each.at), each.phase or NOTHING, *(_weight(each.weights.get(version)) for version in versions))
        for each in shown
    ]
    return element(
        "figure",
        element("figcaption", element("h3", "Weights"), "Share of users' requests"),
        framed(
            drawing(
                "weights",
                "Weights of versions over time",
                f"Now {now or 'nothing serves'}. Phase {points[-1].phase or 'not known'}.",
                *busy,
                grid_line(50, scale),
                *(upright(span.share(each.at), "decided") for each in decided),
                line_shapes(lines, scale),
            ),
            span,
            ("100 %", "50 %", "0 %"),
        ),
        legend(lines),
        element("p", "Shaded: the phase was not Healthy. Upright lines: an attempt ended.", class_="quiet"),
        element("ul", *(element("li", f"{span.written(e.at)}: {e.decision}") for e in decided[-_DECISIONS:]))
        if decided
        else None,
        figures(
            "Weights in figures",
            "Weights of versions from each moment on",
            ("From (UTC)", "Phase", *(f"Version {version}" for version in versions)),
            rows,
        ),
    )


def _rows(course: Course, span: TimeSpan, styles: dict[str, str]) -> Markup | None:
    minutes = (span.end - span.begin) / _SLICES / _MINUTE
    rates: dict[str, list[float | None]] = {}
    for version in styles:
        counts = [(each.since, each.until, float(each.rows[version])) for each in course.rows if version in each.rows]
        sums = summed_in_slices(counts, span, _SLICES)
        if any(sums):
            rates[version] = [None if count is None else count / minutes for count in sums]
    if not rates:
        return None
    top = round_top(max(rate for values in rates.values() for rate in values if rate is not None))
    return _sliced(
        "rows",
        "Rows recorded",
        "Rows a minute, copies to a shadow included",
        rates,
        styles,
        span,
        Scale(0, top),
        lambda rate: f"{rate:,.0f}" if top > 10 else f"{rate:.1f}",  # noqa: PLR2004 - below, whole numbers tell nothing
    )


def _errors(course: Course, span: TimeSpan, styles: dict[str, str]) -> Markup | None:
    shares: dict[str, list[float | None]] = {}
    for version in styles:
        counted = [
            (each.since, each.until, each.versions[version]) for each in course.tries if version in each.versions
        ]
        tries = summed_in_slices([(a, b, float(told.tries)) for a, b, told in counted], span, _SLICES)
        failures = summed_in_slices([(a, b, float(told.failures)) for a, b, told in counted], span, _SLICES)
        found = [
            100 * (failed or 0) / count if count is not None and count >= _LEAST_TRIES else None
            for count, failed in zip(tries, failures, strict=True)
        ]
        if any(share is not None for share in found):
            shares[version] = found
    if not shares:
        return None
    top = max(1.0, round_top(max(share for values in shares.values() for share in values if share is not None)))
    return _sliced(
        "errors",
        "Errors",
        "Share of the tries of users' requests that failed; counted while a version is judged",
        shares,
        styles,
        span,
        Scale(0, min(100.0, top)),
        lambda share: f"{share:.3g} %",
    )


def _quality(course: Course, span: TimeSpan, styles: dict[str, str]) -> Markup | None:
    points = course.quality
    figure = next((told.figure for each in reversed(points) for told in each.versions.values()), "")
    times = [each.at for each in points]
    values: dict[str, list[float | None]] = {}
    bands: dict[str, tuple[list[float | None], list[float | None]]] = {}
    for version in styles:
        told = [each.versions.get(version) for each in points]
        kept = [each if each is not None and each.figure == figure else None for each in told]
        found, low, high = (
            last_in_slices(times, [getattr(each, name) if each else None for each in kept], span, _SLICES)
            for name in ("value", "low", "high")
        )
        if any(value is not None for value in found):
            values[version], bands[version] = found, (low, high)
    if not values:
        return None
    # Early bands are as wide as the scale: they are cut off, so that the lines can be told apart.
    every = [value for found in values.values() for value in found if value is not None]
    every += [bound for both in bands.values() for found in both for bound in found[-1:] if bound is not None]
    bottom, top = min(every), max(every)
    room = max((top - bottom) * 0.05, 0.005)
    scale = Scale(max(0.0, bottom - room), top + room if figure == "mae" else min(1.0, top + room))
    return _sliced(
        "quality",
        "Quality",
        f"{FIGURES.get(figure, figure)} from labels; the band is where it lies with 95 %, however often one looks",
        values,
        styles,
        span,
        scale,
        lambda value: f"{value:.3f}",
        bands,
    )


def _sliced(  # noqa: PLR0917 - what a chart is made of
    number: str,
    title: str,
    meaning: str,
    values: dict[str, list[float | None]],
    styles: dict[str, str],
    span: TimeSpan,
    scale: Scale,
    written: Callable[[float], str],
    bands: dict[str, tuple[list[float | None], list[float | None]]] | None = None,
) -> Markup:
    """A chart of which each version has a value in each slice of the time."""
    lines = [
        ChartLine(
            name=f"Version {version}",
            style=styles[version],
            steps=[(place / _SLICES, value) for place, value in enumerate(found)],
            band=[(place / _SLICES, low, high) for place, (low, high) in enumerate(zip(*bands[version], strict=True))]
            if bands
            else (),
        )
        for version, found in values.items()
    ]
    edges = span.slices(_SLICES)
    said = "; ".join(f"version {version} {_last(found, written)}" for version, found in values.items())
    rows = [
        (span.written(edges[place]), *(_cell(version, place, values, bands, written) for version in values))
        for place in range(_SLICES)
        if any(found[place] is not None for found in values.values())
    ]
    middle = (scale.low + scale.high) / 2
    return element(
        "figure",
        element("figcaption", element("h3", title), meaning),
        framed(
            drawing(
                number,
                f"{title} of versions over time",
                f"{meaning}. Last: {said}.",
                grid_line(middle, scale),
                line_shapes(lines, scale),
            ),
            span,
            (written(scale.high), written(middle), written(scale.low)),
        ),
        legend(lines),
        figures(
            f"{title} in figures",
            f"{title}: {meaning}",
            ("From (UTC)", *(line.name for line in lines)),
            rows,
        ),
    )


def _last(values: Values, written: Callable[[float], str]) -> str:
    found = next((value for value in reversed(values) if value is not None), math.nan)
    return written(found)


def _cell(
    version: str,
    place: int,
    values: dict[str, list[float | None]],
    bands: dict[str, tuple[list[float | None], list[float | None]]] | None,
    written: Callable[[float], str],
) -> str:
    value = values[version][place]
    if value is None:
        return NOTHING
    low, high = (bounds[place] for bounds in bands[version]) if bands else (None, None)
    return written(value) if low is None or high is None else f"{written(value)} ({written(low)} to {written(high)})"


def _weight(weight: int | None) -> str:
    return NOTHING if weight is None else f"{weight} %"
