"""The part of the command line that steers: each sends one command to the controller, and shows its result."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from penstock_cli import completers
from penstock_cli.command import Command, SentCommand, clear_handled, send, wait_for_result
from penstock_cli.errors import CliError, ResultUnknown
from penstock_cli.kubectl_options import KubectlOptions, with_kubectl_options
from penstock_contracts.api.status import CommandOutcome, CommandResult
from penstock_contracts.verbs import Verb

_OPTIONS = (
    click.argument("name", shell_complete=completers.names),
    click.option("--timeout", default=10.0, show_default=True, metavar="SECONDS", help="Wait for its result."),
    click.option("--no-wait", is_flag=True, help="Send it, and do not wait for the result."),
    with_kubectl_options,
)


@dataclass(frozen=True)
class CommandSender:
    """Sends commands to one resource."""

    options: KubectlOptions
    name: str
    timeout: float
    no_wait: bool

    def send(self, verb: Verb, version: str = "") -> None:
        """Send a command and show its result. Raises CliError; ResultUnknown where there is none in time."""
        client = self.options.client()
        command = Command(namespace=self.options.chosen_namespace(), name=self.name, verb=verb, version=version)
        clear_handled(client, command, self.timeout)
        sent = send(client, command)
        click.echo(sent.summary)
        if not self.no_wait:
            click.echo(_accepted_message(sent, wait_for_result(client, sent, self.timeout)))


def _accepted_message(sent: SentCommand, result: CommandResult | None) -> str:
    """Raises CliError where it was denied, ResultUnknown where this plugin does not understand the result."""
    if result is None:
        raise ResultUnknown(_unknown(sent, "the status does not tell, an Event may"))
    if result.outcome is CommandOutcome.DENIED:
        raise CliError(result.message)
    if result.outcome is not CommandOutcome.ACCEPTED:
        raise ResultUnknown(_unknown(sent, f"{result.outcome}: {result.message}"))
    return result.message


def _unknown(sent: SentCommand, status: str) -> str:
    """Of a controller of another release than this plugin."""
    verb = sent.command.verb.value
    return f"{verb} {sent.value} was dealt with; whether it was accepted or denied is not known: {status}"


def _steering(command: Callable[..., None]) -> Callable[..., Any]:
    """Give a command the options of all that steer; it gets them as `sender`."""

    @wraps(command)
    def run_command(*, kubectl: KubectlOptions, name: str, timeout: float, no_wait: bool, **options: Any) -> None:
        command(CommandSender(kubectl, name, timeout, no_wait), **options)

    for decorate in reversed(_OPTIONS):
        run_command = decorate(run_command)
    return run_command


@click.command()
@_steering
@click.option("--full", is_flag=True, help="Leave out the steps that are left.")
def promote(sender: CommandSender, full: bool) -> None:
    """Go on from the step where it stands."""
    sender.send(Verb.PROMOTE_FULL if full else Verb.PROMOTE)


@click.command()
@_steering
def abort(sender: CommandSender) -> None:
    """End the attempt; in the bake, go back."""
    sender.send(Verb.ABORT)


@click.command()
@_steering
def retry(sender: CommandSender) -> None:
    """Try the refused version again; end a hold."""
    sender.send(Verb.RETRY)


@click.command()
@_steering
def pause(sender: CommandSender) -> None:
    """Stay at this step."""
    sender.send(Verb.PAUSE)


@click.command()
@_steering
def resume(sender: CommandSender) -> None:
    """End a pause that `pause` began."""
    sender.send(Verb.RESUME)


@click.command()
@_steering
@click.option("--to-version", default="", metavar="VERSION", help="Which one.", shell_complete=completers.versions)
def undo(sender: CommandSender, to_version: str) -> None:
    """Go back to an earlier version and stay there."""
    sender.send(Verb.UNDO, to_version)


@click.command()
@_steering
def retrain(sender: CommandSender) -> None:
    """Start the Job that trains a new version."""
    sender.send(Verb.RETRAIN)
