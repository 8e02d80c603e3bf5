"""The node's unpacked images outlive a cluster: unpacking a gigabyte takes half a minute, renaming its folder nothing.

A cluster that ends leaves the folder of containerd here, and the next one to start takes it away: it never has two
users. What the old cluster's pods left in it is forgotten before the new one's kubelet starts, as after a reboot.
"""

import shutil
import subprocess
import time
from pathlib import Path

from testcluster import paths
from testcluster.errors import ClusterError

_KEPT = 2  # folders
_MOST_SNAPSHOTS = 200  # each image that was ever pulled adds some; beyond this the folder is not worth its disk
_LIMIT = 20.0  # seconds for containerd to answer


def _pool() -> Path:
    return paths.cache() / "image-stores"


def _mark(state: Path) -> Path:
    return state / "containerd-has-a-past"


def park(state: Path) -> None:
    """Keeps the folder of a cluster whose processes have all ended."""
    folder = state / "containerd"
    snapshots = folder / "io.containerd.snapshotter.v1.overlayfs" / "snapshots"
    if not snapshots.is_dir() or len(list(snapshots.iterdir())) > _MOST_SNAPSHOTS:
        return
    _pool().mkdir(exist_ok=True)
    folder.rename(_pool() / f"{time.time_ns()}")
    for old in sorted(_pool().iterdir())[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def take(state: Path) -> None:
    """Gives a new cluster the folder that was parked last, if there is one."""
    if not _pool().is_dir():
        return
    for folder in sorted(_pool().iterdir(), reverse=True):
        try:
            folder.rename(state / "containerd")
        except FileNotFoundError:  # another cluster was quicker
            continue
        _mark(state).touch()
        return


def has_past(state: Path) -> bool:
    """Whether this cluster's containerd was another cluster's before."""
    return _mark(state).exists()


def forget_containers(state: Path) -> None:
    """Inside of the sandbox, while containerd runs: removes what its folder knows of earlier pods."""
    until = time.monotonic() + _LIMIT
    while (listed := _ctr("containers", "ls", "-q")).returncode != 0:
        if time.monotonic() > until:
            raise ClusterError(f"containerd does not answer: {listed.stderr.strip()}")
        time.sleep(0.05)
    if listed.stdout.split():
        _ctr("containers", "rm", *listed.stdout.split())
    _mark(state).unlink()


def _ctr(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ctr", "-n", "k8s.io", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
