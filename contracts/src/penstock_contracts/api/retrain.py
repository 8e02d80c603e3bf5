"""How a model is trained anew: `spec.retrain` and `status.retraining`."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from penstock_contracts.api.drift import MOST_COLUMNS
from penstock_contracts.api.pod_template import Annotations, Labels
from penstock_contracts.api.schema import (
    LONGEST_URL,
    ApiModel,
    LongName,
    StatusModel,
    WebAddress,
    cel,
    duration_field,
)

MOST_STARTS = 100
"""Jobs in one budget, at most."""
LONGEST_SCHEDULE = 100
"""Characters."""
LONGEST_END = 1024
"""Characters of what is told of a Job's end."""
_FREE = {"x-kubernetes-preserve-unknown-fields": True}
_BY_ONE = ("has(self.jobTemplate) != has(self.webhook)", "name exactly one of retrain.jobTemplate and retrain.webhook")


class Means(StrEnum):
    """By what a training is started."""

    JOB = "Job"
    WEBHOOK = "Webhook"


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


class Webhook(ApiModel):
    """A pipeline of your own, started by one POST. It moves the alias; until then, or until timeLimit, it runs."""

    url: WebAddress
    """Where to. Redirects are not followed; credentials belong into headersSecret."""
    headers_secret: LongName | None = None
    """A Secret of this namespace: each key is the name of a header. The controller must be allowed to get it."""
    timeout: Annotated[str, duration_field("1s", "30s")] = "10s"
    """Within which it answers; otherwise it is called again."""
    body: Annotated[dict[str, Any], Field(max_length=32, json_schema_extra=_FREE)] | None = None
    """What is sent, with $(PENSTOCK_...) as in a Job's variables. None: the training's document by itself."""


class RetrainBudget(ApiModel):
    """How many trainings may be started."""

    most: Annotated[int, Field(alias="max", ge=1, le=MOST_STARTS)] = 4
    """So many."""
    per: Annotated[str, duration_field("1m", "720h")] = "24h"
    """In any time of this length."""


class Retrain(ApiModel):
    """What trains a new version and moves the alias to it, and what keeps it from being started."""

    model_config = ConfigDict(json_schema_extra=cel(_BY_ONE))

    job_template: JobTemplate | None = None
    """A Job. Its containers are told by PENSTOCK_ variables what drifted, and where its data are."""
    webhook: Webhook | None = None
    """A pipeline that is not a Job: Argo Workflows, Kubeflow, Airflow."""
    cooldown: Annotated[str, duration_field("0s", "720h")] = "6h"
    """Time from the end of a training in which drift starts no other; after those that failed it doubles, up to 24h."""
    budget: RetrainBudget = RetrainBudget()
    """How many trainings may be started."""
    schedule: Annotated[str, Field(max_length=LONGEST_SCHEDULE)] = ""
    """When one is started without drift: five fields as cron writes them, in UTC. Empty: by no schedule."""
    time_limit: Annotated[str, duration_field("1m", "168h")] = "6h"
    """A Job that runs longer is ended (activeDeadlineSeconds goes before it); a pipeline is not waited for longer."""
    min_labels: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    """Labelled rows of one version that the drift monitor must have before one is started."""

    @property
    def means(self) -> Means:
        """By what it is started."""
        return Means.JOB if self.webhook is None else Means.WEBHOOK


class RetrainingJob(StatusModel):
    """A Job that was started, or a pipeline by a webhook, and its end."""

    name: Annotated[str, Field(max_length=253)]
    """Of the Job. Of a pipeline's run: sent as its Idempotency-Key."""
    means: Means = Means.JOB
    """By what it was started."""
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
    """The Job was seen in the cluster; the webhook has answered that the pipeline runs."""
    url: Annotated[str, Field(max_length=LONGEST_URL)] = ""
    """Where the pipeline shows this run, by its own words."""
    deadline: str | None = None
    """Until when a pipeline is waited for (RFC 3339); a Job has its own."""
    labelled: int | None = None
    """Labelled rows that there were when a webhook was decided on, where minLabels asks for them."""
    succeeded_at: str | None = None
    """Since when the Job is done and the registry is waited for (RFC 3339)."""
    ended_at: str | None = None
    """RFC 3339. None: it is under way."""
    end: Annotated[str, Field(max_length=64)] = ""
    """Succeeded, NothingRegistered, TimedOut, JobFailed, JobRefused, JobGone; WebhookRefused and the like."""
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
