"""A person's command to the controller: one annotation, and its result in the status.

Whether a command makes sense is the controller's to say.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.errors import AnnotationConflict, CliError, ResultUnknown
from penstock_contracts.api.status import CommandResult, ModelDeploymentStatus
from penstock_contracts.verbs import Verb, annotation, word

_TRIES = 8
"""The controller writes the status of a rollout often: each of its writes in between is another try."""
_POLL_SECONDS = 0.3


class RolloutPosition(NamedTuple):
    """Where a resource stands, as commands name it."""

    attempt: int
    step: int

    def __str__(self) -> str:
        return f"attempt {self.attempt}, step {self.step}"


def position_of(status: ModelDeploymentStatus) -> RolloutPosition:
    """Where a resource stands. Step 0: nothing is on trial."""
    return RolloutPosition(status.attempt, status.candidate.step if status.candidate else 0)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a person wants the controller to do with a resource."""

    namespace: str
    name: str
    verb: Verb
    version: str = ""
    """For `undo`; empty: the one that served before."""

    @property
    def path(self) -> str:
        """Namespace and name of the resource, as messages have it."""
        return f"{self.namespace}/{self.name}"

    def value_at(self, position: RolloutPosition) -> str:
        """The annotation's value: the command holds at that position only."""
        return word(position.attempt, position.step, self.version)


@dataclass(frozen=True, kw_only=True)
class SentCommand:
    """A command that stands on a resource."""

    command: Command
    value: str
    """The annotation's."""
    uid: str
    """The resource's."""

    @property
    def kubectl_line(self) -> str:
        """The line that sends the same."""
        value = f"{annotation(self.command.verb)}={self.value}"
        return f"kubectl -n {self.command.namespace} annotate mdep {self.command.name} --overwrite {value}"

    @property
    def summary(self) -> str:
        """For the person who sent it."""
        verb, path = self.command.verb.value, self.command.path
        return f"asked: {verb} of {path} at {self.value}\nthe same: {self.kubectl_line}"


def send(client: ClusterClient, command: Command) -> SentCommand:
    """Write a command for the position where the resource stands now. Raises CliError where it is not written."""
    first: RolloutPosition | None = None
    for _ in range(_TRIES):
        resource = client.model_deployment(command.namespace, command.name)
        position = position_of(resource.status)
        first = first or position
        _check_meant(command, first, position)
        value = command.value_at(position)
        try:
            client.annotate(resource, annotation(command.verb), value)
        except AnnotationConflict:
            continue
        return SentCommand(command=command, value=value, uid=resource.metadata.uid)
    raise CliError(f"{command.path} was changed between reading and writing {_TRIES} times: try again")


def _check_meant(command: Command, first: RolloutPosition, position: RolloutPosition) -> None:
    """Whether the position is still the one that was meant: a step more matters to who goes on from a step alone."""
    meant = position == first if command.verb is Verb.PROMOTE else position.attempt == first.attempt
    if not meant:
        raise CliError(f"{command.path} has moved on from {first} to {position}: look at it, and try again")


def clear_handled(client: ClusterClient, command: Command, seconds: float) -> None:
    """Where the same command was handled before: have the controller forget it, so that it can be sent again.

    Raises ResultUnknown, CliError.
    """

    def is_forgotten() -> bool:
        resource = client.model_deployment(command.namespace, command.name)
        if not _is_handled(resource.status, command.verb, command.value_at(position_of(resource.status))):
            return True
        with suppress(AnnotationConflict):
            client.annotate(resource, annotation(command.verb), None)
        return False

    if not _poll(is_forgotten, seconds):
        verb = command.verb.value
        raise ResultUnknown(f"the controller does not forget the last {verb} within {seconds:g} s: it may be away")


def wait_for_result(client: ClusterClient, sent: SentCommand, seconds: float) -> CommandResult | None:
    """What became of a command; None: it was handled, and the status does not tell how.

    Raises ResultUnknown, CliError.
    """
    command = sent.command
    results: list[CommandResult | None] = []

    def is_handled() -> bool:
        resource = client.model_deployment(command.namespace, command.name)
        if resource.metadata.uid != sent.uid:
            raise CliError(f"{command.path} was deleted and made again meanwhile")
        if _is_handled(resource.status, command.verb, sent.value):
            results.append(resource.status.command_results.get(command.verb.value))
        return bool(results)

    if not _poll(is_handled, seconds):
        raise ResultUnknown(
            f"no result within {seconds:g} s: the controller may be away. It acts on it when it is back, if "
            f"{command.path} still stands at {sent.value} then"
        )
    return results[0]


def _is_handled(status: ModelDeploymentStatus, verb: Verb, value: str) -> bool:
    """Whether the controller has handled a command. It does not act on it again while the annotation stays."""
    return status.handled_commands.get(verb.value) == value


def _poll(holds: Callable[[], bool], seconds: float) -> bool:
    """Look until it holds, at most that long and at least once."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
