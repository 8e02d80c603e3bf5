"""What people and tools can read of a cluster without a right to its Secrets: objects, logs, arguments."""

from collections.abc import Iterator

from penstock_testing import faults
from penstock_testing.cluster import CommandError, KubernetesCluster, Object

_SECRETS = "secrets"
_ARGUMENTS = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true"


def texts(cluster: KubernetesCluster, *namespaces: str) -> Iterator[tuple[str, str]]:
    """Where it stands, and the text: every object of every kind but Secrets, every process' arguments, and the logs of
    these namespaces.
    """
    for kind in _kinds(cluster):
        yield kind, cluster.kubectl("get", kind, "-A", "-o", "yaml", "--show-managed-fields")
    for namespace in namespaces:
        for pod in cluster.items("pods", namespace):
            yield from _logs(cluster, pod)
    yield "arguments of processes", faults.inside(cluster, "sh", "-c", _ARGUMENTS)


def _kinds(cluster: KubernetesCluster) -> list[str]:
    listed = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    return [kind for kind in listed if kind != _SECRETS]


def _logs(cluster: KubernetesCluster, pod: Object) -> Iterator[tuple[str, str]]:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    for more in ((), ("--previous",)):
        try:
            text = cluster.kubectl("logs", name, "-n", namespace, "--all-containers", "--tail=-1", *more)
        except CommandError:  # it has none: not started, or never started again
            continue
        yield f"log of {namespace}/{name}", text
