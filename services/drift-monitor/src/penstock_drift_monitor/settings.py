"""Every setting of the drift monitor."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_DAY = 24 * 3600
_MIB = 2**20


class Settings(BaseSettings):
    """Read from environment variables with the prefix PENSTOCK_."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", frozen=True)

    data: Path
    """Folder for the database; a volume of its own with a local file system."""
    store_url: str
    """The model store, which serves the reference samples."""
    host: str = "0.0.0.0"  # noqa: S104 - pods are reached by their address
    port: int = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

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
    tidy_seconds: float = Field(30, gt=0)
    """Between two looks at what is too old or too much."""
    drain_seconds: int = Field(10, ge=0)
    """For answers under way at the end."""
