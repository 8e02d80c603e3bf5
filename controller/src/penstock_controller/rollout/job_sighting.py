"""What is seen of a retraining Job."""

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """How far it is."""

    MISSING = "Missing"
    """None of its name is there, and this process has made none."""
    OTHERS = "Others"
    """One of its name is there which was not made for it."""
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    """It, or a queue, has it wait."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    REFUSED = "Refused"
    """The API server does not take it."""
    GONE = "Gone"
    """It was made, and is not there any more."""
    UNKNOWN = "Unknown"
    """The API server does not tell."""


@dataclass(frozen=True, kw_only=True)
class JobSighting:
    """One look at a Job."""

    state: JobState
    message: str = ""
    """Why, in the words of the Job's condition or of the API server."""


@dataclass(frozen=True, kw_only=True)
class JobView:
    """What one pass knows of Jobs."""

    name: str = ""
    """Of the resource: its Jobs are named after it."""
    sighting: JobSighting | None = None
    """Of the Job under way; None: there is none."""
    refused: str | None = ""
    """Why the API server would not take spec.retrain.jobTemplate; empty: it would. None: not known."""
