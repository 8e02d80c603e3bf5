from collections.abc import Iterable, Sequence
from typing import Final

from penstock_contracts.drift import DriftVerdict
from penstock_drift_monitor.pages.markup import Markup, element

NOTHING: Final = "–"  # noqa: RUF001 - a dash


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Build a table of which a row's first cell is its heading.

    On a narrow screen the style lays cells below one another; the roles keep it a table for who does not see it.
    """
    head = element("tr", *(element("th", text, scope="col", role="columnheader") for text in heads), role="row")
    return element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", *(_row(heads, row) for row in rows), role="rowgroup"),
        role="table",
    )


def verdict(value: DriftVerdict) -> Markup:
    """Build a verdict: a word, and a colour that says no more than it."""
    words = {
        DriftVerdict.DRIFT: "Drift",
        DriftVerdict.NO_DRIFT: "No drift",
        DriftVerdict.INCONCLUSIVE: "Inconclusive",
        DriftVerdict.ERROR: "Error",
    }
    return element("span", words[value], class_=f"verdict {value.value}")


def number(value: int) -> str:
    """Write a count."""
    return f"{value:,}"


def moment(value: str | None, otherwise: str) -> Markup:
    """Write a time."""
    return element("span", otherwise) if value is None else element("time", value, datetime=value)


def _row(heads: Sequence[str], cells: Sequence[str]) -> Markup:
    first, *others = cells
    return element(
        "tr",
        element("th", first, scope="row", role="rowheader"),
        *(element("td", cell, role="cell", data_label=head) for head, cell in zip(heads[1:], others, strict=True)),
        role="row",
    )
