"""Where a model that a command names lies on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from penstock.registry import TrackingRegistry

_REGISTERED = "models:/"


@dataclass(frozen=True)
class LocatedModel:
    """A model on this machine's disk."""

    place: Path
    """An .onnx file, or a folder that MLflow logged."""
    name: str
    version: str


@contextmanager
def located(model: str) -> Iterator[LocatedModel]:
    """A file or folder as it is, or a copy of the version that an address of MLflow names. Raises RegistryFault."""
    if not model.startswith(_REGISTERED):
        yield LocatedModel(Path(model), Path(model).stem, "1")
        return
    server = TrackingRegistry()
    server.reach()
    name, version = server.version_of(model)
    with TemporaryDirectory(prefix="penstock-") as folder:
        yield LocatedModel(server.download(f"{_REGISTERED}{name}/{version}", Path(folder)), name, version)
