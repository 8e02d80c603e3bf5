"""What a shell proposes where a name is to be typed. Where no cluster answers, it proposes nothing."""

from collections.abc import Callable

import click

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.comparison import revision_names
from penstock_cli.errors import CliError
from penstock_cli.kubeconfig import api_of, contexts_of, namespace_of
from penstock_contracts.api.status import ModelDeploymentStatus


def namespaces(context: click.Context, _: click.Parameter, prefix: str) -> list[str]:
    """Namespaces of the cluster."""
    return _matches(prefix, lambda: _client(context).namespaces())


def contexts(context: click.Context, _: click.Parameter, prefix: str) -> list[str]:
    """Contexts of the kubeconfig."""
    return _matches(prefix, lambda: contexts_of(_option(context, "kubeconfig")))


def names(context: click.Context, _: click.Parameter, prefix: str) -> list[str]:
    """ModelDeployments of the namespace."""
    return _matches(prefix, lambda: _client(context).names(_namespace(context)))


def revisions(context: click.Context, _: click.Parameter, prefix: str) -> list[str]:
    """What `diff` can compare of the resource that is named."""
    return _matches(prefix, lambda: revision_names(_status(context)))


def versions(context: click.Context, _: click.Parameter, prefix: str) -> list[str]:
    """Versions in the resource's history."""
    return _matches(prefix, lambda: sorted({record.version for record in _status(context).history}))


def _matches(prefix: str, read_names: Callable[[], list[str]]) -> list[str]:
    try:
        return [each for each in read_names() if each.startswith(prefix)]
    except CliError:
        return []


def _option(context: click.Context, name: str) -> str | None:
    """An option's value, on the command or before it."""
    found: click.Context | None = context
    while found:
        if value := found.params.get(name):
            return str(value)
        found = found.parent
    return None


def _client(context: click.Context) -> ClusterClient:
    return ClusterClient(api_of(_option(context, "kubeconfig"), _option(context, "context")))


def _namespace(context: click.Context) -> str:
    return _option(context, "namespace") or namespace_of(_option(context, "kubeconfig"), _option(context, "context"))


def _status(context: click.Context) -> ModelDeploymentStatus:
    return _client(context).model_deployment(_namespace(context), str(context.params.get("name"))).status
