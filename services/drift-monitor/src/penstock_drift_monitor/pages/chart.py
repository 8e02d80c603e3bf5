"""Charts as inline SVG: shapes only, which stretch to the page's width; what is to be read is HTML beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from penstock_drift_monitor.pages.axes import TimeSpan
from penstock_drift_monitor.pages.markup import Markup, element, joined

STYLES: Final = ("first", "second", "third", "fourth")
"""Classes of lines: each has a colour and a dash of its own."""
_WIDTH, _HEIGHT = 1000.0, 100.0
Steps = Sequence[tuple[float, float | None]]
"""Where a value begins to hold (0 to 1 of the width), and the value; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class ChartLine:
    """One series of a chart."""

    name: str
    style: str
    """One of STYLES."""
    steps: Steps
    band: Sequence[tuple[float, float | None, float | None]] = ()
    """Where bounds begin to hold, and the bounds."""


@dataclass(frozen=True)
class Scale:
    """Of values, from the bottom to the top."""

    low: float
    high: float

    def height(self, value: float) -> float:
        """Where a value lies from the top, in the drawing's units; beyond the scale it lies at its end."""
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT * (1 - min(1.0, max(0.0, share)))


def step_path(steps: Steps, scale: Scale) -> str:
    """Path data of a line that holds each value until the next one, and has gaps where there is none."""
    parts: list[str] = []
    level: float | None = None
    for place, value in steps:
        if value == level:
            continue
        if level is not None:
            parts.append(f"H{_x(place)}")
        if value is not None:
            y = _short(scale.height(value))
            parts.append(f"V{y}" if level is not None else f"M{_x(place)} {y}")
        level = value
    if level is not None:
        parts.append(f"H{_short(_WIDTH)}")
    return "".join(parts)


def band_path(band: Sequence[tuple[float, float | None, float | None]], scale: Scale) -> str:
    """Path data of rectangles between two bounds, each until the next."""
    ends = [*(place for place, _, _ in band[1:]), 1.0]
    return "".join(
        f"M{_x(place)} {_short(scale.height(high))}H{_x(end)}V{_short(scale.height(low))}H{_x(place)}Z"
        for (place, low, high), end in zip(band, ends, strict=True)
        if low is not None and high is not None and end > place
    )


def drawing(number: str, title: str, description: str, *shapes: Markup) -> Markup:
    """One picture for whoever sees it, and its words for who does not. `number`: unique on the page."""
    return element(
        "svg",
        element("title", title, id=f"{number}-title"),
        element("desc", description, id=f"{number}-desc"),
        *shapes,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"{number}-title {number}-desc",
    )


def line_shapes(lines: Iterable[ChartLine], scale: Scale) -> Markup:
    """Draw lines, their bands beneath them."""
    kept = list(lines)
    bands = [element("path", class_=f"band {line.style}", d=band_path(line.band, scale)) for line in kept if line.band]
    return joined(
        *bands, *(element("path", class_=f"line {line.style}", d=step_path(line.steps, scale)) for line in kept)
    )


def grid_line(value: float, scale: Scale, class_: str = "grid") -> Markup:
    """A line across the chart at a value."""
    y = _short(scale.height(value))
    return element("path", class_=class_, d=f"M0 {y}H{_short(_WIDTH)}")


def above(value: float, scale: Scale, class_: str) -> Markup:
    """Colour what lies above a value."""
    return element("path", class_=class_, d=f"M0 0H{_short(_WIDTH)}V{_short(scale.height(value))}H0Z")


def stretch(begin: float, end: float, class_: str) -> Markup:
    """Colour a time from top to bottom; 0 to 1 of the width."""
    return element("path", class_=class_, d=f"M{_x(begin)} 0H{_x(end)}V{_short(_HEIGHT)}H{_x(begin)}Z")


def upright(place: float, class_: str) -> Markup:
    """Mark a moment; 0 to 1 of the width."""
    return element("path", class_=class_, d=f"M{_x(place)} 0V{_short(_HEIGHT)}")


def framed(picture: Markup, span: TimeSpan, marks: Sequence[str]) -> Markup:
    """A picture with what its axes mean: `marks` from the top to the bottom, evenly, and three moments."""
    middle = (span.begin + span.end) / 2
    moments = (element("span", span.written(moment)) for moment in (span.begin, middle, span.end))
    return element(
        "div",
        element("div", *(element("span", mark) for mark in marks), class_="marks", aria_hidden="true"),
        element("div", picture, class_="drawn"),
        element("div", *moments, class_="moments", aria_hidden="true"),
        class_="plot",
    )


def legend(lines: Iterable[ChartLine]) -> Markup:
    """What each line is, with what it looks like."""
    return element(
        "ul",
        *(
            element(
                "li",
                element(
                    "svg",
                    element("path", class_=f"line {line.style}", d="M0 5H32"),
                    viewBox="0 0 32 10",
                    class_="key",
                    aria_hidden="true",
                ),
                line.name,
            )
            for line in lines
        ),
        class_="legend",
    )


def figures(summary: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """The same in figures, for who asks for them: a table that scrolls in itself where it is wide."""
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    body = (
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    )
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="figures",
    )
    scrolls = element("div", whole, class_="scrolls", role="region", aria_label=caption, tabindex="0")
    return element("details", element("summary", summary), scrolls)


def _x(place: float) -> str:
    return _short(_WIDTH * place)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
