"""What a service that checks a version answers, and what that means: one of the verdicts, or no answer. Pure."""

import json
import math
from typing import Any

from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.told_words import printable
from penstock_controller.gates.looks import CheckVerdict, LookAnswer, Unanswered

MOST_FIGURES = 16
LONGEST_MESSAGE = 512
_LONGEST_NAME = 64
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)}
_DENIED = frozenset({401, 403})


def check_answer(status: int, content: bytes) -> LookAnswer:
    """What an answer means. Only what was agreed on is a verdict: no status code passes or fails a version."""
    if status in _DENIED:
        return Unanswered(why=f"it answers {status}: does headersSecret hold what it wants?")
    if not 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return Unanswered(why=f"it answers {status}")
    try:
        return _verdict(json.loads(content))
    except (ValueError, RecursionError):
        return Unanswered(why="it answers what is not JSON")


def _verdict(told: Any) -> LookAnswer:
    if not isinstance(told, dict):
        return Unanswered(why="it answers JSON that is no object")
    word, message, figures = told.get("verdict"), told.get("message", ""), told.get("figures", {})
    verdict = _VERDICTS.get(word) if isinstance(word, str) else None
    if verdict is None:
        return Unanswered(why=f"it answers no verdict of {', '.join(_VERDICTS)}")
    if not isinstance(message, str):
        return Unanswered(why="it answers a message that is no text")
    if not _are_numbers(figures):
        return Unanswered(why=f"it answers figures that are not at most {MOST_FIGURES} numbers by name")
    return CheckVerdict(
        verdict=verdict,
        message=printable(message, LONGEST_MESSAGE),
        figures={printable(name, _LONGEST_NAME): float(number) for name, number in figures.items()},
    )


def _are_numbers(figures: Any) -> bool:
    return isinstance(figures, dict) and len(figures) <= MOST_FIGURES and all(map(_is_number, figures.values()))


def _is_number(figure: Any) -> bool:
    try:
        return isinstance(figure, int | float) and not isinstance(figure, bool) and math.isfinite(figure)
    except OverflowError:  # a whole number that no float can hold
        return False
