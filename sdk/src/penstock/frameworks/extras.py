"""Packages that only some models need."""

from importlib import import_module
from types import ModuleType

from penstock.errors import ExtraMissing


def needed(module: str, *, extra: str, to: str) -> ModuleType:
    """Import a module. Raises ExtraMissing with the line that installs it. `to`: what it is needed for."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ExtraMissing(
            f"to {to}, penstock needs {module.partition('.')[0]}, which is not installed here ({error}): "
            f"pip install 'penstock-sdk[{extra}]'"
        ) from error
