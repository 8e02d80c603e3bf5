"""Something that the registry is to show of a version, and what became of writing it."""

from dataclasses import dataclass
from enum import StrEnum

from penstock_contracts.api.registry_write import AttemptOutcome


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An attempt's outcome, or the live alias. Writing it twice does no harm."""

    connection: str
    model: str
    version: str
    outcome: AttemptOutcome | None = None
    """Set: the version is to show it."""
    alias: str = ""
    """Set: it is to point at the version."""

    @property
    def what(self) -> str:
        """For a person."""
        shown = f"alias {self.alias!r}" if self.alias else "the outcome"
        return f"{shown} of version {self.version} of model {self.model!r}"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A key and a value in the registry."""

    key: str
    value: str


class Writing(StrEnum):
    """How far an entry is."""

    WRITTEN = "written"
    AWAY = "away"
    """The registry did not answer: it is tried again."""
    REFUSED = "refused"
    """The registry does not let us, until a person acts: it is tried again, less often."""
    IMPOSSIBLE = "impossible"
    """The version or the model is gone: it is not tried again."""


@dataclass(frozen=True, kw_only=True)
class RegistryAnswer:
    """What the registry said to an entry."""

    entry: Entry
    writing: Writing
    message: str = ""
    """Why it is not written; the same words as long as the reason is the same."""
