"""How much one artifact may cost."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that hold for every ingest."""

    artifact_bytes: int
    """All files of one version that are fetched, together."""
    artifact_files: int
    """Files in the listing."""
    reference_bytes: int
    open_memory_bytes: int
    """Address space of the process that opens a model."""
    open_seconds: int
    """CPU time of that process, which is what a model costs on a busy machine too; WALL_FACTOR times that of wall time,
    for one that waits instead of computing."""
    pull_seconds: float
    """Wall time of one fetch from the registry."""


WALL_FACTOR = 3
_RESERVE = 384 * 2**20
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def container_memory(files: tuple[Path, ...] = _CGROUP_LIMITS) -> int | None:
    """Bytes this container may use; None: no limit is set."""
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def open_memory(wanted: int, container: int | None) -> int:
    """Bytes to allow the opening process: below the container's limit, or the kernel ends the store too."""
    if container is None:
        return wanted
    return min(wanted, max(container - _RESERVE, container // 2))
