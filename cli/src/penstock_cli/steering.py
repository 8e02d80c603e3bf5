"""The commands that steer: each says one word, and tells what the controller made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from penstock_cli import proposals
from penstock_cli.asking import Asked, Wish, answer, ask, take_back
from penstock_cli.errors import Trouble, Unheard
from penstock_cli.handled import Answer
from penstock_cli.target import Target, with_target
from penstock_contracts.verbs import Verb

_OPTIONS = (
    click.argument("name", shell_complete=proposals.names),
    click.option("--timeout", default=10.0, show_default=True, metavar="SECONDS", help="Wait that long for an answer."),
    click.option("--no-wait", is_flag=True, help="Ask, and wait for no answer."),
    with_target,
)


@dataclass(frozen=True)
class Mouth:
    """Says words to one resource."""

    target: Target
    name: str
    timeout: float
    no_wait: bool

    def say(self, verb: Verb, version: str = "") -> None:
        """Ask, and tell what became of it. Raises Trouble; Unheard where nobody answered in time."""
        cluster = self.target.cluster()
        wish = Wish(namespace=self.target.chosen_namespace(), name=self.name, verb=verb, version=version)
        take_back(cluster, wish, self.timeout)
        asked = ask(cluster, wish)
        click.echo(asked.said())
        if self.no_wait:
            return
        found = answer(cluster, asked, self.timeout)
        if found.refused:
            raise Trouble(found.message)
        if not found.heard:
            raise Unheard(_untold(asked, found))
        click.echo(found.message)


def _untold(asked: Asked, found: Answer) -> str:
    """Of a controller of another age than this plugin."""
    told = f"{found.outcome}: {found.message}" if found.outcome else "the status does not tell, an Event may"
    return f"{asked.verb.value} {asked.word} was dealt with; whether it was done or refused is not known: {told}"


def _verb(command: Callable[..., None]) -> Callable[..., Any]:
    """Give a command the options of a verb; it gets them as `mouth`."""

    @wraps(command)
    def called(*, target: Target, name: str, timeout: float, no_wait: bool, **options: Any) -> None:
        command(Mouth(target, name, timeout, no_wait), **options)

    for decorate in reversed(_OPTIONS):
        called = decorate(called)
    return called


@click.command()
@_verb
@click.option("--full", is_flag=True, help="Leave out the steps that are left.")
def promote(mouth: Mouth, full: bool) -> None:
    """Go on from the step where it stands."""
    mouth.say(Verb.PROMOTE_FULL if full else Verb.PROMOTE)


@click.command()
@_verb
def abort(mouth: Mouth) -> None:
    """End the attempt; in the bake, go back."""
    mouth.say(Verb.ABORT)


@click.command()
@_verb
def retry(mouth: Mouth) -> None:
    """Try the refused version again; end a hold."""
    mouth.say(Verb.RETRY)


@click.command()
@_verb
def pause(mouth: Mouth) -> None:
    """Stay at this step."""
    mouth.say(Verb.PAUSE)


@click.command()
@_verb
def resume(mouth: Mouth) -> None:
    """End a pause that `pause` began."""
    mouth.say(Verb.RESUME)


@click.command()
@_verb
@click.option("--to-version", default="", metavar="VERSION", help="Which one.", shell_complete=proposals.versions)
def undo(mouth: Mouth, to_version: str) -> None:
    """Go back to an earlier version and stay there."""
    mouth.say(Verb.UNDO, to_version)


@click.command()
@_verb
def retrain(mouth: Mouth) -> None:
    """Start the Job that trains a new version."""
    mouth.say(Verb.RETRAIN)
