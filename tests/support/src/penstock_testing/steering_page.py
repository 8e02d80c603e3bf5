"""The tables of docs/user/steering.md as users read them: what each verb does in each phase, or why it is refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock_contracts.verbs import Verb

PAGE = Path(__file__).parents[4] / "docs/user/steering.md"
_VERBS, _REFUSALS = "| verb | Pending |", "| phase | verbs | why |"
_REFUSED = "-"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a verb meets in a phase: one of the two is empty."""

    does: str = ""
    why_not: str = ""


def read() -> Mapping[tuple[Verb, str], Cell]:
    """Every verb in every phase. Raises KeyError where the page says that a verb is refused, and not why."""
    text = PAGE.read_text()
    (_, *phases), *rows = _table(text, _VERBS)
    shown = {
        (Verb(row[0].strip("`")), phase): what for row in rows for phase, what in zip(phases, row[1:], strict=True)
    }
    reasons = dict(_reasons(text))
    return {key: Cell(why_not=reasons[key]) if what == _REFUSED else Cell(does=what) for key, what in shown.items()}


def _reasons(text: str) -> Iterator[tuple[tuple[Verb, str], str]]:
    _, *rows = _table(text, _REFUSALS)
    for phases, verbs, why in rows:
        for phase in phases.split(", "):
            yield from (((Verb(verb.strip("`")), phase), why) for verb in verbs.split(", "))


def _table(text: str, head: str) -> list[list[str]]:
    """The cells of a table, its head first and without the rule below it."""
    lines = text[text.index(head) :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for number, line in enumerate(lines) if number != 1]
