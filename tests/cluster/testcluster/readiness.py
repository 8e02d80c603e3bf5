"""Waiting until a cluster that has just been started is one that can be used."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from testcluster import certificates, components, inside, paths, progress, record
from testcluster.api_server import ApiServer, answers, node_is_ready
from testcluster.errors import ClusterError
from testcluster.record import ClusterRecord

LIMIT = 120.0  # seconds from the sandbox's start to a cluster that answers
_POLL = 0.1
_SHOW_EVERY = 3.0


def wait(kept: ClusterRecord, programs: Path) -> None:
    server = ApiServer(kept.addresses.node, kept.state / "pki")
    node = kept.addresses.node
    until = time.monotonic() + LIMIT
    _wait(kept, until, "the sandbox", lambda: inside.init(kept) is not None)
    _wait(kept, until, "the pause image", lambda: _load_pause(kept))
    _wait(kept, until, "the API server", lambda: server.get("/api/v1/namespaces/default") is not None)
    _wait(kept, until, "its add-ons", lambda: _apply(kept, programs))
    checks: dict[str, Callable[[], bool]] = {
        "the node": lambda: node_is_ready(server.get(f"/api/v1/nodes/{certificates.NODE_NAME}")),
        "service accounts": lambda: server.get("/api/v1/namespaces/default/serviceaccounts/default") is not None,
        "the registry": lambda: answers(f"http://{node}:{components.REGISTRY_PORT}/v2/"),
        "DNS": lambda: answers(f"http://{node}:{components.DNS_READY_PORT}/ready"),
        # Until it answers, kubectl complains, and no namespace that is deleted ends.
        "metrics-server": lambda: server.get("/apis/metrics.k8s.io/v1beta1") is not None,
    }
    for what, check in checks.items():
        _wait(kept, until, what, check)


def _wait(kept: ClusterRecord, until: float, what: str, done: Callable[[], bool]) -> None:
    shown = time.monotonic()
    while not done():
        current = record.read(kept.name)
        if current is None or not current.alive:
            raise ClusterError(f"cluster {kept.name} ended while it waited for {what}")
        if time.monotonic() > until:
            raise ClusterError(f"cluster {kept.name}: {what} is not there after {LIMIT:.0f} s")
        if time.monotonic() - shown > _SHOW_EVERY:
            shown = time.monotonic()
            progress.say(f"waiting for {what}")
        time.sleep(_POLL)


def _load_pause(kept: ClusterRecord) -> bool:
    return inside.load_archive(kept, kept.state / "pause.tar").returncode == 0


def _apply(kept: ClusterRecord, programs: Path) -> bool:
    command = [
        str(programs / "kubectl"),
        "--kubeconfig",
        str(kept.kubeconfig),
        "apply",
        "-f",
        str(paths.HERE / "addons.yaml"),
        "-f",
        str(kept.state / "metrics-server.json"),
    ]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
