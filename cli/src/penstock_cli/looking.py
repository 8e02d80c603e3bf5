"""The commands that look: get, status, history, diff."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console

from penstock_cli import proposals, tables
from penstock_cli.cluster import Cluster, Listing, events, pods
from penstock_cli.comparison import differences, side
from penstock_cli.connection import Object
from penstock_cli.errors import Trouble
from penstock_cli.live import LiveView, drawn, follow, told
from penstock_cli.picture import Picture, Seen, picture
from penstock_cli.screen import screen
from penstock_cli.sides import completed
from penstock_cli.target import Target, with_target

name_argument = click.argument("name", shell_complete=proposals.names)
_OUTPUT = click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON.")


def _console() -> Console:
    """Colours and the screen's width on a terminal; plain text elsewhere."""
    return Console(highlight=False)


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of all namespaces.")
@_OUTPUT
@with_target
def get(target: Target, all_namespaces: bool, output: str | None) -> None:
    """List ModelDeployments with what is on trial."""
    namespace = "" if all_namespaces else target.chosen_namespace()
    found = [picture(Seen(resource=each)) for each in target.cluster().resources(namespace)]
    if output:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    elif not found:
        click.echo(f"no ModelDeployments in {namespace or 'any namespace'}", err=True)
    else:
        console = _console()
        console.print(tables.resources(found, console.width, with_namespace=all_namespaces))


@click.command()
@name_argument
@click.option("-w", "--watch", is_flag=True, help="Stay, and show each change.")
@_OUTPUT
@with_target
def status(target: Target, name: str, watch: bool, output: str | None) -> None:
    """Show where a rollout stands, with numbers."""
    cluster, namespace = target.cluster(), target.chosen_namespace()
    if watch:
        _watch(cluster, namespace, name, output)
        return
    found = picture(_seen(cluster, namespace, name))
    if output:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    console = _console()
    console.print(screen(found, datetime.now(UTC), console.width))


def _watch(cluster: Cluster, namespace: str, name: str, output: str | None) -> None:
    console = _console()
    with LiveView(cluster, namespace, name) as view:
        if output:
            _watch_json(view)
        elif console.is_terminal:
            drawn(console, view)
        else:
            told(view, click.echo)


def _watch_json(view: LiveView) -> None:
    """One object a line, whenever it differs."""
    last = ""

    def show(found: Picture) -> None:
        nonlocal last
        now = json.dumps(asdict(found))
        if now != last:
            last = now
            click.echo(now)

    follow(view, show)


def _seen(cluster: Cluster, namespace: str, name: str) -> Seen:
    """The resource must be readable; where pods or Events are not, the picture says so."""
    resource = cluster.resource(namespace, name)
    found_pods, no_pods = _tried(cluster, pods(namespace, name))
    found_events, no_events = _tried(cluster, events(namespace, name))
    problems = tuple(problem for problem in (no_pods, no_events) if problem)
    return Seen(resource=resource, pods=found_pods, events=found_events, problems=problems)


def _tried(cluster: Cluster, listing: Listing) -> tuple[list[Object] | None, str]:
    try:
        return cluster.newest(listing)["items"], ""
    except Trouble as trouble:
        return None, str(trouble)


@click.command()
@name_argument
@_OUTPUT
@with_target
def history(target: Target, name: str, output: str | None) -> None:
    """Tell how the last attempts ended, and why."""
    resource = target.cluster().resource(target.chosen_namespace(), name)
    records = (resource.get("status") or {}).get("history", [])
    if output:
        click.echo(json.dumps(records, indent=2))
    elif not records:
        click.echo("no attempt has ended yet", err=True)
    else:
        console = _console()
        console.print(tables.history(records, datetime.now(UTC), console.width))


@click.command()
@name_argument
@click.argument("one", shell_complete=proposals.revisions)
@click.argument("other", shell_complete=proposals.revisions)
@with_target
def diff(target: Target, name: str, one: str, other: str) -> None:
    """Compare two attempts.

    Each is named by its number, by its revision, or as `stable`, `candidate`, `previous`.
    """
    cluster, namespace = target.cluster(), target.chosen_namespace()
    found = cluster.resource(namespace, name).get("status") or {}
    left, right = completed(cluster, namespace, name, [side(found, one), side(found, other)])
    for each in differences(left, right):
        click.echo(each)
