"""One ingest from end to end: fetch, open, name, keep."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from penstock_contracts import feature_file
from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import Digest, GoldenSource, ModelCard, ModelFile
from penstock_model_store.blobs import Blobs
from penstock_model_store.canonical import EXAMPLE_NAME, SIGNATURE_NAME, canonical_features, canonical_signature
from penstock_model_store.errors import ExternalDataMissing, disk_error
from penstock_model_store.features import lookup_of
from penstock_model_store.inspection import Inspection
from penstock_model_store.limits import Limits
from penstock_model_store.pull_job import CANONICAL_EXAMPLE, MODEL_FOLDER, Pulled, PullJob
from penstock_model_store.throwaway import MissingData
from penstock_model_store.version_index import VersionKey


class Pulls(Protocol):
    """Fetches a version into a folder."""

    async def pull(self, job: PullJob) -> Pulled:
        """Raises IngestError."""
        ...


class Opens(Protocol):
    """Opens a fetched model."""

    async def open(self, folder: Path, pulled: Pulled) -> Inspection:
        """Raises MissingData or ArtifactRefused."""
        ...


class Pipeline:
    """Turns a version into a digest that the store holds."""

    def __init__(
        self,
        *,
        pulls: Pulls,
        opens: Opens,
        blobs: Blobs,
        registries: Mapping[str, str],
        limits: Limits,
        schemes: Sequence[str],
        local_roots: Sequence[str],
    ) -> None:
        self._pulls = pulls
        self._opens = opens
        self._blobs = blobs
        self._registries = registries
        self._limits = limits
        self._schemes = tuple(schemes)
        self._local_roots = tuple(local_roots)

    async def ingest(self, key: VersionKey, created_at_ms: int) -> Digest:
        """Fetch, check and keep a version.

        Raises IngestError; nothing is left behind then.
        """
        folder = await asyncio.to_thread(self._blobs.stage)
        try:
            return await self._ingest(folder, key, created_at_ms)
        except OSError as error:
            raise disk_error(error) from error
        finally:
            await asyncio.to_thread(self._blobs.discard, folder)

    async def _ingest(self, folder: Path, key: VersionKey, created_at_ms: int) -> Digest:
        pulled = await self._pulls.pull(self._job(folder, key, created_at_ms))
        try:
            inspection = await self._opens.open(folder, pulled)
        except MissingData as missing:
            await self._pulls.pull(self._job(folder, key, created_at_ms, missing.names))
            inspection = await self._opened_with_data(folder, pulled)
        card = await asyncio.to_thread(_completed, folder, pulled, inspection)
        await asyncio.to_thread(self._blobs.commit, folder / MODEL_FOLDER, card)
        return card.digest

    async def _opened_with_data(self, folder: Path, pulled: Pulled) -> Inspection:
        try:
            return await self._opens.open(folder, pulled)
        except MissingData as missing:
            raise ExternalDataMissing(f"{pulled.model} keeps weights in {missing}, which were not fetched") from missing

    def _job(self, folder: Path, key: VersionKey, created_at_ms: int, data_files: tuple[str, ...] = ()) -> PullJob:
        return PullJob(
            registry_uri=self._registries[key.registry],
            model=key.model,
            version=key.version,
            created_at_ms=created_at_ms,
            folder=folder,
            data_files=data_files,
            limits=self._limits,
            schemes=self._schemes,
            local_roots=self._local_roots,
        )


def _completed(folder: Path, pulled: Pulled, inspection: Inspection) -> ModelCard:
    """Write the canonical files beside the model, name all of it, add the reference sample, not part of the name."""
    model_folder = folder / MODEL_FOLDER
    if inspection.columns is not None:
        (model_folder / SIGNATURE_NAME).write_bytes(canonical_signature(inspection.columns))
    features = None
    if pulled.features is not None:
        features = lookup_of((folder / pulled.features).read_bytes(), inspection.columns)
        (model_folder / feature_file.FILE).write_bytes(canonical_features(features))
    if inspection.golden.source is GoldenSource.INPUT_EXAMPLE:
        (folder / CANONICAL_EXAMPLE).rename(model_folder / EXAMPLE_NAME)
    files = tuple(model_file(model_folder, path) for path in _files_below(model_folder))
    reference = _keep_reference(folder, pulled)
    return ModelCard(
        digest=digest_of(files),
        files=files,
        model_path=pulled.model,
        inputs=inspection.inputs,
        outputs=inspection.outputs,
        columns=inspection.columns,
        features=features,
        golden=inspection.golden,
        cost=inspection.cost,
        opsets=inspection.opsets,
        reference_path=reference,
    )


def model_file(folder: Path, path: str) -> ModelFile:
    """Measure a file of a folder."""
    with (folder / path).open("rb") as file:
        content = hashlib.file_digest(file, "sha256")
    return ModelFile(path=path, size=(folder / path).stat().st_size, sha256=content.hexdigest())


def _files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _keep_reference(folder: Path, pulled: Pulled) -> str | None:
    if pulled.reference is None:
        return None
    source = folder / pulled.reference
    source.rename(folder / MODEL_FOLDER / source.name)
    return source.name
