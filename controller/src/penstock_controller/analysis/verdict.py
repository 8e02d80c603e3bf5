"""What a gate says."""

from enum import StrEnum


class Verdict(StrEnum):
    """The answer of a gate to the evidence of an attempt."""

    PASS = "pass"  # noqa: S105
    """Harm beyond the margin is excluded, and enough was seen."""
    FAIL = "fail"
    """Harm beyond the margin is established."""
    INCONCLUSIVE = "inconclusive"
    """Neither: more evidence is needed."""
    ERROR = "error"
    """The evidence could not be read. It never promotes and never counts against the candidate."""
