"""A release as it is published: images under the chart's version, the chart beside them, and wheels in a folder."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from penstock_testing.cluster import KubernetesCluster
from penstock_testing.platform import ROOT
from release import chart, version
from release.distributions import build_all
from release.plugin_archive import ARCHITECTURES

_SECONDS = 1800
_PARTS = ("controller", "gateway", "model-store", "drift-monitor", "predictor")


@dataclass(frozen=True, kw_only=True)
class PublishedRelease:
    """Where its things are."""

    chart: str
    """Address, without the version."""
    version: str
    """Of the chart."""
    images: str
    """The registry and folder that nodes pull from."""
    wheels: Path
    plain_http: bool
    """Whether the registry is asked without TLS."""


def publish(cluster: KubernetesCluster, folder: str, wheels: Path) -> PublishedRelease:
    """Publish by the project's own release programs to the registry that a cluster pulls from, below `folder`."""
    push, pull, destination = _registry(cluster, folder)
    number = version.of_chart(version.read())
    architecture = ARCHITECTURES[platform.machine()]
    _cluster("images", *destination, "--tag", f"{number}-{architecture}", *_PARTS)
    _cluster("image-lists", *destination, "--tag", number, "--of", architecture, *_PARTS)
    build_all(wheels)
    archive = chart.package(wheels.parent / "chart", cluster.helm_path)
    reference = chart.push(archive, cluster.helm_path, push, plain_http=bool(cluster.name))
    return PublishedRelease(
        chart=f"oci://{reference.partition('@')[0]}",
        version=number,
        images=pull,
        wheels=wheels,
        plain_http=bool(cluster.name),
    )


def _registry(cluster: KubernetesCluster, folder: str) -> tuple[str, str, list[str]]:
    """Names to push to and to pull from, and the options that say so to `cluster images`."""
    if not cluster.name:
        place = f"{os.environ['REGISTRY']}/{folder}"
        return place, place, ["--registry", place]
    facts = json.loads(Path(os.environ["PENSTOCK_TEST_CLUSTER"]).read_text())
    names = (f"{facts[key]}/{folder}" for key in ("registry_push", "registry_pull"))
    push, pull = names
    return push, pull, ["--cluster", f"{cluster.name}/{folder}"]


def _cluster(*arguments: str) -> None:
    command = [str(ROOT / "tests" / "cluster" / "cluster"), *arguments]
    subprocess.run(command, check=True, timeout=_SECONDS, capture_output=True)
