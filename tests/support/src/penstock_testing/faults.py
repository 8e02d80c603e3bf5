"""What goes wrong in a cluster, done on purpose: processes killed with -9, as a node would lose them."""

import subprocess
import time

from penstock_testing.cluster import Cluster, CommandError, Object
from penstock_testing.demo_cluster import SCRIPT

_FIND = 'grep -l "$1" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3'


def container_ids(pod: Object, container: str = "") -> list[str]:
    """The running containers of a pod, or the one of that name."""
    return [
        status["containerID"].removeprefix("containerd://")
        for status in pod["status"].get("containerStatuses", [])
        if "running" in status["state"] and container in ("", status["name"])
    ]


def kill(cluster: Cluster, pod: Object, container: str = "") -> float:
    """SIGKILL every process of a pod's containers (or of one), all at once; answers the Unix time.

    Only on a test cluster of our own: nobody inside a container may kill its first process.
    """
    if not cluster.name:
        raise CommandError("kill -9 needs a test cluster of our own: on CONTEXT the node's processes are not ours")
    ids = container_ids(pod, container)
    if not ids:
        raise CommandError(f"pod {pod['metadata']['name']} has no running container {container}")
    pids = [pid for each in ids for pid in _inside(cluster, "sh", "-c", _FIND, "find", each).split()]
    at = time.time()
    _inside(cluster, "kill", "-9", *pids)
    return at


def _inside(cluster: Cluster, *command: str) -> str:
    full = [str(SCRIPT), "exec", cluster.name, "--", *command]
    return subprocess.run(full, check=True, capture_output=True, text=True, timeout=60).stdout
