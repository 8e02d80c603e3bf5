# ruff: noqa: INP001, T201
"""What Penstock writes while nothing happens: nothing. `make bench-at-rest` (MINUTES=10, RESOURCES=20).

Resources serve, one of them after a rollback; then the API server's audit log is read for every write by any of
Penstock's identities.
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

from penstock_testing.cluster import Cluster
from penstock_testing.faulty_models import hungry
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import NAMESPACE, ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import Scene

MINUTES = float(os.environ.get("MINUTES", "10"))
RESOURCES = int(os.environ.get("RESOURCES", "20"))
IDENTITIES = f"system:serviceaccount:{NAMESPACE}:"
SMALL = {"predictor": {"minReplicas": 1, "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "512Mi"}}}}


def serve(scene: Scene) -> None:
    """All resources at rest: they follow one alias, but for the first, whose newer version never got ready."""
    scene.move(scene.register(1.0))
    names = [f"model-{number}" for number in range(RESOURCES)]
    resources = [model_deployment(name, scene.namespace, scene.model, **SMALL) for name in names]
    resources[0]["spec"] |= {"registry": {"model": scene.model, "version": "1"}}
    scene.platform.cluster.apply(*resources)
    for name in names:
        scene.deployed(name).wait_ready(seconds=300)
    large = scene.register(hungry(2.0, mebibytes=900))
    rolled_back = scene.deployed(names[0])
    rolled_back.edit(registry={"model": scene.model, "version": large}, progressDeadline="20s")
    rolled_back.wait_for_end(large, seconds=180)
    for name in names:
        scene.deployed(name).wait_settled()


def main() -> int:
    """Print the writes by verb and path; 1 when there is one."""
    platform = Platform(Cluster.from_environment())
    platform.install_mlflow()
    platform.install()
    platform.wait_for_mlflow()
    users = f"at-rest-{uuid4().hex[:6]}"
    platform.cluster.apply(namespace(users))
    registry = RegisteredModels(platform.mlflow().url)
    with tempfile.TemporaryDirectory() as folder:
        serve(Scene(platform=platform, registry=registry, namespace=users, folder=Path(folder)))
    since = time.time()
    print(f"{RESOURCES} resources at rest; watching for {MINUTES:g} minutes", flush=True)
    time.sleep(60 * MINUTES)
    writes = Counter(
        f"{event['verb']} {event['requestURI']}" for event in platform.cluster.writes_by(IDENTITIES, since)
    )
    platform.cluster.kubectl("delete", "namespace", users, "--wait=false")
    facts = {"minutes": MINUTES, "resources": RESOURCES, "writes": dict(writes)}
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench-at-rest.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"writes by Penstock's identities in {MINUTES:g} minutes: {writes.total()} {dict(writes) or ''}")
    return 1 if writes else 0


if __name__ == "__main__":
    sys.exit(main())
