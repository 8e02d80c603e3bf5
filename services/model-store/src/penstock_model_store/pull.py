"""Fetches one version from its registry. Runs in a process of its own, which can be killed when it takes too long."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

import requests
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from penstock_contracts import feature_file
from penstock_model_store.artifact_paths import joined, parent_of
from penstock_model_store.errors import (
    ArtifactsMissing,
    ArtifactTooLarge,
    BadFeatures,
    ExternalDataMissing,
    Failed,
    IngestError,
    PathRefused,
    ReferenceTooLarge,
    RegistryDenied,
    RegistryUnavailable,
    SourceRefused,
    VersionNotFound,
    VersionNotReady,
    VersionReplaced,
    disk_error,
)
from penstock_model_store.layout import METADATA, ArtifactLayout, Listed, chosen_layout, reference_name
from penstock_model_store.pull_job import EXAMPLE_NAME, EXTRA_FOLDER, MODEL_FOLDER, Pulled, PullJob, PullOutcome
from penstock_model_store.sources import ArtifactSource, Budget, opened_source
from penstock_model_store.tether import tether

_METADATA_BYTES = 4 * 2**20
_MOST_HOPS = 4


def run(job: PullJob, answer: Path) -> None:
    """Fetch and write the outcome: what the process is started with."""
    os.setsid()
    tether()
    try:
        outcome = PullOutcome(pulled=pull(job))
    except IngestError as error:
        outcome = PullOutcome(reason=error.reason, message=str(error))
    answer.write_text(outcome.model_dump_json())


def pull(job: PullJob) -> Pulled:
    """Fetch the version's files into the job's folder.

    Raises IngestError: every error of MLflow's client is one of ours here.
    """
    client = MlflowClient(tracking_uri=job.registry_uri, registry_uri=job.registry_uri)
    with _translated(job):
        version = _asked_version(client, job)
        pulled = pull_files(*_listed(_location(client, version), job), job)
        # The version may have been deleted and made again while its files were copied.
        _asked_version(client, job)
        return pulled


def _asked_version(client: MlflowClient, job: PullJob) -> ModelVersion:
    version = client.get_model_version(job.model, job.version)
    if version.creation_timestamp != job.created_at_ms:
        raise VersionReplaced(
            f"version {job.version} of {job.model} was made at {version.creation_timestamp} ms, not at "
            f"{job.created_at_ms}: ask again with the time that the registry gives"
        )
    if version.status != "READY":
        raise VersionNotReady(f"version {job.version} of {job.model} is {version.status} in the registry")
    return version


def _location(client: MlflowClient, version: ModelVersion) -> str:
    uri: str = client.get_model_version_download_uri(version.name, version.version)
    for _ in range(_MOST_HOPS):
        scheme, _, rest = uri.partition(":")
        name, _, below = rest.lstrip("/").partition("/")
        if scheme == "models" and not below:
            uri = client.get_logged_model(name).artifact_location
        elif scheme == "models":
            uri = client.get_model_version_download_uri(name, below)
        elif scheme == "runs":
            uri = joined(client.get_run(name).info.artifact_uri, below)
        else:
            return uri
    raise SourceRefused(f"the version's source leads from version to version ({uri}): register the model itself")


def _listed(uri: str, job: PullJob) -> tuple[ArtifactSource, list[Listed]]:
    """Where the files are, and which. A location may be the model file itself: then its folder's other models are no
    part of it.
    """
    source = _opened(uri, job)
    files = source.files(job.limits.artifact_files)
    folder, _, name = uri.rpartition("/")
    if files or not name.endswith(".onnx"):
        return source, files
    source, name = _opened(folder, job), unquote(name)
    beside = source.files(job.limits.artifact_files)
    known = {file.path for file in beside}
    return source, [file for file in beside if name in known and file.path in {name} | _no_models(known)]


def _no_models(paths: set[str]) -> set[str]:
    return {path for path in paths if not path.endswith(".onnx")}


def _opened(uri: str, job: PullJob) -> ArtifactSource:
    return opened_source(uri, tracking_uri=job.registry_uri, schemes=job.schemes, local_roots=job.local_roots)


def pull_files(source: ArtifactSource, files: Sequence[Listed], job: PullJob) -> Pulled:
    """Fetch what matters of these files into the job's folder. Raises IngestError and OSError."""
    if not files:
        raise ArtifactsMissing(
            f"version {job.version} of {job.model} has no files: was its artifact deleted, or not yet uploaded?"
        )
    budget = Budget(job.limits.artifact_bytes - _bytes_below(job.folder / MODEL_FOLDER))
    known = {file.path: file for file in files}
    layout = chosen_layout(files, _metadata(source, known, job, budget), f"{job.model}/{job.version}")
    if job.data_files:
        _fetch_data(source, known, layout, job, budget)
    else:
        _fetch_rest(source, known, layout, job, budget)
    return Pulled(
        model=_model_name(layout),
        example=f"{EXTRA_FOLDER}/{EXAMPLE_NAME}" if layout.example else None,
        reference=f"{EXTRA_FOLDER}/{reference_name(layout.reference)}" if layout.reference else None,
        features=f"{EXTRA_FOLDER}/{feature_file.FILE}" if layout.features else None,
        signature_inputs=layout.signature_inputs,
    )


def _metadata(source: ArtifactSource, known: dict[str, Listed], job: PullJob, budget: Budget) -> str | None:
    if METADATA not in known:
        return None
    if known[METADATA].size > _METADATA_BYTES:
        raise ArtifactTooLarge(f"{METADATA} has {known[METADATA].size} bytes, over {_METADATA_BYTES}: log it again")
    copy = job.folder / EXTRA_FOLDER / METADATA
    copy.unlink(missing_ok=True)
    budget.fetch(source, known[METADATA], copy)
    return copy.read_text(errors="replace")


def _fetch_rest(
    source: ArtifactSource, known: dict[str, Listed], layout: ArtifactLayout, job: PullJob, budget: Budget
) -> None:
    budget.fetch(source, known[layout.model], job.folder / MODEL_FOLDER / _model_name(layout))
    if layout.example:
        budget.fetch(source, known[layout.example], job.folder / EXTRA_FOLDER / EXAMPLE_NAME)
    if layout.reference:
        if known[layout.reference].size > job.limits.reference_bytes:
            raise ReferenceTooLarge(
                f"{layout.reference} has {known[layout.reference].size} bytes, more than {job.limits.reference_bytes}: "
                "log a smaller sample, or raise the store's limit (PENSTOCK_STORE_MAX_REFERENCE_BYTES)"
            )
        target = job.folder / EXTRA_FOLDER / reference_name(layout.reference)
        Budget(job.limits.reference_bytes).fetch(source, known[layout.reference], target)
    if layout.features:
        if known[layout.features].size > feature_file.MOST_BYTES:
            raise BadFeatures(
                f"{layout.features} has {known[layout.features].size} bytes, more than {feature_file.MOST_BYTES}"
            )
        Budget(feature_file.MOST_BYTES).fetch(
            source, known[layout.features], job.folder / EXTRA_FOLDER / feature_file.FILE
        )


def _fetch_data(
    source: ArtifactSource, known: dict[str, Listed], layout: ArtifactLayout, job: PullJob, budget: Budget
) -> None:
    for name in job.data_files:
        path = joined(parent_of(layout.model), name)
        if path not in known:
            raise ExternalDataMissing(
                f"{layout.model} keeps weights in {name}, which is not in the artifact: log the model with its data "
                "files, or in one file (save_as_external_data=False)"
            )
        budget.fetch(source, known[path], job.folder / MODEL_FOLDER / name)


def _bytes_below(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*"))


def _model_name(layout: ArtifactLayout) -> str:
    return layout.model.rsplit("/", 1)[-1]


@contextmanager
def _translated(job: PullJob) -> Iterator[None]:
    try:
        yield
    except IngestError:
        raise
    except MlflowException as error:
        raise _from_mlflow(error, job) from error
    except requests.RequestException as error:
        raise _from_http(error, job) from error
    except OSError as error:
        raise disk_error(error) from error
    except Exception as error:
        raise RegistryUnavailable(f"{_subject(job)} cannot be read: {_short(error)}") from error


def _from_mlflow(error: MlflowException, job: PullJob) -> IngestError:
    match error.error_code:
        case "RESOURCE_DOES_NOT_EXIST":
            return VersionNotFound(f"{_subject(job)} is not in the registry: {_short(error)}")
        case "PERMISSION_DENIED" | "UNAUTHENTICATED" | "CUSTOMER_UNAUTHORIZED":
            return RegistryDenied(f"{_subject(job)} may not be read, check the store's credentials: {_short(error)}")
        case "INVALID_PARAMETER_VALUE" if "path" in str(error).lower():
            return PathRefused(f"MLflow's client refuses a path in {_subject(job)}: {_short(error)}")
        case _:
            causes = (error.__cause__, error.__context__)
            http = next((cause for cause in causes if isinstance(cause, requests.RequestException)), None)
            return _from_http(http, job) if http else RegistryUnavailable(f"{_subject(job)}: {_short(error)}")


def _from_http(error: requests.RequestException, job: PullJob) -> Failed:
    code = error.response.status_code if error.response is not None else None
    if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return RegistryDenied(f"{_subject(job)} may not be read, check the store's credentials: {_short(error)}")
    if code == HTTPStatus.NOT_FOUND:
        return ArtifactsMissing(f"{_subject(job)} has files that are not there: {_short(error)}")
    return RegistryUnavailable(f"{_subject(job)} cannot be read, is the registry away? {_short(error)}")


def _subject(job: PullJob) -> str:
    return f"version {job.version} of {job.model}"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:400]
