"""Where a model that a command names lies on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from penstock.registry import MlflowServer

_REGISTERED = ("models:/", "runs:/")


@contextmanager
def located(model: str) -> Iterator[Path]:
    """A file or folder as it is, or a copy of what MLflow has under an address. Raises RegistryFault."""
    if not model.startswith(_REGISTERED):
        yield Path(model)
        return
    server = MlflowServer()
    server.reach()
    with TemporaryDirectory(prefix="penstock-") as folder:
        yield server.download(model, Path(folder))
