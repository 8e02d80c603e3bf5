"""What the store would say of files on this machine, before anybody registers them: by its own checks."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from penstock_contracts.model_card import ModelCard
from penstock_model_store.blobs import Blobs
from penstock_model_store.disk import RealDisk
from penstock_model_store.errors import ArtifactsMissing, IngestError
from penstock_model_store.layout import Listed
from penstock_model_store.limits import Limits
from penstock_model_store.onnx_graph import external_files, parsed_model
from penstock_model_store.pipeline import Pipeline
from penstock_model_store.pull import pull_files
from penstock_model_store.pull_job import Pulled, PullJob
from penstock_model_store.settings import ModelStoreSettings
from penstock_model_store.sources import LocalSource
from penstock_model_store.throwaway import Opener
from penstock_model_store.version_index import VersionKey

_HERE = "this machine"


@dataclass(frozen=True)
class Rehearsed:
    """A model that the store would take."""

    card: ModelCard
    folder: Path
    """With the card and all its files, as a predictor takes it."""


def rehearse(location: Path, workplace: Path, limits: Limits, *, model: str, version: str) -> Rehearsed:
    """Take in an .onnx file or an artifact's folder as if it were this version of that model.

    `workplace`: an empty folder for what comes of it. Raises IngestError, which says what is wrong and what to do.
    """
    blobs = Blobs(workplace, RealDisk())
    pipeline = Pipeline(
        pulls=LocalPulls(location),
        opens=Opener(limits),
        blobs=blobs,
        registries={_HERE: _HERE},
        limits=limits,
        schemes=(),
        local_roots=(),
    )
    digest = asyncio.run(pipeline.ingest(VersionKey(registry=_HERE, model=model, version=version), 0))
    card = blobs.card(digest)
    file = blobs.file(card, card.model_path) if card else None
    if card is None or file is None:
        raise ArtifactsMissing(f"what came of {location} left {workplace} before it was read: try again")
    (file.parent / "card.json").write_text(card.model_dump_json())
    return Rehearsed(card, file.parent)


def usual_limits(folder: Path) -> Limits:
    """What the store allows where its administrator has changed nothing; `folder` is any."""
    return ModelStoreSettings(data=folder, registries=folder).limits()


class LocalPulls:
    """Fetches from this machine's own disk."""

    def __init__(self, location: Path) -> None:
        """`location`: an .onnx file, or the folder that an artifact would be."""
        self._location = location

    async def pull(self, job: PullJob) -> Pulled:
        """See Pulls."""
        return await asyncio.to_thread(self._pull, job)

    def _pull(self, job: PullJob) -> Pulled:
        if self._location.is_dir():
            source = LocalSource(self._location)
            return pull_files(source, source.files(job.limits.artifact_files), job)
        if not self._location.exists():
            raise ArtifactsMissing(f"{self._location} does not exist: name an .onnx file, or a folder with one")
        return pull_files(LocalSource(self._location.parent), self._file_and_its_data(), job)

    def _file_and_its_data(self) -> Sequence[Listed]:
        """Of a file, what it names: the other files beside it are no part of it."""
        names = [self._location.name]
        with suppress(IngestError):  # it is found again, and told, where the model is opened
            names += external_files(self._location.name, parsed_model(self._location))
        found = [self._location.parent / name for name in names]
        return [
            Listed(path=name, size=file.stat().st_size)
            for name, file in zip(names, found, strict=True)
            if file.exists()
        ]
