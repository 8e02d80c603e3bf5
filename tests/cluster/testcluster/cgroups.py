"""Each cluster's pods live below a cgroup of its own, in every hierarchy this machine has."""

import time
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_SHARE = {"cpu.shares": "8192", "cpu.weight": "800"}
"""v1 and v2, eight times the default: below the root every process of this machine has as much as one cgroup, so that
all pods together would get less of it than they get of a node."""
_LIMIT = 10.0  # seconds for the kernel to let go of what has just been killed


def hierarchies(root: Path = _ROOT) -> list[Path]:
    """The unified hierarchy (v2), or one folder for each controller (v1, hybrid)."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return [entry for entry in sorted(root.iterdir()) if entry.is_dir() and not entry.is_symlink()]


def make(name: str) -> None:
    for hierarchy in hierarchies():
        if (hierarchy / "cgroup.controllers").exists():
            _delegate(hierarchy)
        folder = hierarchy / name
        folder.mkdir(exist_ok=True)
        for file in _SHARE.keys() & {entry.name for entry in folder.iterdir()}:
            (folder / file).write_text(_SHARE[file])


def _delegate(unified: Path) -> None:
    """v2: a child has only the controllers that its parent hands down."""
    for controller in (unified / "cgroup.controllers").read_text().split():
        with suppress(OSError):
            (unified / "cgroup.subtree_control").write_text(f"+{controller}")


def named(prefix: str) -> set[str]:
    return {entry.name for hierarchy in hierarchies() for entry in hierarchy.glob(f"{prefix}[0-9]*") if entry.is_dir()}


def remove(name: str) -> None:
    """Removes the cluster's cgroups from the leaves up; their processes are dead, but the kernel may still be at it."""
    until = time.monotonic() + _LIMIT
    while not all(_removed(hierarchy / name) for hierarchy in hierarchies()):
        if time.monotonic() > until:
            break
        time.sleep(0.05)


def _removed(top: Path) -> bool:
    for folder in sorted((entry for entry in top.rglob("*") if entry.is_dir()), key=lambda entry: -len(entry.parts)):
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        top.rmdir()
    return not top.exists()
