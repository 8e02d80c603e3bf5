"""What is seen of a training: of a Job, or of a pipeline that a webhook starts."""

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
    UNANSWERED = "Unanswered"
    """The webhook was called, and has not answered that the pipeline runs, nor that it will not."""
    NOTHING_BETTER = "NothingBetter"
    """The pipeline says that it found no better version."""


@dataclass(frozen=True, kw_only=True)
class JobSighting:
    """One look at a Job."""

    state: JobState
    message: str = ""
    """Why, in the words of the Job's condition, of the API server or of the pipeline."""
    url: str = ""
    """Where a pipeline that runs shows it."""


@dataclass(frozen=True, kw_only=True)
class JobView:
    """What one pass knows of Jobs."""

    name: str = ""
    """Of the resource: its trainings are named after it."""
    namespace: str = ""
    """Of the resource."""
    sighting: JobSighting | None = None
    """Of the training under way; None: there is none."""
    refused: str | None = ""
    """Why nothing could be started by spec.retrain as it stands; empty: it could. None: not known."""
