from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from penstock_contracts.drift import ColumnDrift
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.pages.axes import DEFAULT_SPAN, TimeSpan
from penstock_drift_monitor.pages.columns import columns_section, turning
from penstock_drift_monitor.pages.course import FIGURES, course_section, moments_of
from penstock_drift_monitor.pages.fleet import drifting, path, versions
from penstock_drift_monitor.pages.markup import Markup, element, joined
from penstock_drift_monitor.pages.skew import skew_section
from penstock_drift_monitor.pages.source import WatchedModel
from penstock_drift_monitor.pages.table import NOTHING, moment, number, table, verdict


@dataclass(frozen=True, kw_only=True)
class View:
    """What of a model's page a person looks at."""

    now: float
    """Unix time."""
    span: str = DEFAULT_SPAN
    """A word of axes.SPANS; another one is the default."""
    page: int = 1
    """Of the columns."""


def model_page(
    model: WatchedModel, quality: QualityReport, course: Course, shown: Sequence[ColumnDrift], view: View
) -> Markup:
    """Show one model: its verdict and why, its course, live quality, columns, and where the report is.

    `shown`: the columns of `view`'s page, of which the course has the scores.
    """
    report = model.report
    address = f"../../v1/reports/{path(model)}"
    span = TimeSpan.of(view.span, moments_of(course), view.now)
    return joined(
        element("nav", element("a", "All models", href="../../"), aria_label="Where you are"),
        element("h1", f"{report.namespace}/{report.name}"),
        element("p", verdict(report.verdict), " ", element("b", report.reason.value)),
        element("p", report.message),
        element(
            "section",
            element(
                "dl",
                _fact("Phase", model.wish.rollout.phase or NOTHING),
                _fact("Versions", versions(model)),
                _fact("Last decision", model.wish.rollout.decision or NOTHING),
                _fact("Columns", drifting(model)),
                _fact("Rows judged", number(report.rows)),
                _fact("Reference rows", number(report.reference_rows)),
                _fact("Rows dropped", number(report.dropped)),
                _fact("Window from", moment(report.window_from, "no row yet")),
                _fact("Window to", moment(report.window_to, "no row yet")),
                _fact("Last record", moment(model.last_record, "never")),
            ),
            element(
                "ul",
                element("li", element("a", "Report with plots", href=address)),
                element("li", element("a", "Report as JSON", href=f"{address}.json")),
                class_="links",
            ),
            element("p", "A report is made when it is asked for: that takes about half a minute.", class_="quiet"),
            class_="card",
            aria_label="Facts",
        ),
        course_section(course, model.wish, span, view.span, f"../../v1/courses/{path(model)}")
        if moments_of(course)
        else None,
        _quality(quality),
        skew_section(report.skew) if report.skew else None,
        columns_section(
            shown,
            len(report.columns),
            course,
            span,
            margin=model.wish.margin,
            turning=turning(len(report.columns), view.page, f"?span={quote(view.span)}&page="),
        ),
    )


def _quality(quality: QualityReport) -> Markup:
    """Figures of each version that has labels: those that its task has."""
    labelled = [version for version in quality.versions if version.labelled]
    if not labelled:
        said = "No labels came yet: send the truth to /v1/labels, with the x-request-id of each answer."
        return element("section", element("p", said), class_="card", aria_label="Live quality")
    figures = [name for name in FIGURES if any(getattr(version, name) is not None for version in labelled)]
    heads = ("Version", "Labelled", "Coverage", *(FIGURES[name] for name in figures), "Message")
    rows = (
        (
            version.version,
            number(version.labelled),
            _share(version.coverage),
            *(_figure(getattr(version, name)) for name in figures),
            version.message or NOTHING,
        )
        for version in labelled
    )
    parts = [table("Live quality, from labels", heads, rows)]
    differences = [each for each in quality.differences if each.low is not None and each.high is not None]
    if differences:
        heads = ("Figure", "Version", "Than", "Rows", "Differs by", "From", "To")
        compared = (
            (
                FIGURES.get(each.figure, each.figure),
                each.other,
                each.stable,
                number(each.rows),
                _figure(each.mean),
                _figure(each.low),
                _figure(each.high),
            )
            for each in differences
        )
        parts.append(table("Versions on the same rows", heads, compared))
        said = f"Between “from” and “to” it lies with {differences[0].confidence:.0%}, however often one looks."
        parts.append(element("p", said, class_="quiet"))
    return element("section", *parts, class_="card", aria_label="Live quality")


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _fact(term: str, value: str) -> Markup:
    return element("div", element("dt", term), element("dd", value))
