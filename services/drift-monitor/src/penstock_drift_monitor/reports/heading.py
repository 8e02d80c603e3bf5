"""What stands above Evidently's part of a report: our verdict in our words, which needs no script."""

from html import escape
from typing import Final

from penstock_contracts.drift import ColumnDrift
from penstock_drift_monitor.reports.look_alikes import look_alike
from penstock_drift_monitor.reports.order import Selection
from penstock_drift_monitor.reports.specification import ReportJob

_STYLE: Final = (
    ".penstock{max-width:76rem;margin:0 auto;padding:1.5rem;font:1rem/1.5 system-ui,sans-serif;background:#fff;"
    "color:#17202b;overflow-wrap:anywhere}.penstock h1{font-size:1.5rem;margin:0 0 .5rem}.penstock table{border-"
    "collapse:collapse;font-size:.875rem}.penstock caption{text-align:left;font-weight:650;padding:.5rem 0}.penstock th"
    ",.penstock td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d7dde4;vertical-align:top}"
    ".penstock div{overflow-x:auto}"
)
_ABOUT_SCORES: Final = (
    "<p>Scores are natural logarithms of the odds against “no further from the reference than the margin”. "
    "Penstock decides; the figures below explain.</p>"
)


def headed(page: bytes, job: ReportJob, selection: Selection) -> bytes:
    """Give Evidently's page a title and our verdicts."""
    title = escape(look_alike(job.title))
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{_verdict(job)}: {escape(job.message)}</p>",
        *(f"<p>{escape(note)}</p>" for note in selection.notes),
        _ABOUT_SCORES,
        '<div tabindex="0" role="region" aria-label="Columns"><table><caption>Columns</caption><thead><tr>',
        *(f'<th scope="col">{name}</th>' for name in ("Column", "Verdict", "Test", "Score", "Threshold", "Shown")),
        "</tr></thead><tbody>",
        *(_row(column, selection) for column in job.columns),
        "</tbody></table></div>",
    ]
    body = f'<style>{_STYLE}</style><header class="penstock">{"".join(parts)}</header>'.encode()
    head = f"<title>{title}</title>".encode()
    return page.replace(b"<head>", b"<head>" + head, 1).replace(b"<body>", b"<body>" + body, 1)


def _verdict(job: ReportJob) -> str:
    match job.dataset_drift:
        case True:
            return "The data set drifted"
        case False:
            return "The data set did not drift"
        case None:
            return "Whether the data set drifted cannot be said"


def _row(column: ColumnDrift, selection: Selection) -> str:
    name = look_alike(column.name)
    cells = (
        column.verdict.value,
        column.test,
        f"{column.score:.2f}",
        f"{column.threshold:.2f}",
        _shown(name, selection.shown.get(column.name)) or selection.left_out.get(column.name, "no"),
    )
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def _shown(name: str, shown: str | None) -> str:
    if shown is None:
        return ""
    return "yes" if shown == name else f"as {shown}"
