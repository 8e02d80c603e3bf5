from enum import StrEnum


class FailureReason(StrEnum):
    """Why there is no report."""

    NO_DATA = "NoData"
    """The reference sample or the window has no rows, or no column is in both: neither a success nor a fault."""
    BUSY = "Busy"
    """As many others as may wait are waiting."""
    TIME_LIMIT_EXCEEDED = "TimeLimitExceeded"
    MEMORY_LIMIT_EXCEEDED = "MemoryLimitExceeded"
    CRASHED = "Crashed"


class ReportFailed(Exception):
    """There is no report, and why; the message is for a person."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
