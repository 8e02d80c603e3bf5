"""What the controller made of a word, read from the status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_contracts.verbs import Verb

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Heard:
    """The controller has dealt with a word."""

    refused: bool
    message: str


def heard(status: Object, verb: Verb, word: str) -> Heard | None:
    """What became of a word; None: the controller has not dealt with it."""
    found = (status.get("handled") or {}).get(verb.value)
    if found is None:
        return None
    if isinstance(found, str):
        return Heard(refused=False, message="") if found == word else None
    if found.get("word") != word:
        return None
    return Heard(refused=bool(found.get("refused")), message=str(found.get("message") or ""))
