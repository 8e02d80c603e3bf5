"""What a registry shows of a rollout, as values: outcomes on versions and aliases. No I/O."""

from collections import Counter
from dataclasses import dataclass, field, replace

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.rollout.registry_entry import Entry, RegistryAnswer, Writing

Model = tuple[str, str]
"""Connection and name."""


@dataclass
class RolloutRegistry:
    """Shows what it is told, unless it is away or refuses; counts what it did not show before."""

    away: bool = False
    refuses: bool = False
    outcomes: dict[tuple[Model, str], AttemptOutcome] = field(default_factory=dict)
    """By model and version."""
    aliases: dict[tuple[Model, str], str] = field(default_factory=dict)
    """By model and alias: the version."""
    deleted: set[str] = field(default_factory=set)
    """Versions that somebody deleted."""
    writes: Counter[Entry] = field(default_factory=Counter)

    def told(self, entries: tuple[Entry, ...]) -> tuple[RegistryAnswer, ...]:
        """What it says to each."""
        return tuple(RegistryAnswer(entry=entry, writing=self._write(entry), message=entry.what) for entry in entries)

    def _write(self, entry: Entry) -> Writing:
        if self.away or self.refuses:
            return Writing.AWAY if self.away else Writing.REFUSED
        if entry.version in self.deleted:
            return Writing.IMPOSSIBLE
        model = (entry.connection, entry.model)
        if entry.outcome and self.outcomes.get((model, entry.version)) != entry.outcome:
            self.outcomes[model, entry.version] = entry.outcome
            self.writes[entry] += 1
        if entry.alias and self.aliases.get((model, entry.alias)) != entry.version:
            self.aliases[model, entry.alias] = entry.version
            self.writes[entry] += 1
        return Writing.WRITTEN

    def branch(self) -> "RolloutRegistry":
        """Another one that shows the same."""
        return replace(
            self,
            outcomes=dict(self.outcomes),
            aliases=dict(self.aliases),
            deleted=set(self.deleted),
            writes=self.writes.copy(),
        )
