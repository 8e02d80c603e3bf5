"""Where things are kept: all of it below one cache directory, none of it in the work tree."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SCRIPT = HERE / "cluster"
GO_SOURCES = HERE / "go"
PROJECT = HERE.parent.parent


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "penstock"


def clusters() -> Path:
    return cache() / "clusters"


def registry_storage() -> Path:
    """Shared by every cluster: blobs are named by their content, so a new cluster already has what was ever pushed."""
    return cache() / "registry"
