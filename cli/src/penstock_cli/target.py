"""Which cluster, which namespace: kubectl's options, on each command and before it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any

import click

from penstock_cli import proposals
from penstock_cli.cluster import Cluster
from penstock_cli.connection import connect, namespace_of


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the options say; None: as kubectl would choose."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None

    def cluster(self) -> Cluster:
        """The cluster. Raises Trouble."""
        return Cluster(connect(self.kubeconfig, self.context))

    def chosen_namespace(self) -> str:
        """The namespace that is meant. Raises Trouble."""
        return self.namespace or namespace_of(self.kubeconfig, self.context)

    def over(self, earlier: "Target") -> "Target":
        """This, and where it says nothing, what was said before the command."""
        return replace(earlier, **_said(vars(self)))


def _said(options: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


_OPTIONS = (
    click.option("-n", "--namespace", metavar="NAMESPACE", help="Its namespace.", shell_complete=proposals.namespaces),
    click.option("--context", metavar="CONTEXT", help="The kubeconfig's context.", shell_complete=proposals.contexts),
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig.", type=click.Path()),
)


def with_target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command kubectl's options; it gets them as `target`."""

    @wraps(command)
    def called(*arguments: Any, **options: Any) -> None:
        said = Target(**{field.name: options.pop(field.name) for field in fields(Target)})
        context = click.get_current_context()
        earlier = context.parent.obj if context.parent and isinstance(context.parent.obj, Target) else Target()
        command(*arguments, target=said.over(earlier), **options)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called
