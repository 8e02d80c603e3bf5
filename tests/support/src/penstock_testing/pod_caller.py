"""A pod that tries other pods' ports: who is let in, and who is not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_testing.cluster import KubernetesCluster, Object

WAITS = "import signal; signal.pause()"
_TRY = """
import json, socket, sys
def open(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
print(json.dumps([open(host, port) for host, port in json.loads(sys.argv[1])]))
"""
_READ = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
_LOCKED: Object = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What Pod Security `restricted` asks for."""


def locked_pod(
    image: str, name: str, namespace: str, command: Sequence[str], labels: Mapping[str, str]
) -> dict[str, Any]:
    """A pod of one container that may do nothing but run."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": name, "image": image, "command": list(command), "securityContext": _LOCKED}],
        },
    }


@dataclass(frozen=True)
class PodCaller:
    """A pod with a Python, from which connections are tried."""

    cluster: KubernetesCluster
    namespace: str
    name: str

    def start(self, labels: Mapping[str, str] | None = None) -> None:
        """Make the pod, with labels that may lie, and wait until it runs."""
        command = ["python3", "-c", WAITS]
        pod = locked_pod(self.cluster.images["predictor"], self.name, self.namespace, command, labels or {})
        where = ("-n", self.namespace)
        self.cluster.kubectl("wait", "--for=create", "serviceaccount/default", *where, "--timeout=30s")
        self.cluster.apply(pod)
        self.cluster.kubectl("wait", "--for=condition=Ready", f"pod/{self.name}", *where, "--timeout=60s")

    def reaches(self, ports: Mapping[str, tuple[str, int]]) -> set[str]:
        """The names of the ports (pod address, number) to which it gets a connection within two seconds each."""
        answers = json.loads(self._python(_TRY, json.dumps(list(ports.values()))))
        return {name for name, is_open in zip(ports, answers, strict=True) if is_open}

    def read(self, url: str) -> str:
        """What that URL answers to it. Raises CommandError."""
        return self._python(_READ, url)

    def _python(self, program: str, argument: str) -> str:
        command = ["python3", "-c", program, argument]
        return self.cluster.kubectl("exec", self.name, "-n", self.namespace, "--", *command)
