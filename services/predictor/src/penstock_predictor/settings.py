"""Every setting, in one place. Each is also an environment variable: PENSTOCK_ and the name in capitals."""

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from penstock_contracts.names import PREDICTOR_GRPC_PORT, PREDICTOR_PORT

MIB = 1024 * 1024
DEFAULT_MODEL_FILE = "model.onnx"
CGROUP_ROOT = Path("/sys/fs/cgroup")


class PredictorSettings(BaseModel):
    """What one predictor process is given.

    Not by pydantic-settings: its other sources, which nobody needs here, take more than a MiB of each process.
    No field is called `port`: Kubernetes sets PENSTOCK_PORT=tcp://... in every pod beside a Service named penstock.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    model_name: str = Field(default="model", min_length=1)
    """Name in the routes and in answers."""
    model_version: str = Field(default="1", min_length=1)
    """The registry's version of what is loaded: a label for answers and metrics."""
    model_digest: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")
    """The model to fetch and the only one to serve. Empty: serve whatever the folder holds."""
    model_dir: Path = Path("/model")
    """Folder with the model's files and card.json."""
    model_file: str = ""
    """What to load from the folder. Empty: what card.json names, or else model.onnx."""

    store_url: str = ""
    """Base address of the model store, for `fetch`."""
    fetch_timeout_seconds: float = Field(default=600, gt=0)
    """How long `fetch` waits for the store before it gives up; the kubelet then starts it again."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - a pod's port is for the whole pod network
    """Address to listen on. Use 127.0.0.1 on a laptop."""
    listen_port: int = Field(default=PREDICTOR_PORT, ge=0, le=65535)
    """Port to listen on; 0: a free one, named in the log."""
    grpc_port: int = Field(default=PREDICTOR_GRPC_PORT, ge=0, le=65535)
    """Port on which gRPC is listened for, at the same address; 0: no gRPC."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that serve; each computes on its own, and they share the port and the loaded model's memory."""
    threads: int = Field(default_factory=lambda given: default_threads(given.get("workers", 1)), ge=1, le=256)
    """Of each worker: long runs at once, and onnxruntime's threads in a run. Default: its share of the cgroup's CPU
    limit, or 1.
    """
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute: on a CUDA device where there is one, or always on the processor."""
    max_batch_size: int = Field(default=256, ge=1, le=4096)
    """Rows of one run that are taken together from several requests; 1: each request has a run of its own."""
    max_latency_seconds: float = Field(default=0, ge=0, le=1)
    """How long a run waits for more rows; 0: it takes what is there."""

    request_timeout_seconds: float = Field(default=10, gt=0)
    """Time limit of a request, from its first byte to its answer."""
    max_body_bytes: int = Field(default=8 * MIB, ge=1)
    """Largest request body."""
    max_in_flight: int = Field(default=1024, ge=1)
    """Requests accepted and not yet answered; one more is refused with 429."""
    max_in_flight_bytes: int = Field(default=64 * MIB, ge=1)
    """Bodies of all those requests together: bounds memory where every caller sends large ones."""
    max_output_bytes: int = Field(default=64 * MIB, ge=1)
    """Largest answer of one run, as tensors."""
    drain_seconds: float = Field(default=5, ge=0)
    """After SIGTERM: how long to answer on while not ready, so that every sender has noticed."""

    records_namespace: str = ""
    """Of the ModelDeployment whose version this is."""
    records_name: str = ""
    """Of that ModelDeployment."""
    records_revision: str = ""
    """Its revision that this pod belongs to."""
    records_url: str = ""
    """Base address of the drift monitor that is sent what is computed. Empty: nothing is recorded."""
    records_sample_rate: float = Field(default=1, ge=0, le=1)
    """Share of requests that are recorded, by their ids: all versions record the same ones."""
    records_exclude: tuple[str, ...] = ()
    """Columns, of inputs and outputs, that never leave the process; in the environment with commas between them."""
    records_hash: tuple[str, ...] = ()
    """Columns of which pseudonyms leave it instead of values; likewise."""
    records_queue_rows: int = Field(default=65536, ge=1)
    """Rows that wait to be sent; of a run that finds no room the rows are dropped and counted."""
    records_queue_bytes: int = Field(default=32 * MIB, ge=1)
    """Memory that those rows hold, about."""

    features_url: str = ""
    """Base address of the Feast server that columns of the version are looked up at. Empty: rows must have them all."""
    features_timeout_seconds: float = Field(default=0.02, gt=0, le=1)
    """How long a request waits for it."""
    features_on_unavailable: Literal["Default", "Reject"] = "Default"
    """Where it gives nothing: each column's default stands in, or the request is refused."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""
    termination_log: Path = Path("/dev/termination-log")
    """Where the reason of a failed start goes, if it can be written: `kubectl describe pod` shows it."""

    @field_validator("model_name", "model_version")
    @classmethod
    def _is_a_segment(cls, name: str) -> str:
        """It stands in paths: /v2/models/{name}/versions/{version}. Raises ValueError."""
        if "/" in name or not name.isprintable() or name in (".", ".."):
            raise ValueError(
                "it is one part of a path, so it has no '/' and no control characters, and is not '.' or '..'"
            )
        return name

    @field_validator("records_exclude", "records_hash", mode="before")
    @classmethod
    def _between_commas(cls, names: object) -> object:
        return tuple(filter(None, map(str.strip, names.split(",")))) if isinstance(names, str) else names

    @field_validator("records_url")
    @classmethod
    def _says_whose_records(cls, url: str, given: ValidationInfo) -> str:
        """Raises ValueError."""
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("it is the drift monitor's address: http://<host>:<port>")
        if url and not (given.data.get("records_namespace") and given.data.get("records_name")):
            raise ValueError("it needs PENSTOCK_RECORDS_NAMESPACE and PENSTOCK_RECORDS_NAME: whose records they are")
        return url

    @field_validator("features_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        """Raises ValueError."""
        if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
            raise ValueError("it is the Feast server's address: http://<host>:<port>")
        return url

    @model_validator(mode="before")
    @classmethod
    def _with_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What this process was given by name goes before its environment, where an empty value says nothing."""
        values = {name: os.environ.get(f"PENSTOCK_{name.upper()}") for name in cls.model_fields}
        return {name: value for name, value in values.items() if value} | given


def cpu_limit(root: Path = CGROUP_ROOT) -> float | None:
    """Processors that the cgroup allows, e.g. 0.5 for a limit of 500m; None where there is no limit.

    os.cpu_count() counts the node's, not the container's.
    """
    return _limit_v2(root / "cpu.max") or _limit_v1(root / "cpu")


def default_threads(workers: int, root: Path = CGROUP_ROOT) -> int:
    """Whole processors of the limit for each worker, at least one: more threads would be throttled in mid-run."""
    limit = cpu_limit(root)
    return 1 if limit is None else max(1, int(limit / workers))


def _limit_v2(file: Path) -> float | None:
    words = _read(file).split()
    if len(words) != 2 or words[0] == "max":  # noqa: PLR2004 - "<quota> <period>" in microseconds
        return None
    return int(words[0]) / int(words[1])


def _limit_v1(folder: Path) -> float | None:
    quota = int(_read(folder / "cpu.cfs_quota_us") or -1)
    period = int(_read(folder / "cpu.cfs_period_us") or 0)
    return quota / period if quota > 0 and period > 0 else None


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
