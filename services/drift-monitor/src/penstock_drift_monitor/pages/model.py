import math
from typing import Final

from penstock_contracts.drift import ColumnDrift
from penstock_drift_monitor.pages.fleet import drifting, path, versions
from penstock_drift_monitor.pages.markup import Markup, element, joined
from penstock_drift_monitor.pages.source import WatchedModel
from penstock_drift_monitor.pages.table import moment, number, table, verdict

_HEADS: Final = ("Column", "Verdict", "Test", "Score", "Threshold", "Rows", "Since", "Message")


def model_page(model: WatchedModel) -> Markup:
    """Show one model: its verdict and why, its columns by odds, and where the report is."""
    report = model.report
    address = f"../../v1/reports/{path(model)}"
    columns = sorted(report.columns, key=lambda column: (-_sortable(column.score), column.name))
    return joined(
        element("nav", element("a", "All models", href="../../"), aria_label="Where you are"),
        element("h1", f"{report.namespace}/{report.name}"),
        element("p", verdict(report.verdict), " ", element("b", report.reason.value)),
        element("p", report.message),
        element(
            "section",
            element(
                "dl",
                _fact("Versions", versions(model)),
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
        element(
            "section",
            table("Columns, the highest odds first", _HEADS, map(_row, columns))
            if columns
            else element("p", "No column was judged yet."),
            element(
                "p",
                "A score is the natural logarithm of the odds against “no further from the reference than the margin” "
                f"({model.wish.margin:g}). From the threshold on it is drift.",
                class_="quiet",
            ),
            class_="card",
            aria_label="Columns",
        ),
    )


def _fact(term: str, value: str) -> Markup:
    return element("div", element("dt", term), element("dd", value))


def _row(column: ColumnDrift) -> tuple[str, ...]:
    return (
        column.name,
        verdict(column.verdict),
        column.test,
        _score(column.score),
        _score(column.threshold),
        number(column.rows),
        moment(column.since, "–"),  # noqa: RUF001 - a dash for nothing
        column.message or "–",  # noqa: RUF001 - likewise
    )


def _score(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "none"


def _sortable(score: float) -> float:
    return -math.inf if math.isnan(score) else score
