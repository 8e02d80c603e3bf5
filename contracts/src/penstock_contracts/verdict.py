"""What a gate says."""

from enum import StrEnum


class Verdict(StrEnum):
    """The answer of a gate to the evidence of an attempt."""

    PASS = "pass"  # noqa: S105
    """The gate's condition is shown to hold, and enough was seen."""
    FAIL = "fail"
    """It is shown not to hold."""
    INCONCLUSIVE = "inconclusive"
    """Neither: more evidence is needed. No evidence is inconclusive too."""
    ERROR = "error"
    """The evidence could not be read. It never promotes and never counts against the candidate."""
