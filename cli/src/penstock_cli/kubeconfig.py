"""What a kubeconfig says: which API server, which namespace, which contexts."""

from kubernetes import config
from kubernetes.client import ApiClient, Configuration

from penstock_cli.errors import CliError
from penstock_cli.kubernetes_api import KubernetesApi


def api_of(kubeconfig: str | None, context: str | None) -> KubernetesApi:
    """The API server of a context; None: as kubectl would choose. Raises CliError."""
    configuration = Configuration()
    try:
        config.load_kube_config(kubeconfig, context, configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    configuration.retries = 0
    return KubernetesApi(ApiClient(configuration))


def namespace_of(kubeconfig: str | None, context: str | None) -> str:
    """The namespace that a context names. Raises CliError."""
    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    chosen = next((item for item in contexts if item["name"] == context), active)
    return str((chosen or {}).get("context", {}).get("namespace") or "default")


def contexts_of(kubeconfig: str | None) -> list[str]:
    """The names of a kubeconfig's contexts. Raises CliError."""
    try:
        contexts, _ = config.list_kube_config_contexts(kubeconfig)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    return [str(item["name"]) for item in contexts]


def _no_cluster(error: Exception) -> CliError:
    return CliError(f"no cluster to ask: {error}; name a context with --context or a file with --kubeconfig")
