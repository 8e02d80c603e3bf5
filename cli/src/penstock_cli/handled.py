"""What the controller made of a word: the status remembers that it was heard, an Event says what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_contracts.verbs import Verb

Object = Mapping[str, Any]

_REFUSED = "VerbRefused"


@dataclass(frozen=True)
class Answer:
    """What came of a word."""

    refused: bool
    message: str


def is_handled(status: Object, verb: Verb, word: str) -> bool:
    """Whether the controller has dealt with a word. It does not act on it again while the annotation stays."""
    return bool((status.get("handled") or {}).get(verb.value) == word)


def answers(events: Sequence[Object], verb: Verb, word: str) -> list[Answer]:
    """What Events say of a word, oldest first."""
    about = f"{verb.value} {word} "
    found = [each for each in events if str(each.get("message", "")).startswith(about)]
    return [
        Answer(refused=each.get("reason") == _REFUSED, message=each["message"])
        for each in sorted(found, key=lambda each: str(each.get("lastTimestamp") or ""))
    ]
