"""Every setting of the drift monitor."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_DAY = 24 * 3600
_MIB = 2**20


class DriftMonitorSettings(BaseSettings):
    """Read from environment variables with the prefix PENSTOCK_."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", frozen=True)

    data: Path
    """Folder for the database; a volume of its own with a local file system."""
    store_url: str
    """The model store, which serves the reference samples."""
    host: str = "0.0.0.0"  # noqa: S104 - pods are reached by their address
    port: int = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    replica: str = ""
    """Name of this replica, as its pod is called; empty: one process holds every resource."""
    replicas: str = ""
    """All replicas and their addresses, name=url,name=url; each resource is held by one of them, chosen by name."""
    replica_seconds: float = Field(20, gt=0)
    """How long another replica may say nothing to a request that was passed on to it."""
    fleet_seconds: float = Field(4, gt=0)
    """For another replica to say what it watches, when somebody looks at the page of all models."""

    replay_url: str = Field("", pattern=r"^(https?://.+)?$")
    """The gateway's port for replays: how a candidate gets recorded requests; empty: it gets none."""

    window_rows: int = Field(5000, ge=100)
    """Rows kept whole of each version: what a report shows, and what a new judgement begins with."""
    label_retention_seconds: float = Field(7 * _DAY, gt=0)
    """How long the answer to a request is kept, so that its label can still come."""
    max_bytes: int = Field(4096 * _MIB, ge=4 * _MIB)
    """Size that the database never passes. From nine tenths of it on the oldest answers go."""
    max_body_bytes: int = Field(16 * _MIB, ge=1024)
    """Of one batch of records or labels."""
    max_batch_rows: int = Field(100_000, ge=1)
    max_labels: int = Field(100_000, ge=1)
    """In one request."""
    max_waiting_labels: int = Field(200_000, ge=0)
    """Labels kept whose record has not come yet."""
    max_waiting_bytes: int = Field(64 * _MIB, ge=1024)
    """Bodies being read or waiting to be written, together."""
    max_resources: int = Field(1000, ge=1)
    max_versions: int = Field(50, ge=2)
    """Versions of a resource whose records are kept; the one not seen for longest goes."""
    max_quality_rows: int = Field(200_000, ge=100)
    """Newest labelled answers that quality is computed from."""
    queue_size: int = Field(1024, ge=1)
    """Requests that may wait for the writer."""

    max_reference_bytes: int = Field(64 * _MIB, gt=0)
    fetch_seconds: float = Field(30, gt=0)
    """For one reference sample to come from the store."""
    retry_first_seconds: float = Field(1, gt=0)
    retry_longest_seconds: float = Field(60, gt=0)
    """Back-off of a reference sample that did not come."""
    report_seconds: float = Field(120, gt=0)
    """For the process that makes a report."""
    report_memory_bytes: int = Field(1024 * _MIB, ge=256 * _MIB)
    quality_seconds: float = Field(15, gt=0)
    """Between two rounds in which the series of live quality are renewed."""
    course_seconds: float = Field(10, gt=0)
    """Between two rounds in which the course of what got rows is noted."""
    cloud_events_url: str = Field("", pattern=r"^(https?://.+)?$")
    """Where each request and each response goes as a CloudEvent; empty: nowhere."""
    cloud_events_headers: Path | None = None
    """Folder of files, each a header's name with its value in it, that every POST of events bears."""
    cloud_events_together: int = Field(1, ge=1, le=1000)
    """Events in one POST: 1 as KServe's logger sends them, more in the batched mode of CloudEvents over HTTP."""
    parquet_url: str = Field("", pattern=r"^((s3|gs|file)://.+)?$")
    """Where records go as Parquet files; empty: nowhere. Credentials come from the variables that such stores know."""
    parquet_period_seconds: float = Field(60, gt=0)
    """What comes within it makes one file of each version."""
    sink_seconds: float = Field(10, gt=0)
    """For one POST of events; a file has a minute at the least."""
    sink_max_bytes: int = Field(1024 * _MIB, ge=1 * _MIB)
    """Of records that wait for those places, and never more than half of max_bytes; the oldest go beyond that."""
    tidy_seconds: float = Field(30, gt=0)
    """Between two looks at what is too old or too much."""
    drain_seconds: int = Field(10, ge=0)
    """For answers under way at the end."""
