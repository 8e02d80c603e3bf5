"""Why a version is not served. The class name is the reason word that conditions, logs and metrics show.

IngestError
    ArtifactRefused  it is bad: the same bytes will be refused again
    Failed           something outside is wrong, or this store lacks something: tried again, later, when asked again

A refusal holds for the store that judged: another onnxruntime, other limits or newer code judge anew (judge.py).
"""
# ruff: noqa: D101 - the names are the reason words users see; the docstrings of the two bases hold for all below

import errno
from typing import ClassVar

from penstock_contracts.model_card import IngestPhase


class IngestError(Exception):
    """An ingest that ended without a digest. The message says what, on which file, and what to do."""

    phase: ClassVar[IngestPhase]

    @property
    def reason(self) -> str:
        """One CamelCase word."""
        return type(self).__name__


class ArtifactRefused(IngestError):
    """The artifact is bad."""

    phase = IngestPhase.REFUSED


class Failed(IngestError):
    """Something outside is wrong."""

    phase = IngestPhase.FAILED


# What the listing shows.
class SourceRefused(ArtifactRefused): ...


class PathRefused(ArtifactRefused): ...


class LinkRefused(ArtifactRefused): ...


class SpecialFileRefused(ArtifactRefused): ...


class TooManyFiles(ArtifactRefused): ...


class ArtifactTooLarge(ArtifactRefused): ...


class ReferenceTooLarge(ArtifactRefused): ...


class ReservedName(ArtifactRefused): ...


# What the layout shows.
class BadMetadata(ArtifactRefused): ...


class PickleOnly(ArtifactRefused): ...


class PythonModel(ArtifactRefused): ...


class NoModelFile(ArtifactRefused): ...


class SeveralModelFiles(ArtifactRefused): ...


# What the model file shows.
class EmptyModel(ArtifactRefused): ...


class TruncatedModel(ArtifactRefused): ...


class NotOnnx(ArtifactRefused): ...


class InvalidGraph(ArtifactRefused): ...


class UnsupportedOpset(ArtifactRefused): ...


class UnsupportedOperator(ArtifactRefused): ...


class ExternalDataOutside(ArtifactRefused): ...


class ExternalDataMissing(ArtifactRefused): ...


class ExternalDataTruncated(ArtifactRefused): ...


# What opening it shows.
class UnsupportedInput(ArtifactRefused): ...


class UnsupportedOutput(ArtifactRefused): ...


class SignatureMismatch(ArtifactRefused): ...


class BadFeatures(ArtifactRefused): ...


class InputExampleRefused(ArtifactRefused): ...


class GoldenFailed(ArtifactRefused): ...


class GoldenNotFinite(ArtifactRefused): ...


class GoldenTooLarge(ArtifactRefused): ...


class NondeterministicOutput(ArtifactRefused): ...


class TextNotUnicode(ArtifactRefused): ...


class MemoryLimitExceeded(ArtifactRefused): ...


class OpenTimeLimitExceeded(ArtifactRefused): ...


class CrashedOnOpen(ArtifactRefused): ...


# What this store lacks: nothing is said against the artifact.
class RuntimeLacks(Failed): ...


class OpenKilled(Failed): ...


class OpenStarved(Failed): ...


# What is outside the artifact.
class RegistryUnavailable(Failed): ...


class RegistryDenied(Failed): ...


class VersionNotFound(Failed): ...


class VersionNotReady(Failed): ...


class VersionReplaced(Failed): ...


class ArtifactsMissing(Failed): ...


class DownloadIncomplete(Failed): ...


class PullTimeLimitExceeded(Failed): ...


class PullCrashed(Failed): ...


class StoreFull(Failed): ...


class StoreFault(Failed): ...


def error_kinds() -> tuple[type[IngestError], ...]:
    """Return every way in which an ingest may end without a digest."""
    return tuple(kind for base in (ArtifactRefused, Failed) for kind in base.__subclasses__())


def error_named(reason: str, message: str) -> IngestError:
    """Rebuild an error that crossed a process boundary; a word that is not ours becomes StoreFault."""
    kind = {kind.__name__: kind for kind in error_kinds()}.get(reason)
    return kind(message) if kind else StoreFault(f"{reason}: {message}")


def disk_error(error: OSError) -> StoreFull | StoreFault:
    """Name what the operating system says of the store's own disk."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return store_full()
    return StoreFault(f"the store could not write or read its own disk: {error}")


def store_full() -> StoreFull:
    """Say it alike wherever it shows."""
    return StoreFull(
        "the store's volume is full: make it larger (modelStore.storage), or have versions that nobody names any more "
        "removed sooner (modelStore.retention.graceSeconds); it goes on by itself when there is room"
    )


def too_much_memory(name: str) -> MemoryLimitExceeded:
    """Say it alike wherever it shows."""
    return MemoryLimitExceeded(
        f"opening {name} needs more memory than the store allows: make the model smaller, or raise the limit "
        "(modelStore.openMemoryBytes, PENSTOCK_STORE_OPEN_MEMORY_BYTES): it is judged anew then"
    )
