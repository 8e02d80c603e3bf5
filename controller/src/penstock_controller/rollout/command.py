"""A person's words as the annotations have them: whatever stands there, it is read without harm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.verbs import Verb

LONGEST = 64
"""Characters of a word that are looked at."""
_FORM = re.compile(r"(?P<attempt>\d{1,9})/(?P<step>\d{1,4})(?:/(?P<version>\d{1,18}))?")


@dataclass(frozen=True, kw_only=True)
class ParsedCommand:
    """One annotation."""

    verb: Verb
    text: str
    attempt: int
    step: int
    version: str = ""
    """For `undo`; empty: the one that served before."""


def parse(verb: Verb, text: str) -> ParsedCommand | None:
    """The word; None: it does not have the form that its verb needs."""
    found = _FORM.fullmatch(text)
    if found is None or (found["version"] and verb is not Verb.UNDO):
        return None
    attempt, step = int(found["attempt"]), int(found["step"])
    return ParsedCommand(verb=verb, text=text, attempt=attempt, step=step, version=found["version"] or "")


def as_remembered(words: Mapping[Verb, str]) -> dict[str, str]:
    """Words as they are remembered."""
    return {verb.value: text[:LONGEST] for verb, text in words.items()}


def attempts(words: Mapping[Verb, str]) -> tuple[int, ...]:
    """The attempts that are named."""
    return tuple(word.attempt for verb, text in words.items() if (word := parse(verb, text)))
