"""Cells in columns, each row with a sentence: beside it where the screen is wide, else below."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDE = 120
"""Columns of a screen from which sentences stand beside what they are about."""


def grid(*headings: str) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(headings))
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


@dataclass(frozen=True)
class Row:
    """Cells, and a sentence about them."""

    cells: tuple[Text, ...]
    sentence: str


def lay_out(headings: tuple[str, ...], rows: list[Row], wide: bool) -> Iterator[RenderableType]:
    """Cells in columns; the sentence beside them where there is room, else below."""
    if not rows:
        return
    if wide:
        yield _beside(headings, rows)
    else:
        yield from _below(headings, rows)


def _beside(headings: tuple[str, ...], rows: list[Row]) -> Table:
    table = grid(*headings)
    table.add_column("", overflow="fold")
    for row in rows:
        table.add_row(*row.cells, Text(row.sentence))
    return table


def _below(headings: tuple[str, ...], rows: list[Row]) -> Iterator[RenderableType]:
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
