"""Running things in a cluster's namespaces."""

import subprocess
from pathlib import Path

from testcluster import record
from testcluster.errors import ClusterError
from testcluster.processes import ClusterProcess
from testcluster.record import ClusterRecord


def init(kept: ClusterRecord) -> ClusterProcess | None:
    current = record.read(kept.name)
    return current.init if current else None


def command_for(kept: ClusterRecord, *command: str) -> list[str]:
    """That command in the cluster's namespaces."""
    first = init(kept)
    if first is None or not first.alive:
        raise ClusterError(f"cluster {kept.name} does not run; start it with `tests/cluster/cluster up {kept.name}`")
    return ["nsenter", "-t", str(first.pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--", *command]


def load_archive(kept: ClusterRecord, archive: Path) -> subprocess.CompletedProcess[str]:
    """Puts the images of a docker or OCI archive into the node's store."""
    command = command_for(kept, "ctr", "-n", "k8s.io", "images", "import", str(archive))
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
