"""How a model is trained anew: `spec.retrain` and `status.retraining`."""

from typing import Annotated, Any

from pydantic import Field

from penstock_controller.api.drift import MOST_COLUMNS
from penstock_controller.api.pod_template import Annotations, Labels
from penstock_controller.api.schema import ApiModel, StatusModel, duration_field

MOST_STARTS = 100
"""Jobs in one budget, at most."""
LONGEST_SCHEDULE = 100
"""Characters."""
LONGEST_END = 1024
"""Characters of what is told of a Job's end."""
_FREE = {"x-kubernetes-preserve-unknown-fields": True}


class JobMetadata(ApiModel):
    """Labels and annotations of the Job."""

    labels: Labels | None = None
    """Labels beside Penstock's own."""
    annotations: Annotations | None = None
    """Annotations beside Penstock's own."""


class JobTemplate(ApiModel):
    """The Job, in the words of a CronJob's jobTemplate."""

    metadata: JobMetadata | None = None
    """Labels and annotations of the Job."""
    spec: Annotated[dict[str, Any], Field(max_length=32, json_schema_extra=_FREE)]
    """As in a batch/v1 Job. The API server is asked whether it would take it; condition Retraining tells if not."""


class RetrainBudget(ApiModel):
    """How many Jobs may be started."""

    most: Annotated[int, Field(alias="max", ge=1, le=MOST_STARTS)] = 4
    """So many Jobs."""
    per: Annotated[str, duration_field("1m", "720h")] = "24h"
    """In any time of this length."""


class Retrain(ApiModel):
    """The Job that trains a new version and moves the alias to it, and what keeps it from being started."""

    job_template: JobTemplate
    """The Job. Its containers are told by PENSTOCK_ variables what drifted, and where its data are."""
    cooldown: Annotated[str, duration_field("0s", "720h")] = "6h"
    """Time from the end of a Job in which drift starts no other; after Jobs that failed it doubles, up to 24h."""
    budget: RetrainBudget = RetrainBudget()
    """How many Jobs may be started."""
    schedule: Annotated[str, Field(max_length=LONGEST_SCHEDULE)] = ""
    """When a Job is started without drift: five fields as cron writes them, in UTC. Empty: by no schedule."""
    time_limit: Annotated[str, duration_field("1m", "168h")] = "6h"
    """A Job that runs longer is ended; jobTemplate.spec.activeDeadlineSeconds goes before it."""
    min_labels: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    """Labelled rows of one version that the drift monitor must have before a Job is started."""


class RetrainingJob(StatusModel):
    """A Job that was started, and its end."""

    name: Annotated[str, Field(max_length=253)]
    """Of the Job."""
    number: int
    """Of the Job among all of this resource: written before the Job is made, so it is made once."""
    reason: Annotated[str, Field(max_length=64)]
    """Why it was started: DatasetDrift, Schedule or ByHand."""
    columns: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=MOST_COLUMNS)] = ()
    """Columns that had drifted."""
    stable_version: str
    """The version that served."""
    stable_digest: str
    """Digest of its bytes."""
    named_version: str
    """The version that the alias named then: another one must be newer."""
    named_created_at_ms: int
    """Its creation time in the registry, in milliseconds since 1970."""
    started_at: str
    """When it was decided on (RFC 3339)."""
    seen: bool = False
    """The Job was seen in the cluster."""
    succeeded_at: str | None = None
    """Since when the Job is done and the registry is waited for (RFC 3339)."""
    ended_at: str | None = None
    """RFC 3339. None: it is under way."""
    end: Annotated[str, Field(max_length=64)] = ""
    """Succeeded, NothingRegistered, JobFailed, TimedOut, JobRefused or JobGone."""
    message: Annotated[str, Field(max_length=LONGEST_END)] = ""
    """Why."""
    version: str | None = None
    """The version that it brought."""
    created_at_ms: int = 0
    """Creation time of that version in the registry, in milliseconds since 1970."""
    refused: bool = False
    """That version was taken back or refused."""


class RetrainingStatus(StatusModel):
    """What is known of training anew."""

    reason: Annotated[str, Field(max_length=64)] = ""
    """That of condition Retraining; Event, log line and metric carry the same word."""
    since: str | None = None
    """Since when it is this one (RFC 3339)."""
    job: RetrainingJob | None = None
    """The latest Job."""
    starts: Annotated[tuple[Annotated[str, Field(max_length=32)], ...], Field(max_length=MOST_STARTS)] = ()
    """When Jobs of the running budget were started (RFC 3339), the oldest first."""
    schedule: Annotated[str, Field(max_length=LONGEST_SCHEDULE)] = ""
    """That of the spec, as it was read last."""
    scheduled_since: str | None = None
    """From when on its times count: since it was first read, or since the last Job by it (RFC 3339)."""
    failures: int = 0
    """Jobs in a row that brought nothing."""
