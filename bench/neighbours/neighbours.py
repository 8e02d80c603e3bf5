# ruff: noqa: T201
"""What neighbours cost a rollout. `make bench-neighbours`, some ten minutes.

One resource gets a good version and then one that fails, again and again: seconds from the moved alias to the end of
the attempt. First alone; then beside one resource for each kind of broken registry (`hostile_registry`); then, in place
of those, beside many whose alias never rests and many whose version no store takes. None of the neighbours has pods:
what is measured is the controller, not the machine. Requests go to the resource all the time, and none may fail.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from penstock_testing import hostile_registry
from penstock_testing.artifacts import BAD_ARTIFACTS
from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps

ROUNDS = int(os.environ.get("ROUNDS", "5"))
NEIGHBOURS = int(os.environ.get("NEIGHBOURS", "50"))
RESTLESS_SECONDS = 0.5
RATE = 50.0
PORT = 8000
KINDS = tuple(kind for kind in hostile_registry.KINDS if kind != "stolen")
GOAL = 1.5
"""Times as long as alone, at most."""


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    rollouts: list[float]
    rollbacks: list[float]
    failed: int
    """Requests."""


class Subject:
    """The resource that is measured: its versions 1 and 2 are good."""

    def __init__(self, scene: RolloutScene) -> None:
        self._scene = scene
        self._deployed, first = scene.serve_first(**GATED, **by_steps(2, (50,)), predictor={"minReplicas": 1})
        self._good = [scene.register(2.0), first]
        self._versions = {*self._good}

    def measure(self) -> Times:
        """As many rounds as wished."""
        rollouts, rollbacks = [], []
        bad = [self._scene.register(failing(3.0 + number)) for number in range(ROUNDS)]
        silent = dict.fromkeys(bad, 1.0)
        expected = self._scene.expectation(*sorted(self._versions), *bad, silent_below=silent)
        with self._scene.traffic(expected, rate=RATE, seconds=1500) as run:
            for each in bad:
                rollouts.append(self._until_the_end_of(self._good[0]))
                self._good.reverse()
                rollbacks.append(self._until_the_end_of(each))
                print(f"  rollout {rollouts[-1]:.1f} s, rollback {rollbacks[-1]:.1f} s", flush=True)
            result = run.result()
        print(f"  {result.describe()}", flush=True)
        return Times(rollouts, rollbacks, result.failed)

    def _until_the_end_of(self, version: str) -> float:
        attempt = self._deployed.status()["attempt"]
        began = time.monotonic()
        self._scene.move(version)
        self._deployed.wait_until("the end", lambda status: _ended(status, attempt), seconds=300)
        seconds = time.monotonic() - began
        self._deployed.wait_settled()
        return seconds


def _ended(status: Object, attempt: int) -> bool:
    newest = (status.get("history") or [{"attempt": 0}])[0]
    return bool(newest["attempt"] > attempt)


@contextmanager
def broken_registries(platform: Platform, scene: RolloutScene) -> Iterator[None]:
    """One of each kind, and a resource that asks it."""
    cluster = platform.cluster
    program = Path(hostile_registry.__file__).read_text()
    metadata = {"name": "hostile", "namespace": scene.namespace, "labels": {"app": "hostile"}}
    container = {
        "name": "hostile",
        "image": cluster.images["predictor"],
        "command": ["python3", "-c", program, str(PORT)],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod_security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": [container], "securityContext": pod_security, "terminationGracePeriodSeconds": 0},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": metadata["labels"], "ports": [{"port": PORT}]},
        },
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/hostile", "-n", scene.namespace, "--timeout=60s")
    values = platform.values()
    base = f"http://hostile.{scene.namespace}.svc.cluster.local:{PORT}"
    platform.change(*(f"registries.{kind}.uri={base}/{kind}" for kind in KINDS))
    cluster.apply(
        *(
            model_deployment(
                kind, scene.namespace, "m", registry={"connection": kind, "model": "m", "alias": "champion"}
            )
            for kind in KINDS
        )
    )
    try:
        yield
    finally:
        cluster.kubectl("delete", "modeldeployments", "--all", "-n", scene.namespace)
        platform.restore(values)


@contextmanager
def restless_neighbours(scene: RolloutScene) -> Iterator[None]:
    """Half of them follow an alias that moves all the time, half one at rest; no store takes what they name."""
    bad = next(each for each in BAD_ARTIFACTS if each.travels)
    versions = [scene.register(bad.build) for _ in range(2)]
    scene.move(versions[0])
    scene.registry.move(scene.model, versions[0], alias="steady")
    resources = [model_deployment(f"model-{number}", scene.namespace, scene.model) for number in range(NEIGHBOURS)]
    for resource in resources[::2]:
        resource["spec"]["registry"]["alias"] = "steady"
    scene.platform.cluster.apply(*resources)
    end = threading.Event()

    def move() -> None:
        number = 0
        while not end.wait(RESTLESS_SECONDS):
            number += 1
            scene.move(versions[number % 2])

    mover = threading.Thread(target=move, daemon=True)
    mover.start()
    try:
        yield
    finally:
        end.set()
        mover.join(timeout=60)
        scene.platform.cluster.kubectl("delete", "modeldeployments", "--all", "-n", scene.namespace)


def _with_namespace(scene: RolloutScene, name: str) -> RolloutScene:
    scene.platform.cluster.apply(namespace(name))
    folder = scene.folder / name
    folder.mkdir()
    return replace(scene, namespace=name, folder=folder)


def measured(scene: RolloutScene) -> dict[str, Times]:
    """Each situation with its times."""
    suffix = uuid4().hex[:6]
    subject = Subject(_with_namespace(scene, f"subject-{suffix}"))
    print("alone", flush=True)
    found = {"alone": subject.measure()}
    with broken_registries(scene.platform, _with_namespace(scene, f"broken-{suffix}")):
        time.sleep(20)
        print(f"beside {len(KINDS)} broken registries", flush=True)
        found["beside broken registries"] = subject.measure()
    with restless_neighbours(_with_namespace(scene, f"restless-{suffix}")):
        time.sleep(20)
        print(f"beside {NEIGHBOURS} restless neighbours", flush=True)
        found["beside restless neighbours"] = subject.measure()
    for name in ("subject", "broken", "restless"):
        scene.platform.cluster.kubectl("delete", "namespace", f"{name}-{suffix}", "--wait=false")
    return found


def main() -> int:
    """Print the figures, write them to build/bench-neighbours.json; 1: a request failed, or a ratio is above GOAL."""
    platform = Platform(KubernetesCluster.from_environment())
    platform.install_mlflow()
    platform.install("controller.pollSeconds=1")
    platform.wait_for_mlflow()
    registry = RegisteredModels(platform.mlflow().url)
    with tempfile.TemporaryDirectory() as folder:
        found = measured(RolloutScene(platform=platform, registry=registry, namespace="", folder=Path(folder)))
    alone, within = found["alone"], True
    for name, times in found.items():
        for what in ("rollouts", "rollbacks"):
            seconds: list[float] = getattr(times, what)
            ratio = statistics.median(seconds) / statistics.median(getattr(alone, what))
            within = within and ratio <= GOAL
            spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
            print(f"{name}, {what}: median {statistics.median(seconds):.1f} s ({spread}), {ratio:.2f} times alone")
    (ROOT / "build").mkdir(exist_ok=True)
    told = {name: vars(times) for name, times in found.items()}
    (ROOT / "build" / "bench-neighbours.json").write_text(json.dumps(told, indent=1) + "\n")
    return 0 if within and not any(times.failed for times in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
