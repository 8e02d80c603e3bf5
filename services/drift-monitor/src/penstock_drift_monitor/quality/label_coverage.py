"""How many of the pairs have a label, by when they were answered: a label comes late, so young pairs say nothing.

Pairs of about one time share a slot. When the slots are used up, each becomes twice as long.
"""

from typing import Final

import msgspec

_SLOTS: Final = 64
_FIRST_SECONDS: Final = 1.0


class LabelCoverage(msgspec.Struct):
    """Counts by slot. A pair is counted when both have answered, and again when it has its label."""

    began: float | None = None
    """Unix time of the first slot; None: nothing was counted."""
    seconds: float = _FIRST_SECONDS
    """Length of a slot."""
    pairs: list[int] = msgspec.field(default_factory=list)
    labelled: list[int] = msgspec.field(default_factory=list)

    def pair(self, at: float) -> None:
        """Count a pair that was answered then (Unix time)."""
        self.pairs[self._slot(at)] += 1

    def label(self, at: float) -> None:
        """Count the label of a pair that was answered then."""
        self.labelled[self._slot(at)] += 1

    def older(self) -> tuple[int, int]:
        """Pairs that were answered no later than the middle one of those with a label, and how many have one."""
        half, pairs, labelled = sum(self.labelled) / 2, 0, 0
        for those, known in zip(self.pairs, self.labelled, strict=True):
            if not half or labelled >= half:
                break
            pairs, labelled = pairs + those, labelled + known
        return pairs, labelled

    def _slot(self, at: float) -> int:
        """What is from before the first slot counts in it."""
        if self.began is None:
            self.began = at
        while at - self.began >= _SLOTS * self.seconds:
            self.seconds *= 2
            self.pairs, self.labelled = _halved(self.pairs), _halved(self.labelled)
        slot = max(0, int((at - self.began) / self.seconds))
        for counts in (self.pairs, self.labelled):
            counts.extend([0] * (slot + 1 - len(counts)))
        return slot


def _halved(counts: list[int]) -> list[int]:
    return [sum(counts[slot : slot + 2]) for slot in range(0, len(counts), 2)]
