# ruff: noqa: T201
"""Two hundred resources under one controller. `make bench-many`, some half an hour with all of them.

One resource alone is edited ten times, then one among all of them: seconds until its status speaks of the edit. Then
all rest, and with them one that went back: the API server's audit log is read for writes by Penstock, and what its
parts used is read from the kubelet. Then some get another version at once. At last resources that can serve nothing
are made and deleted, to see what is left of them.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.model_deployments import KIND, model_deployment
from penstock_testing.platform import NAMESPACE, ROOT, Platform, namespace, wait_for
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import RolloutScene

RESOURCES = int(os.environ.get("RESOURCES", "200"))
ROLLOUTS = int(os.environ.get("ROLLOUTS", "50"))
MINUTES = float(os.environ.get("MINUTES", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "2000"))
EDITS = 10
BATCH = 20
"""Resources that are made at the same time: a node of two processors starts as many pods in a quarter of a minute."""
IDENTITIES = f"system:serviceaccount:{NAMESPACE}:"
CONTAINERS = {"controller": "controller", "gateway": "agent"}
SMALL: Object = {"predictor": {"minReplicas": 1, "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}}}}


@dataclass(frozen=True)
class Usage:
    """What a process has used."""

    cpu_seconds: float
    resident_mebibytes: float


def usage(platform: Platform, component: str) -> Usage:
    """Of a component's container in its first pod, as the kubelet sees it."""
    pod = platform.pods(component)[0]["metadata"]["name"]
    node = platform.cluster.items("nodes")[0]["metadata"]["name"]
    summary = json.loads(platform.cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    container = next(
        container
        for one in summary["pods"]
        if one["podRef"]["name"] == pod
        for container in one["containers"]
        if container["name"] == CONTAINERS[component]
    )
    return Usage(container["cpu"]["usageCoreNanoSeconds"] / 1e9, container["memory"]["rssBytes"] / 2**20)


def reaction(scene: RolloutScene, name: str) -> list[float]:
    """Seconds from each edit of a resource, made and answered, until its status speaks of it."""
    seconds = []
    for number in range(EDITS):
        deployed = scene.deployed(name)
        generation = _generation(scene, name) + 1
        edited = time.monotonic()
        deployed.edit(progressDeadline=f"{300 + number}s")
        deployed.wait_until("seen", partial(_speaks_of, generation))
        seconds.append(time.monotonic() - edited)
    return seconds


def _speaks_of(generation: int, status: Object) -> bool:
    return bool(status.get("observedGeneration") == generation)


def _generation(scene: RolloutScene, name: str) -> int:
    found = scene.platform.cluster.get(KIND, name, scene.namespace) or {}
    return int(found["metadata"]["generation"])


def serve(scene: RolloutScene, names: Sequence[str]) -> None:
    """All of them, some at a time."""
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        resources = [model_deployment(name, scene.namespace, scene.model, **SMALL) for name in batch]
        for resource in resources:
            resource["spec"]["registry"]["alias"] = _alias(resource["metadata"]["name"])
        scene.platform.cluster.apply(*resources)
        for name in batch:
            scene.deployed(name).wait_ready(seconds=300)
        print(f"{start + len(batch)} of {len(names)} serve", flush=True)


def serve_one_that_went_back(scene: RolloutScene) -> None:
    """One that serves on after an edit whose pods could not be placed."""
    deployed = scene.serve("model-that-went-back", registry={"model": scene.model, "alias": "steady"}, **SMALL)
    deployed.edit(progressDeadline="10s", predictor={"resources": {"requests": {"cpu": "900"}}})
    deployed.wait_until("it went back", lambda status: status["history"][0]["completion"] == "RolledBack")
    deployed.wait_settled()


def _alias(name: str) -> str:
    return "champion" if int(name.removeprefix("model-")) < ROLLOUTS else "steady"


def _ended(scene: RolloutScene, version: str) -> list[str] | None:
    """How the attempts with that version ended, once all have."""
    found = scene.platform.cluster.items(KIND, scene.namespace)
    ends = [
        record["completion"]
        for item in found
        for record in item["status"].get("history", [])
        if record["version"] == version
    ]
    return ends if len(ends) == ROLLOUTS else None


def at_rest(platform: Platform) -> Object:
    """Watch for the minutes; writes, and what the parts used."""
    since, before = time.time(), {part: usage(platform, part) for part in CONTAINERS}
    time.sleep(60 * MINUTES)
    used = {part: usage(platform, part) for part in CONTAINERS}
    return {
        "writes": [f"{event['verb']} {event['requestURI']}" for event in platform.cluster.writes_by(IDENTITIES, since)],
        "processor, per cent of one core": {
            part: round((used[part].cpu_seconds - before[part].cpu_seconds) / (60 * MINUTES) * 100, 2)
            for part in CONTAINERS
        },
        "resident, MiB": {part: round(used[part].resident_mebibytes, 1) for part in CONTAINERS},
    }


def rollouts(scene: RolloutScene) -> Object:
    """Move the alias that some follow."""
    version = scene.register(2.0)
    began = time.monotonic()
    scene.move(version)
    ends = wait_for("all have ended", lambda: _ended(scene, version), seconds=900, pause=2.0)
    return {"at once": len(ends), "promoted": ends.count("Promoted"), "seconds": round(time.monotonic() - began, 1)}


def made_and_deleted(scene: RolloutScene) -> Object:
    """Resources whose alias nobody set: the controller's memory after each part of the rounds."""
    resident = [usage(scene.platform, "controller").resident_mebibytes]
    parts = 8
    for part in range(parts):
        for number in range(0, ROUNDS // parts, 50):
            names = [f"gone-{part}-{number + one}" for one in range(50)]
            resources = [model_deployment(name, scene.namespace, scene.model, **SMALL) for name in names]
            for resource in resources:
                resource["spec"]["registry"]["alias"] = "nobody-set-it"
            scene.platform.cluster.apply(*resources)
            kubectl = scene.platform.cluster.kubectl
            kubectl("delete", KIND, *names, "-n", scene.namespace, seconds=180)
        resident.append(usage(scene.platform, "controller").resident_mebibytes)
        print(f"{(part + 1) * (ROUNDS // parts)} made and deleted: {resident[-1]:.1f} MiB", flush=True)
    return {"rounds": ROUNDS, "resident, MiB": [round(each, 1) for each in resident]}


def measured(platform: Platform, scene: RolloutScene) -> Object:
    """All figures."""
    version = scene.register(1.0)
    scene.move(version)
    scene.registry.move(scene.model, version, alias="steady")
    names = [f"model-{number}" for number in range(RESOURCES)]
    found: Object = {"resources": RESOURCES, "minutes": MINUTES}
    last = names[-1]
    serve(scene, [last])
    found["alone, s"] = reaction(scene, last)
    serve(scene, names[:-1])
    time.sleep(10)
    found["one among all, s"] = reaction(scene, last)
    serve_one_that_went_back(scene)
    found["at rest"] = at_rest(platform)
    print(json.dumps(found["at rest"], indent=1), flush=True)
    found["rollouts"] = rollouts(scene)
    print(json.dumps(found["rollouts"]), flush=True)
    found["made and deleted"] = made_and_deleted(scene)
    return found


def main() -> int:
    """Print the figures, write them to build/bench-many.json; 1 when something was written at rest or ended wrong."""
    platform = Platform(KubernetesCluster.from_environment())
    platform.install_mlflow()
    platform.install()
    platform.wait_for_mlflow()
    users = f"many-{uuid4().hex[:6]}"
    platform.cluster.apply(namespace(users))
    registry = RegisteredModels(platform.mlflow().url)
    with tempfile.TemporaryDirectory() as folder:
        found = measured(
            platform, RolloutScene(platform=platform, registry=registry, namespace=users, folder=Path(folder))
        )
    platform.cluster.kubectl("delete", "namespace", users, "--wait=false")
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench-many.json").write_text(json.dumps(found, indent=1) + "\n")
    for name in ("alone, s", "one among all, s"):
        print(f"{name}: median {statistics.median(found[name]):.3f}, longest {max(found[name]):.3f}")
    print(json.dumps(found, indent=1))
    return 1 if found["at rest"]["writes"] or found["rollouts"]["promoted"] != ROLLOUTS else 0


if __name__ == "__main__":
    sys.exit(main())
