"""How many processors this container may use: os.cpu_count() counts the node's, not the container's."""

from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")


def cpu_limit(root: Path = CGROUP_ROOT) -> float | None:
    """Processors that the cgroup allows, e.g. 0.5 for a limit of 500m; None where there is no limit."""
    return _limit_v2(root / "cpu.max") or _limit_v1(root / "cpu")


def default_threads(workers: int, root: Path = CGROUP_ROOT) -> int:
    """Whole processors of the limit for each worker, at least one: more threads would be throttled in mid-run."""
    limit = cpu_limit(root)
    return 1 if limit is None else max(1, int(limit / workers))


def _limit_v2(file: Path) -> float | None:
    words = _read(file).split()
    if len(words) != 2 or words[0] == "max":  # noqa: PLR2004 - "<quota> <period>" in microseconds
        return None
    return int(words[0]) / int(words[1])


def _limit_v1(folder: Path) -> float | None:
    quota = int(_read(folder / "cpu.cfs_quota_us") or -1)
    period = int(_read(folder / "cpu.cfs_period_us") or 0)
    return quota / period if quota > 0 and period > 0 else None


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
