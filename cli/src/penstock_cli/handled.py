"""What the controller made of a word, as the status has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_contracts.verbs import Verb

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What became of a word."""

    outcome: str
    """`Accepted`, `Denied`; something else: what this plugin does not know; empty: the status does not tell."""
    message: str

    @property
    def refused(self) -> bool:
        """Whether nothing was done."""
        return self.outcome == "Denied"

    @property
    def heard(self) -> bool:
        """Whether it was done."""
        return self.outcome == "Accepted"


def is_handled(status: Object, verb: Verb, word: str) -> bool:
    """Whether the controller has dealt with a word. It does not act on it again while the annotation stays."""
    return bool((status.get("handledCommands") or {}).get(verb.value) == word)


def answer_to(status: Object, verb: Verb) -> Answer:
    """What became of the verb's word that was dealt with last."""
    said = (status.get("commandResults") or {}).get(verb.value) or {}
    return Answer(outcome=str(said.get("outcome", "")), message=str(said.get("message", "")))
