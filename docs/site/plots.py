"""Draws tables of docs/performance.md as bars, so that a figure stands in one place. Run by `make generate`.

python docs/site/plots.py FOLDER
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

PAGE = Path(__file__).resolve().parents[1] / "performance.md"
WIDTH, LABELS, NUMBERS, BAR, ROW_GAP, EDGE = 680, 220, 70, 16, 14, 16
COLOURS = ("#4f46e5", "#a5b4fc")
STYLE = (
    "text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #1e293b; }"
    " .label { text-anchor: end; } .ground { fill: #f8fafc; }"
)
_NUMBER = re.compile(r"\d[\d,]*")


@dataclass(frozen=True, kw_only=True)
class BarPlot:
    """Bars for some columns of a table."""

    file: str
    table: str
    """The header of the table's first column."""
    column: int
    series: tuple[str, ...]
    """What each number of that column's cells is, in the legend."""


PLOTS = (
    BarPlot(file="performance-predictor.svg", table="load", column=1, series=("requests a second",)),
    BarPlot(file="performance-rollback.svg", table="its failures", column=1, series=("tries, median", "tries, 95 %")),
)


def rows_of(page: str, plot: BarPlot) -> list[tuple[str, list[int]]]:
    """Label and numbers of each row. Raises ValueError where the page has no such table, or a row lacks a number."""
    tables = page.split(f"\n| {plot.table} |")
    if len(tables) != 2:  # noqa: PLR2004 - before and after its header
        raise ValueError(f"{PAGE.name}: one table begins with the column {plot.table!r}, not {len(tables) - 1}")
    lines = tables[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [(row[0], [int(found.replace(",", "")) for found in _NUMBER.findall(row[plot.column])]) for row in cells]
    short = [label for label, numbers in rows if len(numbers) != len(plot.series)]
    if short:
        raise ValueError(f"{PAGE.name}: {short[0]!r} has not the numbers {', '.join(plot.series)}")
    return rows


def drawn(plot: BarPlot, rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    """The picture."""
    bars = len(plot.series)
    height = 2 * EDGE + 24 + len(rows) * (bars * BAR + ROW_GAP)
    room = WIDTH - LABELS - NUMBERS - 2 * EDGE
    scale = room / max(number for _, numbers in rows for number in numbers)
    shapes = [*_legend(plot)]
    for at, (label, numbers) in enumerate(rows):
        top = EDGE + 30 + at * (bars * BAR + ROW_GAP)
        middle = top + bars * BAR / 2 + 4.5
        shapes.append(f'<text class="label" x="{LABELS}" y="{middle:g}">{escape(label)}</text>')
        shapes += [_bar(top + each * BAR, number, number * scale, each) for each, number in enumerate(numbers)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    ground = f'<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", ground, *shapes, "</svg>", ""])


def _legend(plot: BarPlot) -> Iterator[str]:
    for at, name in enumerate(plot.series):
        x = LABELS + 10 + at * 150
        yield f'<rect x="{x}" y="{EDGE}" width="12" height="12" fill="{COLOURS[at]}"/>'
        yield f'<text x="{x + 18}" y="{EDGE + 11}">{escape(name)}</text>'


def _bar(top: float, number: int, length: float, series: int) -> str:
    x, height = LABELS + 10, BAR - 2
    bar = f'<rect x="{x}" y="{top:g}" width="{length:.1f}" height="{height}" fill="{COLOURS[series]}"/>'
    return f'{bar}<text x="{x + length + 6:.1f}" y="{top + height - 2:g}">{number:,}</text>'


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    page = PAGE.read_text()
    for plot in PLOTS:
        (folder / plot.file).write_text(drawn(plot, rows_of(page, plot)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
