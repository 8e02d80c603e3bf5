"""Penstock and a real MLflow server on a cluster, installed as a user would: helm and kubectl."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.documents import read_all

ROOT = Path(__file__).parents[4]
NAMESPACE = "penstock-system"
MLFLOW_NAMESPACE = "mlflow"
RELEASE = "penstock"
Found = TypeVar("Found")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_IMAGE_PLACEHOLDERS = {"PENSTOCK_FRAUD_DETECTION_IMAGE": "fraud-detection", "PENSTOCK_FEAST_IMAGE": "feast"}


def wait_for(what: str, look: Callable[[], Found | None], seconds: float, pause: float = 0.2) -> Found:
    """Look until something is found. Raises TimeoutError naming what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not in {seconds:g} s")
        time.sleep(pause)


def image_values(part: str, reference: str) -> list[tuple[str, str]]:
    """An image's reference as values of the chart."""
    name, _, digest = reference.partition("@")
    folder, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return [
        (f"{part}.image.repository", folder + slash + last),
        (f"{part}.image.tag", tag),
        (f"{part}.image.digest", digest),
    ]


def namespace(name: str) -> Object:
    """A namespace under Pod Security `restricted`."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}


@dataclass(frozen=True, kw_only=True)
class Address:
    """A port that answers from here."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class PodConfirmation:
    """What one gateway pod has confirmed for one ModelDeployment."""

    pod: str
    number: int
    applied_at: float
    """Unix time."""
    endpoints: dict[str, int]


class Platform:
    """Installs, finds and removes Penstock and MLflow."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self.cluster = cluster

    def manifests(self, path: Path) -> list[Object]:
        """The objects of a file below `examples/`, with this run's images in their places."""
        text = path.read_text()
        for placeholder, part in _IMAGE_PLACEHOLDERS.items():
            text = text.replace(placeholder, self.cluster.images[part])
        return read_all(text)

    def install_mlflow(self) -> None:
        """A real MLflow server from `examples/mlflow`. Again: changes nothing."""
        self.cluster.apply(namespace(MLFLOW_NAMESPACE))
        for path in sorted((ROOT / "examples" / "mlflow").glob("*.yaml")):
            objects = self.manifests(path)
            for item in objects:
                item["metadata"].setdefault("namespace", MLFLOW_NAMESPACE)
            self.cluster.apply(*objects)

    def wait_for_mlflow(self, seconds: float = 240.0) -> None:
        """Until its Deployment is available."""
        self.cluster.kubectl(
            "rollout",
            "status",
            "deployment/mlflow",
            "-n",
            MLFLOW_NAMESPACE,
            f"--timeout={seconds:g}s",
            seconds=seconds + 5,
        )

    def install(self, *settings: str, seconds: float = 240.0) -> str:
        """`helm upgrade --install --wait` with this run's images. `settings`: more `--set` arguments."""
        chosen = {
            "global.imageRegistry": "",  # the images' names are whole
            "gateway.service.type": "NodePort",
            "modelStore.storage": "2Gi",
            "driftMonitor.storage": "1Gi",
            "driftMonitor.service.type": "NodePort",
        }
        if self.cluster.get("namespace", NAMESPACE) is None:
            self.cluster.apply(namespace(NAMESPACE))
        parts = {
            "controller": "controller",
            "gateway": "gateway",
            "modelStore": "model-store",
            "driftMonitor": "drift-monitor",
            "predictor": "predictor",
        }
        chosen |= {
            key: value for name, part in parts.items() for key, value in image_values(name, self.cluster.images[part])
        }
        arguments = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
        arguments += [part for setting in settings for part in ("--set", setting)]
        return self._upgrade(*arguments, seconds=seconds)

    def _upgrade(self, *arguments: str, seconds: float = 240.0) -> str:
        fixed = ["--namespace", NAMESPACE, "--wait", f"--timeout={seconds:g}s"]
        command = ["upgrade", "--install", RELEASE, str(self.chart), *fixed, *arguments]
        return self.cluster.helm(*command, seconds=seconds + 20)

    @property
    def chart(self) -> Path:
        """Folder of the chart."""
        return ROOT / "charts" / "penstock"

    def change(self, *settings: str) -> None:
        """Upgrade with the values that are there but for these `--set` arguments."""
        self._upgrade("--reuse-values", *(part for setting in settings for part in ("--set", setting)))

    def values(self) -> str:
        """What this installation was told (JSON)."""
        return self.cluster.helm("get", "values", RELEASE, "-n", NAMESPACE, "-o", "json")

    def restore(self, values: str) -> None:
        """Install again with the values (JSON) of an earlier installation."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(values)
            file.flush()
            self._upgrade("--values", file.name)

    def uninstall(self) -> None:
        """`helm uninstall --wait`."""
        self.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout=120s")

    def gateway(self) -> Address:
        """Where users reach the gateway from here."""
        port = self.cluster.node_port(f"{RELEASE}-gateway", NAMESPACE)
        return Address(host=self.cluster.node_address(), port=port)

    def monitor(self) -> Address:
        """Where the drift monitor answers from here."""
        port = self.cluster.node_port(f"{RELEASE}-drift-monitor", NAMESPACE)
        return Address(host=self.cluster.node_address(), port=port)

    def mlflow(self) -> Address:
        """Where the registry answers from here."""
        return Address(
            host=self.cluster.node_address(), port=self.cluster.node_port("mlflow-node-port", MLFLOW_NAMESPACE)
        )

    def pods(self, component: str) -> list[Object]:
        """Penstock's own pods of a component that are not leaving."""
        found = self.cluster.items("pods", NAMESPACE, f"app.kubernetes.io/component={component}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait_component(self, component: str, seconds: float = 120.0) -> None:
        """Until every pod of a component is ready, and there is one."""

        def look() -> bool | None:
            pods = self.pods(component)
            return True if pods and all(_is_ready(pod) for pod in pods) else None

        wait_for(f"{component} ready", look, seconds)

    def acknowledged(self, namespace: str, name: str) -> list[PodConfirmation]:
        """What every ready gateway pod has confirmed for a ModelDeployment, asked through the API server."""
        names = [pod["metadata"]["name"] for pod in self.pods("gateway")]
        paths = {pod: applied_path(pod, namespace, name) for pod in names}
        answers = {pod: json.loads(self.cluster.kubectl("get", "--raw", path)) for pod, path in paths.items()}
        return [PodConfirmation(pod=pod, **answer["applied"]) for pod, answer in answers.items() if answer["applied"]]


def applied_path(pod: str, namespace: str, name: str) -> str:
    """Where the API server passes a question on to a gateway pod's agent: what its Envoy has confirmed."""
    return f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8082/proxy/v1/applied/{namespace}/{name}"


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
