"""What every page of ours has: a head, one style, and headers that forbid all else."""

import base64
import hashlib
from typing import Final

from fastapi.responses import HTMLResponse

from penstock_drift_monitor.pages.markup import Markup, element, joined

_STYLE: Final = Markup("""
:root {
  --ground: #f4f6f8; --surface: #fff; --line: #d7dde4; --text: #17202b; --quiet: #556170; --accent: #1d5fa8;
  --good: #17693f; --good-ground: #e2f3e9; --wait: #7a5200; --wait-ground: #fbf0d6;
  --bad: #a32020; --bad-ground: #fdeaea;
  --first: #1d5fa8; --second: #a34a00; --third: #17693f; --fourth: #7b3fa0; --grid: #d7dde4; --busy: #f0e6cf;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f141a; --surface: #171d25; --line: #2c3540; --text: #e7ecf2; --quiet: #9ba8b7; --accent: #7db4f5;
    --good: #84d7a9; --good-ground: #12301f; --wait: #eac26e; --wait-ground: #33270c;
    --bad: #f4a3a3; --bad-ground: #3a1719;
    --first: #7db4f5; --second: #f0a869; --third: #84d7a9; --fourth: #d0a5ee; --grid: #2c3540; --busy: #2c2714;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 2.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
h3 { margin: 0; font-size: 1rem; line-height: 1.4; }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; }
p { margin: 0 0 .75rem; max-width: 60rem; }
nav { margin-bottom: .75rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.quiet { color: var(--quiet); font-size: .875rem; }
.card {
  margin-top: 1.25rem; padding: 1.25rem; background: var(--surface); border: 1px solid var(--line);
  border-radius: .75rem;
}
.verdict {
  display: inline-block; padding: .125rem .625rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600;
  white-space: nowrap; background: var(--wait-ground); color: var(--wait);
}
.verdict.NoDrift { background: var(--good-ground); color: var(--good); }
.verdict.Drift, .verdict.Error { background: var(--bad-ground); color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .5rem; text-align: left; font-size: 1rem; font-weight: 650; }
th, td {
  padding: .375rem .75rem .375rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
}
td { min-width: 5rem; }
thead th { color: var(--quiet); font-weight: 550; }
tbody th { font-weight: 600; min-width: 8rem; }
tbody tr:last-child > * { border-bottom: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: .75rem 1.25rem; margin: 0; }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0; }
.links { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0; list-style: none; }
[aria-current] { font-weight: 650; text-decoration: none; color: var(--text); }
figure { margin: 1.5rem 0 0; }
figcaption { color: var(--quiet); font-size: .875rem; }
figcaption h3 { color: var(--text); }
.plot { display: grid; grid-template-columns: 4.25rem minmax(0, 1fr); gap: .25rem .5rem; margin-top: .5rem; }
.marks { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.marks, .moments { color: var(--quiet); font-size: .8125rem; line-height: 1; font-variant-numeric: tabular-nums; }
.marks { overflow-wrap: normal; }
.moments { display: flex; justify-content: space-between; gap: .5rem; line-height: 1.3; }
.plot .moments { grid-column: 2; }
.plot .moments :nth-child(2) { text-align: center; }
.moments :last-child { text-align: right; }
.drawn svg { display: block; width: 100%; height: 9rem; border: 1px solid var(--grid); overflow: visible; }
path { vector-effect: non-scaling-stroke; fill: none; }
.line { stroke-width: 2; stroke: var(--first); }
.line.second { stroke: var(--second); stroke-dasharray: 7 3; }
.line.third { stroke: var(--third); stroke-dasharray: 2 3; }
.line.fourth { stroke: var(--fourth); stroke-dasharray: 9 3 2 3; }
.band { fill: var(--first); fill-opacity: .16; }
.band.second { fill: var(--second); }
.band.third { fill: var(--third); }
.band.fourth { fill: var(--fourth); }
.grid { stroke: var(--grid); stroke-width: 1; }
.busy { fill: var(--busy); }
.decided { stroke: var(--quiet); stroke-width: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; padding: 0; list-style: none; }
.legend { font-size: .875rem; }
.key { width: 2rem; height: .625rem; margin-right: .5rem; vertical-align: middle; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1rem; }
.columns { margin: 0 0 1rem; padding: 0; list-style: none; }
.columns > li { min-width: 0; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; }
.columns p { margin: .25rem 0 0; }
.small { position: relative; margin-top: .5rem; }
.small svg { display: block; width: 100%; height: 4.5rem; border-bottom: 1px solid var(--quiet); }
.beyond { fill: var(--bad-ground); }
.threshold { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 3; }
.threshold-name { position: absolute; top: .75rem; left: .25rem; color: var(--bad); font-size: .75rem; line-height: 1; }
details { margin-top: .25rem; font-size: .875rem; }
summary { cursor: pointer; color: var(--accent); }
.scrolls { max-height: 20rem; overflow: auto; }
@media (max-width: 52rem) {
  table, caption, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: .625rem 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  tbody th, td { padding: .125rem 0; border: 0; }
  td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .5rem; }
  td::before { content: attr(data-label); color: var(--quiet); }
  td > .verdict { justify-self: start; }
  .figures { display: table; }
  .figures thead { display: table-header-group; position: static; width: auto; height: auto; clip-path: none; }
  .figures caption { display: table-caption; }
  .figures tbody { display: table-row-group; }
  .figures tr { display: table-row; }
  .figures th, .figures td {
    display: table-cell; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
  }
  .figures td::before { content: none; }
}
@media (max-width: 30rem) {
  body { padding: 1.25rem .875rem 2rem; }
  .card { padding: 1rem; }
}
""")
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' "
    "height='16' rx='4' fill='%231d5fa8'/%3E%3Cpath d='M3 11l4-4 2 2 4-5' fill='none' stroke='white' "
    "stroke-width='2'/%3E%3C/svg%3E"
)
HEADERS: Final = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""No script at all, no other host, only the style above."""


def page(title: str, *content: str, status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Give a whole page; `content` is what its main part holds."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href=_ICON),
        element("style", _STYLE),
    )
    whole = element("html", head, element("body", element("main", *content)), lang="en")
    return HTMLResponse(joined(Markup("<!doctype html>"), whole), status_code=status, headers=HEADERS | (headers or {}))
