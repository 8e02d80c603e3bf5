"""The cluster of `make demo`: the one that CONTEXT names, or a test cluster of our own that stays up afterwards."""

import json
import os
import subprocess
from pathlib import Path

from penstock_testing.cluster import Cluster
from penstock_testing.platform import ROOT

NAME = "demo"
SCRIPT = ROOT / "tests" / "cluster" / "cluster"
IMAGES = ROOT / "build" / "demo" / "images.json"


def _script(*arguments: str) -> None:
    subprocess.run([SCRIPT, *arguments], check=True)


def start() -> Cluster:
    """Find or start the cluster and bring this checkout's images to it.

    A cluster that this run starts ends with this process until `keep` is called, however the process ends.
    """
    IMAGES.parent.mkdir(parents=True, exist_ok=True)
    context = os.environ.get("CONTEXT", "")
    if context:
        registry = os.environ.get("REGISTRY", "")
        if not registry:
            raise SystemExit("demo: CONTEXT needs REGISTRY too: where that cluster pulls images")
        _script("images", "--registry", registry, "--map", str(IMAGES))
        return Cluster(context=context, kubeconfig="", images=json.loads(IMAGES.read_text()))
    _script("setup")
    _script("up", NAME, "--owner", str(os.getpid()))
    _script("images", "--cluster", NAME, "--map", str(IMAGES))
    return _ours(json.loads(IMAGES.read_text()))


def _ours(images: dict[str, str]) -> Cluster:
    facts = json.loads(subprocess.run([SCRIPT, "env", NAME], check=True, capture_output=True).stdout)
    return Cluster(
        name=facts["name"],
        context=facts["context"],
        kubeconfig=facts["kubeconfig"],
        images=images,
        kubectl_path=facts["kubectl"],
        helm_path=facts["helm"],
        node=facts["node"],
        audit_log=Path(facts["audit_log"]),
    )


def keep(cluster: Cluster) -> None:
    """From now on the cluster outlives this process."""
    if cluster.name:
        _script("release", NAME)


def find() -> Cluster:
    """The running cluster of an earlier demo, to be taken down."""
    context = os.environ.get("CONTEXT", "")
    return Cluster(context=context, kubeconfig="", images={}) if context else _ours({})


def stop() -> None:
    """End our own cluster; nothing of it is left."""
    _script("down", NAME)
