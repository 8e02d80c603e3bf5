"""Why a version is not served. The class name is the reason word that conditions, logs and metrics show.

IngestError
    ArtifactRefused  it is bad: the same bytes will be refused again
    Failed           something outside is wrong, or this store lacks something: tried again, later, when asked again

A refusal holds for the store that judged: another onnxruntime, other limits or newer code judge anew (judge.py).

Each class says what is wrong, and below that what to change. docs/user/why-was-my-version-refused.md is made from it.
"""

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
class SourceRefused(ArtifactRefused):
    """The version's files lie where the store does not fetch from, such as another host or a folder of a machine.

    Log the model to the artifact store of its MLflow server, or ask the administrator to allow the place.
    """


class PathRefused(ArtifactRefused):
    """A file's path leaves the artifact's folder, or cannot be named safely.

    Rename the file to a short, plain, relative path and log the model again.
    """


class LinkRefused(ArtifactRefused):
    """The artifact has a link in place of a file.

    Register the file itself.
    """


class SpecialFileRefused(ArtifactRefused):
    """The artifact has something that is neither a file nor a folder.

    Register plain files only.
    """


class TooManyFiles(ArtifactRefused):
    """The artifact has too many files, or folders that are nested too deep.

    Register only what the model needs, or ask the administrator for a higher limit.
    """


class ArtifactTooLarge(ArtifactRefused):
    """The files together are larger than the store takes.

    Make the model smaller, or ask the administrator for a higher limit.
    """


class ReferenceTooLarge(ArtifactRefused):
    """The reference sample is larger than the store takes.

    Log a smaller sample: 2,000 rows are enough.
    """


class ReservedName(ArtifactRefused):
    """A file with weights has a name that the store needs itself.

    Rename the data file and save the model again.
    """


# What the layout shows.
class BadMetadata(ArtifactRefused):
    """The file MLmodel, or the signature in it, cannot be read.

    Log the model again with MLflow or penstock.log_model.
    """


class PickleOnly(ArtifactRefused):
    """There is no ONNX model, only a pickle, which would run code when it is opened.

    Log it with penstock.log_model, or convert the registered version: penstock convert.
    """


class PythonModel(ArtifactRefused):
    """Python code around the model answers, and code from an artifact is never run.

    Put what the code does into the model, and log that.
    """


class NoModelFile(ArtifactRefused):
    """There is no ONNX file, or not the one that MLmodel names.

    Log the model with penstock.log_model, or convert the registered version: penstock convert.
    """


class SeveralModelFiles(ArtifactRefused):
    """There are several ONNX files, and nothing says which one to serve.

    Log the model with penstock.log_model, or register a folder with one ONNX file.
    """


# What the model file shows.
class EmptyModel(ArtifactRefused):
    """The model file has no bytes: its upload did not work.

    Log the model again.
    """


class TruncatedModel(ArtifactRefused):
    """The model file breaks off: its upload did not end.

    Log the model again.
    """


class NotOnnx(ArtifactRefused):
    """The file has the name of an ONNX model and is none.

    Register what onnx.save_model, mlflow.onnx.log_model or penstock.log_model wrote.
    """


class InvalidGraph(ArtifactRefused):
    """The file is ONNX, and onnxruntime cannot load its graph.

    Export the model again; penstock check model.onnx says on your machine whether it is right.
    """


class UnsupportedOpset(ArtifactRefused):
    """The model needs a newer operator set than this store's onnxruntime has.

    Export it with the target_opset that the message names, or less.
    """


class UnsupportedOperator(ArtifactRefused):
    """The model has an operator that onnxruntime does not run by itself.

    Export it with standard operators, another operator set or another data type.
    """


class ExternalDataOutside(ArtifactRefused):
    """Weights lie outside the artifact's folder.

    Save the model with its data beside it, or in one file.
    """


class ExternalDataMissing(ArtifactRefused):
    """A file with weights is not in the artifact.

    Log the model with its data files, or in one file (save_as_external_data=False).
    """


class ExternalDataTruncated(ArtifactRefused):
    """A file with weights is shorter than the model needs: its upload broke off.

    Log the model again.
    """


# What opening it shows.
class UnsupportedInput(ArtifactRefused):
    """An input has a type that no request can carry.

    Export the model with inputs of numbers, texts or flags.
    """


class UnsupportedOutput(ArtifactRefused):
    """An output has a type that no answer can carry, such as skl2onnx's ZipMap.

    Log it with penstock.log_model, or convert it with options={'zipmap': False}.
    """


class SignatureMismatch(ArtifactRefused):
    """The signature's columns or tensors do not fit the graph's inputs.

    Log the model again with a signature that names the graph's inputs, in their order and types. penstock.log_model
    makes it.
    """


class BadFeatures(ArtifactRefused):
    """The version's features.json cannot be read, or does not fit its signature.

    Correct what the message names, and log the version again.
    """


class InputExampleRefused(ArtifactRefused):
    """The input example cannot be read, or the model does not answer it.

    Log the model with an example of a few rows that it answers.
    """


class GoldenFailed(ArtifactRefused):
    """The model answers no request that the store could guess from its inputs.

    Log an input example that it answers.
    """


class GoldenNotFinite(ArtifactRefused):
    """The answer to the first request is not a number, or infinite.

    Log an input example that the model answers with numbers.
    """


class GoldenTooLarge(ArtifactRefused):
    """The smallest request is larger than a client can send.

    Export the model with smaller inputs.
    """


class NondeterministicOutput(ArtifactRefused):
    """The same request gets two different answers.

    Remove what is random, such as dropout in training mode, and log the model again.
    """


class TextNotUnicode(ArtifactRefused):
    """The model answers text that is not UTF-8.

    Encode its texts anew, as the message shows, and log it again.
    """


class MemoryLimitExceeded(ArtifactRefused):
    """Opening the model needs more memory than the store allows.

    Make the model smaller, or ask the administrator for a higher limit.
    """


class OpenTimeLimitExceeded(ArtifactRefused):
    """Opening the model and its first answer take longer than the store allows.

    Make the model lighter, or ask the administrator for a higher limit.
    """


class CrashedOnOpen(ArtifactRefused):
    """onnxruntime crashed on the model.

    Export it again, with another operator set if it crashes once more.
    """


# What this store lacks: nothing is said against the artifact.
class RuntimeLacks(Failed):
    """The model needs something that the store's image, or its node's processor, lacks.

    Nothing is wrong with the model: tell the administrator.
    """


class OpenKilled(Failed):
    """The kernel ended the process that opened the model, for lack of memory.

    Ask the administrator for more memory for the store (modelStore.resources).
    """


class OpenStarved(Failed):
    """The node was too busy to open the model in time.

    Wait: it is tried again. If it lasts, give the store a processor of its own.
    """


# What is outside the artifact.
class RegistryUnavailable(Failed):
    """The registry does not answer.

    Wait: it is tried again. Is the registry up, and its address right?
    """


class RegistryDenied(Failed):
    """The registry does not let the store read the version.

    Ask the administrator to check the store's credentials (registryCredentialsSecret).
    """


class VersionNotFound(Failed):
    """The registry does not have this version.

    Check spec.registry: model, alias or version.
    """


class VersionNotReady(Failed):
    """The registry says that the version is still being made, or that making it failed.

    Wait, or register it again.
    """


class VersionReplaced(Failed):
    """The version was deleted and made anew while it was fetched.

    Wait: it is asked for again.
    """


class ArtifactsMissing(Failed):
    """Files of the version are not where the registry says.

    Were they deleted, or is their upload under way? Log the model again.
    """


class DownloadIncomplete(Failed):
    """Fewer bytes came than the registry's list says.

    Wait: it is tried again. If it lasts, log the model again.
    """


class PullTimeLimitExceeded(Failed):
    """Fetching the version took too long.

    Is the registry slow? Otherwise ask the administrator for a higher limit.
    """


class PullCrashed(Failed):
    """The process that fetches ended without an answer.

    Ask the administrator to look into the store's log.
    """


class StoreFull(Failed):
    """The store's volume is full.

    Ask the administrator to enlarge it (modelStore.storage), or delete resources that nobody needs.
    """


class StoreFault(Failed):
    """The store itself failed.

    Ask the administrator to look into its log.
    """


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
