"""Why the feature store gave nothing."""

from enum import StrEnum


class Cause(StrEnum):
    """In a word, for the header and the counter."""

    TIMEOUT = "timeout"
    """No answer within spec.predictor.features.timeout."""
    CONNECTION = "connection"
    """It cannot be reached, or the connection broke, and the second try's too."""
    STATUS = "status"
    """It answered with another status than 200."""
    ANSWER = "answer"
    """It answered what is not Feast's form, or lacks a feature."""
    OPEN = "open"
    """It was not asked: the calls before failed."""


class FeaturesUnavailable(Exception):
    """A call for features gave none. The message says what the server did."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
