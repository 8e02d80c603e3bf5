"""Which cluster, which namespace: kubectl's options, on each command and before it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any

import click

from penstock_cli import completers
from penstock_cli.cluster_client import ClusterClient
from penstock_cli.kubeconfig import api_of, namespace_of


@dataclass(frozen=True, kw_only=True)
class KubectlOptions:
    """What the options say; None: as kubectl would choose."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None

    def client(self) -> ClusterClient:
        """A client of the cluster. Raises CliError."""
        return ClusterClient(api_of(self.kubeconfig, self.context))

    def chosen_namespace(self) -> str:
        """The namespace that is meant. Raises CliError."""
        return self.namespace or namespace_of(self.kubeconfig, self.context)

    def over(self, earlier: "KubectlOptions") -> "KubectlOptions":
        """This, and where it says nothing, what stands before the command."""
        return replace(earlier, **_without_none(vars(self)))


def _without_none(options: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


_OPTIONS = (
    click.option("-n", "--namespace", metavar="NAMESPACE", help="Its namespace.", shell_complete=completers.namespaces),
    click.option("--context", metavar="CONTEXT", help="The kubeconfig's context.", shell_complete=completers.contexts),
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig.", type=click.Path()),
)


def with_kubectl_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command kubectl's options; it gets them as `kubectl`."""

    @wraps(command)
    def run_command(*arguments: Any, **options: Any) -> None:
        own = KubectlOptions(**{field.name: options.pop(field.name) for field in fields(KubectlOptions)})
        command(*arguments, kubectl=own.over(_options_before_command()), **options)

    for option in reversed(_OPTIONS):
        run_command = option(run_command)
    return run_command


def _options_before_command() -> KubectlOptions:
    parent = click.get_current_context().parent
    return parent.obj if parent and isinstance(parent.obj, KubectlOptions) else KubectlOptions()
