"""What a shell proposes where a name is to be typed. Where nothing can be asked, it proposes nothing."""

from collections.abc import Callable
from typing import Any

import click

from penstock_cli.cluster import Cluster
from penstock_cli.comparison import known
from penstock_cli.connection import connect, contexts_of, namespace_of
from penstock_cli.errors import Trouble


def namespaces(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Namespaces of the cluster."""
    return _proposed(begun, lambda: _cluster(context).namespaces())


def contexts(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Contexts of the kubeconfig."""
    return _proposed(begun, lambda: contexts_of(_option(context, "kubeconfig")))


def names(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """ModelDeployments of the namespace."""
    return _proposed(
        begun, lambda: [each["metadata"]["name"] for each in _cluster(context).resources(_namespace(context))]
    )


def revisions(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """What `diff` can compare of the resource that is named."""
    return _proposed(begun, lambda: known(_status(context)))


def versions(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Versions in the resource's history."""
    return _proposed(begun, lambda: sorted({each["version"] for each in _status(context).get("history", ())}))


def _proposed(begun: str, ask: Callable[[], list[str]]) -> list[str]:
    try:
        return [each for each in ask() if each.startswith(begun)]
    except Trouble:
        return []


def _option(context: click.Context, name: str) -> str | None:
    """An option's value, on the command or before it."""
    found: click.Context | None = context
    while found:
        if value := found.params.get(name):
            return str(value)
        found = found.parent
    return None


def _cluster(context: click.Context) -> Cluster:
    return Cluster(connect(_option(context, "kubeconfig"), _option(context, "context")))


def _namespace(context: click.Context) -> str:
    return _option(context, "namespace") or namespace_of(_option(context, "kubeconfig"), _option(context, "context"))


def _status(context: click.Context) -> dict[str, Any]:
    resource = _cluster(context).resource(_namespace(context), str(context.params.get("name")))
    return resource.get("status") or {}
