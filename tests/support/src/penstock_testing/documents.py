"""YAML, read by the C parser where there is one: what a chart renders takes the other one half a second."""

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> Any:
    """The one document."""
    return yaml.load(text, _LOADER)  # noqa: S506 - both are safe loaders


def read_all(text: str) -> list[Any]:
    """All documents but empty ones."""
    return [document for document in yaml.load_all(text, _LOADER) if document]
