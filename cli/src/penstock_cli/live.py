"""The live view: what the API server sends, drawn anew, or printed line by line where nobody draws."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from rich.console import Console
from rich.live import Live

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.errors import CliError, ObjectNotFound
from penstock_cli.informer import Informer
from penstock_cli.lines import course_text, summary_line, with_time
from penstock_cli.listing import event_listing, model_deployment_listing, pod_listing
from penstock_cli.rollout_view import RolloutReading, RolloutView, rollout_view
from penstock_cli.screen import screen

_FIRST_SECONDS = 15.0
"""For the first answer."""
_SECOND = 1.0
"""Ages on the screen are that old at most."""


class LiveView:
    """Views of one resource, from entering the context until leaving it."""

    def __init__(self, client: ClusterClient, namespace: str, name: str) -> None:
        self._path = f"{namespace}/{name}"
        self._news = threading.Event()
        self._resource = Informer(client, model_deployment_listing(namespace, name), self._news.set)
        self._pods = Informer(client, pod_listing(namespace, name), self._news.set)
        self._events = Informer(client, event_listing(namespace, name), self._news.set)

    def __enter__(self) -> Self:
        for informer in (self._resource, self._pods, self._events):
            informer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for informer in (self._resource, self._pods, self._events):
            informer.stop()

    def wait(self, seconds: float) -> bool:
        """Until there is something new, at most that long; answers whether there is."""
        found = self._news.wait(seconds)
        self._news.clear()
        return found

    def rollout(self) -> RolloutView | None:
        """As it stands; None: not everything has answered yet. Raises ObjectNotFound, CliError."""
        resources = self._resource.items()
        if resources is None:
            if self._resource.problem():
                raise CliError(self._resource.problem())
            return None
        if not resources:
            raise ObjectNotFound(f"ModelDeployment {self._path} does not exist (any more)")
        if any(part.items() is None and not part.problem() for part in (self._pods, self._events)):
            return None
        problems = (part.problem() for part in (self._resource, self._pods, self._events))
        reading = RolloutReading(
            resource=resources[0],
            pods=self._pods.items(),
            events=self._events.items(),
            problems=tuple(problem for problem in problems if problem),
        )
        return rollout_view(reading)


def follow(view: LiveView, show: Callable[[RolloutView], None]) -> None:
    """Show each new view, and at least one a second, until the resource is gone. Raises ObjectNotFound, CliError."""
    shown = _first(view)
    while True:
        show(shown)
        view.wait(_SECOND)
        shown = view.rollout() or shown


def _first(view: LiveView) -> RolloutView:
    deadline = datetime.now(UTC).timestamp() + _FIRST_SECONDS
    while (left := deadline - datetime.now(UTC).timestamp()) > 0:
        view.wait(left)
        rollout = view.rollout()
        if rollout:
            return rollout
    raise CliError("the API server has not answered in time")


def draw(console: Console, view: LiveView) -> None:
    """In place, until somebody ends it. Raises ObjectNotFound, CliError."""
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def show(rollout: RolloutView) -> None:
            live.update(screen(rollout, datetime.now(UTC), console.width), refresh=True)

        follow(view, show)


def print_lines(view: LiveView, print_line: Callable[[str], None]) -> None:
    """A line for each change, until somebody ends it. Raises ObjectNotFound, CliError."""
    last = ""

    def show(rollout: RolloutView) -> None:
        nonlocal last
        line = summary_line(rollout)
        if line != last:
            last = line
            print_line(with_time(line + course_text(rollout), datetime.now(UTC)))

    follow(view, show)
