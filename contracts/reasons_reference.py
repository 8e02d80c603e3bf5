"""Renders docs/reference/reasons.md below the folder given as argument (default: here)."""

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from penstock_contracts.api import reasons

PAGE = "docs/reference/reasons.md"
_PREAMBLE = (
    "One word says why something is as it is: the same in conditions, `status.reason`, decision records, Events, log",
    "lines and metrics. The `message` next to it has the details. Generated from the code: do not edit.",
    "",
    "A version that the model store refuses has a reason of the store, with a message that says what to do. What the",
    "drift monitor finds is on [the status page](../user/status.md#conditions-about-live-data).",
)


def page() -> str:
    """The whole page: a table for each group of reasons."""
    source = Path(reasons.__file__).read_text()
    lines = ["# Reasons", "", *_PREAMBLE]
    for number, line in _members(source):
        title = _title_above(source.splitlines(), number)
        if title:
            lines += ["", f"## {title}", "", "| reason | meaning |", "| --- | --- |"]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _members(source: str) -> Iterator[tuple[int, str]]:
    """Line number and table row of each member, which stands above its docstring."""
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)).body
    for member, meaning in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(meaning, ast.Expr):
            word, text = ast.literal_eval(member.value), ast.literal_eval(meaning.value)
            yield member.lineno, f"| `{word}` | {text} |"


def _title_above(lines: list[str], number: int) -> str:
    """The comment above a member, which begins a group; empty: it goes on with the one before."""
    above = lines[number - 2].strip()
    return above.removeprefix("# ").removesuffix(".") if above.startswith("#") else ""


def main(root: Path) -> None:
    """Write the page below `root`."""
    target = root / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
