"""A second MLflow server on the cluster, which asks who calls: MLflow's own app for basic auth."""

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.mlflow_server import ADMIN, PASSWORD
from penstock_testing.platform import NAMESPACE, ROOT, Platform, namespace

CONNECTION = "locked"
NAMESPACE_OF_MLFLOW = "mlflow-locked"
DEPLOYMENT = ("mlflow", NAMESPACE_OF_MLFLOW, "app.kubernetes.io/name=mlflow")
CLUSTER_NAME = "tests"
SECRET = "mlflow-credentials"  # noqa: S105 - the name of a Secret
SETTINGS = (
    f"registries.{CONNECTION}.uri=http://mlflow.{NAMESPACE_OF_MLFLOW}.svc.cluster.local:5000",
    f"registryCredentialsSecret={SECRET}",
    f"clusterName={CLUSTER_NAME}",
)
"""Values of an installation that knows it."""
_SETTINGS = {
    "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
    "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-of-tests",
}
_CREDENTIALS = {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": PASSWORD}


class LockedMlflow:
    """It is there, and Penstock has its credentials."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster

    @property
    def url(self) -> str:
        """Where it answers from here, to who has the credentials."""
        port = self._cluster.node_port("mlflow-node-port", NAMESPACE_OF_MLFLOW)
        return f"http://{self._cluster.node_address()}:{port}"

    def writes(self) -> list[str]:
        """Requests in its access log since its last start that set a tag or an alias, whoever sent them."""
        log = self._cluster.kubectl("logs", "deployment/mlflow", "-n", NAMESPACE_OF_MLFLOW, "--tail=-1")
        lines = [line for line in log.splitlines() if "POST /api/2.0/mlflow/" in line]
        return [line for line in lines if "model-versions/set-tag" in line or "registered-models/alias" in line]


def install(platform: Platform) -> None:
    """One that runs, and the Secret with its credentials where Penstock reads it. Again: changes nothing."""
    secret = _secret(NAMESPACE, _CREDENTIALS)
    platform.cluster.apply(namespace(NAMESPACE), namespace(NAMESPACE_OF_MLFLOW), *_server(platform), secret)


def wait(platform: Platform) -> None:
    """Until it answers."""
    where = ("deployment/mlflow", "-n", NAMESPACE_OF_MLFLOW)
    platform.cluster.kubectl("rollout", "status", *where, "--timeout=240s", seconds=245)


def _server(platform: Platform) -> list[Object]:
    objects = [
        item for path in sorted((ROOT / "examples" / "mlflow").glob("*.yaml")) for item in platform.manifests(path)
    ]
    for item in objects:
        item["metadata"]["namespace"] = NAMESPACE_OF_MLFLOW
        if item["kind"] == "Deployment":
            (container,) = item["spec"]["template"]["spec"]["containers"]
            container["args"].append("--app-name=basic-auth")
            container["envFrom"] = [{"secretRef": {"name": SECRET}}]
    return [_secret(NAMESPACE_OF_MLFLOW, _SETTINGS), *objects]


def _secret(where: str, values: dict[str, str]) -> Object:
    metadata = {"name": SECRET, "namespace": where}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
