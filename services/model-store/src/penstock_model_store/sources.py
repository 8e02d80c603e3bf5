"""Where an artifact's bytes come from: an artifact store that MLflow's client reads, or a folder of this machine."""

import errno
import os
import resource
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import unquote, urlparse

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from penstock_model_store.artifact_paths import checked_path
from penstock_model_store.errors import (
    ArtifactsMissing,
    ArtifactTooLarge,
    DownloadIncomplete,
    LinkRefused,
    SourceRefused,
    SpecialFileRefused,
    TooManyFiles,
)
from penstock_model_store.layout import Listed

_MAX_DEPTH = 16
_CHUNK = 2**20


class ArtifactSource(Protocol):
    """Reads one artifact."""

    def files(self, most: int) -> list[Listed]:
        """List all files; raises TooManyFiles beyond `most`, and what the paths and kinds of files deserve."""
        ...

    def fetch(self, file: Listed, target: Path) -> None:
        """Copy one listed file to a path whose folder exists."""
        ...


def opened_source(uri: str, *, tracking_uri: str, schemes: Sequence[str], local_roots: Sequence[str]) -> ArtifactSource:
    """Choose how to read a resolved artifact location.

    Raises SourceRefused for a location that the administrator did not allow: whoever may register a version chooses
    its location, and could otherwise make the store read its own disk, or send its credentials elsewhere.
    """
    parsed = urlparse(uri)
    if parsed.scheme in {"", "file"}:
        return LocalSource(_allowed_folder(uri, Path(unquote(parsed.path)), local_roots))
    if parsed.scheme not in schemes:
        raise SourceRefused(
            f"the version lies at a {parsed.scheme}: location; allowed are {', '.join(schemes)}: "
            "move it, or ask the administrator to allow the scheme (PENSTOCK_STORE_ARTIFACT_SCHEMES)"
        )
    if parsed.scheme == "mlflow-artifacts" and parsed.netloc not in {"", urlparse(tracking_uri).netloc}:
        raise SourceRefused(
            f"the version lies on {parsed.netloc}, which is not its registry: register it from its own artifact store"
        )
    return RemoteSource(uri, tracking_uri)


def _allowed_folder(uri: str, folder: Path, local_roots: Sequence[str]) -> Path:
    real = Path(os.path.realpath(folder))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in local_roots):
        raise SourceRefused(
            f"the version lies at {uri}, a folder of the store's own machine: log it to the MLflow server's artifact "
            "store, or ask the administrator to allow the folder (PENSTOCK_STORE_LOCAL_ROOTS)"
        )
    return real


class RemoteSource:
    """An artifact store, through MLflow's client."""

    def __init__(self, uri: str, tracking_uri: str) -> None:
        self._repository = get_artifact_repository(uri, tracking_uri=tracking_uri)

    def files(self, most: int) -> list[Listed]:
        """See ArtifactSource."""
        return _bounded(self._walk("", 0, [most]), most)

    def _walk(self, folder: str, depth: int, listings_left: list[int]) -> Iterator[Listed]:
        listings_left[0] -= 1
        if depth > _MAX_DEPTH or listings_left[0] < 0:
            raise TooManyFiles(f"folder {folder!r} is nested too deep or has too many folders: register a flat folder")
        for info in self._repository.list_artifacts(folder or None):
            path = checked_path(info.path)
            if info.is_dir and path != folder:
                yield from self._walk(path, depth + 1, listings_left)
            elif not info.is_dir:
                yield Listed(path=path, size=info.file_size or 0)

    def fetch(self, file: Listed, target: Path) -> None:
        """See ArtifactSource. Checks afterwards that the copy is a plain file of the size that was listed."""
        with TemporaryDirectory(dir=target.parent, prefix=".inbox-") as inbox:
            self._repository.download_artifacts(file.path, dst_path=inbox)  # type: ignore[no-untyped-call] # MLflow's
            arrived = Path(inbox) / file.path
            if not os.path.lexists(arrived):
                raise ArtifactsMissing(f"{file.path} is listed but cannot be downloaded: is its upload complete?")
            size = checked_file(file.path, arrived.lstat()).st_size
            if file.size and size != file.size:
                raise DownloadIncomplete(f"{file.path} is listed with {file.size} bytes, but {size} arrived")
            arrived.rename(target)


class LocalSource:
    """A folder of this machine, for registries whose artifact store is a mounted disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self, most: int) -> list[Listed]:
        """See ArtifactSource."""
        return _bounded(self._walk(self._folder, 0), most)

    def _walk(self, folder: Path, depth: int) -> Iterator[Listed]:
        if depth > _MAX_DEPTH:
            raise TooManyFiles(f"folder {folder} is nested too deep: register a flat folder")
        for entry in _entries(folder):
            path = checked_path(entry.relative_to(self._folder).as_posix())
            status = entry.lstat()
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(entry, depth + 1)
            else:
                yield Listed(path=path, size=checked_file(path, status).st_size)

    def fetch(self, file: Listed, target: Path) -> None:
        """See ArtifactSource. Checks the opened file again: it may have become a link since it was listed."""
        try:
            descriptor = os.open(self._folder / file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise LinkRefused(_link_message(file.path)) from error
            raise
        with os.fdopen(descriptor, "rb") as source, target.open("wb") as copy:
            checked_file(file.path, os.fstat(source.fileno()))
            while chunk := source.read(_CHUNK):
                copy.write(chunk)


class Budget:
    """Counts what is copied, and has the kernel stop a file that grows beyond what is left."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._left = total

    def fetch(self, source: ArtifactSource, file: Listed, target: Path) -> None:
        """Copy a file within the budget; raises ArtifactTooLarge."""
        if file.size > self._left:
            raise self._too_large(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(self._left, _CHUNK), before[1]))
        try:
            source.fetch(file, target)
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise self._too_large(file) from error
            raise
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self._left -= target.stat().st_size
        if self._left < 0:
            raise self._too_large(file)

    def _too_large(self, file: Listed) -> ArtifactTooLarge:
        return ArtifactTooLarge(
            f"with {file.path} ({file.size} bytes listed) the version is larger than {self._total} bytes: make the "
            "model smaller, or raise the store's limit (PENSTOCK_STORE_MAX_ARTIFACT_BYTES)"
        )


def checked_file(path: str, status: os.stat_result) -> os.stat_result:
    """Give back the status of a plain file with one name; raises LinkRefused or SpecialFileRefused for others."""
    if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
        raise LinkRefused(_link_message(path))
    if not stat.S_ISREG(status.st_mode):
        raise SpecialFileRefused(f"{path} is neither a file nor a folder: register plain files only")
    return status


def _link_message(path: str) -> str:
    return f"{path} is a link: it could show a file from outside the artifact; register a copy of the file instead"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except NotADirectoryError:
        return []
    except FileNotFoundError as error:
        raise ArtifactsMissing(f"folder {folder} does not exist: was the version's artifact deleted?") from error


def _bounded(files: Iterator[Listed], most: int) -> list[Listed]:
    taken: list[Listed] = []
    for file in files:
        if len(taken) == most:
            raise TooManyFiles(
                f"the artifact has more than {most} files: register only what runs, or raise the store's limit "
                "(PENSTOCK_STORE_MAX_FILES)"
            )
        taken.append(file)
    return taken
