"""The part of the command line that shows: get, status, history, diff."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console

from penstock_cli import completers
from penstock_cli.cluster_client import ClusterClient
from penstock_cli.comparison import differences, find_revision
from penstock_cli.errors import CliError
from penstock_cli.kubectl_options import KubectlOptions, with_kubectl_options
from penstock_cli.listing import Listing, T, event_listing, pod_listing
from penstock_cli.live import LiveView, draw, follow, print_lines
from penstock_cli.revision_details import with_details
from penstock_cli.rollout_view import RolloutReading, RolloutView, last_course, rollout_view
from penstock_cli.screen import screen
from penstock_cli.tables import history_table, rollout_table

_NAME = click.argument("name", shell_complete=completers.names)
_OUTPUT = click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON.")


def _console() -> Console:
    """Colours and the screen's width on a terminal; plain text elsewhere."""
    return Console(highlight=False)


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of all namespaces.")
@_OUTPUT
@with_kubectl_options
def get(kubectl: KubectlOptions, all_namespaces: bool, output: str | None) -> None:
    """List ModelDeployments with what is on trial."""
    namespace = "" if all_namespaces else kubectl.chosen_namespace()
    found = kubectl.client().model_deployments(namespace)
    rollouts = [rollout_view(RolloutReading(resource=each)) for each in found.items]
    if output:
        click.echo(json.dumps([asdict(each) for each in rollouts], indent=2))
    elif rollouts:
        console = _console()
        console.print(rollout_table(rollouts, console.width, with_namespace=all_namespaces))
    elif not found.problems:
        click.echo(f"no ModelDeployments in {namespace or 'any namespace'}", err=True)
    if found.problems:
        raise CliError("\n".join(found.problems))


@click.command()
@_NAME
@click.option("-w", "--watch", is_flag=True, help="Stay, and show each change.")
@_OUTPUT
@with_kubectl_options
def status(kubectl: KubectlOptions, name: str, watch: bool, output: str | None) -> None:
    """Show where a rollout stands, with numbers."""
    client, namespace = kubectl.client(), kubectl.chosen_namespace()
    if watch:
        _watch(client, namespace, name, output)
        return
    rollout = rollout_view(_read(client, namespace, name))
    if output:
        click.echo(json.dumps(asdict(rollout), indent=2))
        return
    console = _console()
    console.print(screen(rollout, datetime.now(UTC), console.width))


def _watch(client: ClusterClient, namespace: str, name: str, output: str | None) -> None:
    console = _console()
    with LiveView(client, namespace, name) as view:
        if output:
            _watch_json(view)
        elif console.is_terminal:
            draw(console, view)
        else:
            print_lines(view, click.echo)


def _watch_json(view: LiveView) -> None:
    """One object a line, whenever it differs."""
    last = ""

    def show(rollout: RolloutView) -> None:
        nonlocal last
        line = json.dumps(asdict(rollout))
        if line != last:
            last = line
            click.echo(line)

    follow(view, show)


def _read(client: ClusterClient, namespace: str, name: str) -> RolloutReading:
    """The resource must be readable; where pods or Events are not, the view says so."""
    resource = client.model_deployment(namespace, name)
    pods, pod_problem = _items_or_problem(client, pod_listing(namespace, name))
    events, event_problem = _items_or_problem(client, event_listing(namespace, name))
    problems = tuple(problem for problem in (pod_problem, event_problem) if problem)
    return RolloutReading(resource=resource, pods=pods, events=events, problems=problems)


def _items_or_problem(client: ClusterClient, listing: Listing[T]) -> tuple[tuple[T, ...] | None, str]:
    try:
        return client.list_objects(listing).items, ""
    except CliError as error:
        return None, str(error)


@click.command()
@_NAME
@_OUTPUT
@with_kubectl_options
def history(kubectl: KubectlOptions, name: str, output: str | None) -> None:
    """Tell how the last attempts ended, and why."""
    status = kubectl.client().model_deployment(kubectl.chosen_namespace(), name).status
    records = status.history
    if output:
        # Without defaults: as the resource has them.
        documents = [record.model_dump(mode="json", exclude_unset=True) for record in records]
        click.echo(json.dumps(documents, indent=2))
    elif not records:
        click.echo("no attempt has ended yet", err=True)
    else:
        console = _console()
        console.print(history_table(records, datetime.now(UTC), console.width, last_course(status)))


@click.command()
@_NAME
@click.argument("one", shell_complete=completers.revisions)
@click.argument("other", shell_complete=completers.revisions)
@with_kubectl_options
def diff(kubectl: KubectlOptions, name: str, one: str, other: str) -> None:
    """Compare two attempts.

    Each is named by its number, by its revision, or as `stable`, `candidate`, `previous`.
    """
    client, namespace = kubectl.client(), kubectl.chosen_namespace()
    status = client.model_deployment(namespace, name).status
    compared = [find_revision(status, one), find_revision(status, other)]
    left, right = with_details(client, namespace, name, compared)
    for line in differences(left, right):
        click.echo(line)
