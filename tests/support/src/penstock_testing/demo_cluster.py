"""The cluster of `make demo`: the one that CONTEXT names, or a test cluster of our own that stays up afterwards."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from penstock_testing.cluster import KubernetesCluster
from penstock_testing.platform import ROOT

NAME = "demo"
SCRIPT = ROOT / "tests" / "cluster" / "cluster"
IMAGES = ROOT / "build" / "demo" / "images.json"
LOG = ROOT / "build" / "demo" / "cluster.log"
"""What building and starting print."""
_STORY_MINUTES = 5.0
_BUILD_MINUTES = {"programs": 5.0, "images": 3.0}
_TAIL = 25
"""Lines of the log that are shown where a command failed."""


def _script(*arguments: str) -> None:
    subprocess.run([SCRIPT, *arguments], check=True)


def _logged(show: Callable[[str], None], *arguments: str) -> None:
    """Run the script with its output in the log; `show` gets each line. Raises SystemExit with the log's end."""
    command = [str(SCRIPT), *arguments]
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                log.write(line)
                log.flush()
                # The script has a clock of its own; the demo shows one.
                show(re.sub(r"^\[ *[0-9.]+ s\] ", "", line.strip()))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        tail = "\n".join(LOG.read_text().splitlines()[-_TAIL:])
        raise SystemExit(f"{tail}\ndemo: `cluster {' '.join(arguments)}` failed; all of its output is in {LOG}")


def estimate() -> str:
    """How long the demo will take, by what has to be built first."""
    if os.environ.get("CONTEXT"):
        return f"about {_STORY_MINUTES:g} minutes, and what building and pushing the images takes"
    told = subprocess.run([SCRIPT, "missing"], check=True, capture_output=True, text=True, timeout=60)
    missing = told.stdout.split()
    minutes = _STORY_MINUTES + sum(_BUILD_MINUTES[what] for what in missing)
    why = {
        "programs": "Kubernetes is compiled from its Go modules",
        "images": "the images are built",
    }
    first = " and ".join(why[what] for what in missing)
    return f"about {minutes:g} minutes" + (f": {first}, this once" if first else "")


def start(show: Callable[[str], None]) -> KubernetesCluster:
    """Find or start the cluster and bring this checkout's images to it. `show` gets what it does, line by line.

    A cluster that this run starts ends with this process until `keep` is called, however the process ends.
    """
    IMAGES.parent.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    context = os.environ.get("CONTEXT", "")
    if context:
        registry = os.environ.get("REGISTRY", "")
        if not registry:
            raise SystemExit("demo: CONTEXT needs REGISTRY too: where that cluster pulls images")
        _logged(show, "images", "--registry", registry, "--map", str(IMAGES))
        return KubernetesCluster(context=context, kubeconfig="", images=json.loads(IMAGES.read_text()))
    _logged(show, "setup")
    _logged(show, "up", NAME, "--owner", str(os.getpid()))
    _logged(show, "images", "--cluster", NAME, "--map", str(IMAGES))
    return _ours(json.loads(IMAGES.read_text()))


def _ours(images: dict[str, str]) -> KubernetesCluster:
    facts = json.loads(subprocess.run([SCRIPT, "env", NAME], check=True, capture_output=True).stdout)
    return KubernetesCluster(
        name=facts["name"],
        context=facts["context"],
        kubeconfig=facts["kubeconfig"],
        images=images,
        kubectl_path=facts["kubectl"],
        helm_path=facts["helm"],
        node=facts["node"],
        audit_log=Path(facts["audit_log"]),
    )


def keep(cluster: KubernetesCluster) -> None:
    """From now on the cluster outlives this process."""
    if cluster.name:
        _script("release", NAME)


def find() -> KubernetesCluster:
    """The running cluster of an earlier demo, to be taken down."""
    context = os.environ.get("CONTEXT", "")
    return KubernetesCluster(context=context, kubeconfig="", images={}) if context else _ours({})


def stop() -> None:
    """End our own cluster; nothing of it is left."""
    _script("down", NAME)
