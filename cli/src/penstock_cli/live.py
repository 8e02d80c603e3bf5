"""The live view: what the API server sends, drawn anew, or told line by line where nobody draws."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from rich.console import Console
from rich.live import Live

from penstock_cli.cluster import Cluster, events, itself, pods
from penstock_cli.errors import Gone, Trouble
from penstock_cli.following import Following
from penstock_cli.lines import line, stamped
from penstock_cli.picture import Picture, Seen, picture
from penstock_cli.screen import screen

_FIRST_SECONDS = 15.0
"""For the first answer."""
_SECOND = 1.0
"""Ages on the screen are that old at most."""


class LiveView:
    """Pictures of one resource, from entering the context until leaving it."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._where = f"{namespace}/{name}"
        self._news = threading.Event()
        listings = (itself(namespace, name), pods(namespace, name), events(namespace, name))
        self._parts = [Following(cluster, listing, self._news.set) for listing in listings]

    def __enter__(self) -> Self:
        for part in self._parts:
            part.start()
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts:
            part.stop()

    def wait(self, seconds: float) -> bool:
        """Until there is something new, at most that long; answers whether there is."""
        found = self._news.wait(seconds)
        self._news.clear()
        return found

    def picture(self) -> Picture | None:
        """As it stands; None: not everything has answered yet. Raises Gone, Trouble where nothing can be shown."""
        itself_, pods_, events_ = self._parts
        found = itself_.items()
        if found is None:
            if itself_.problem():
                raise Trouble(itself_.problem())
            return None
        if not found:
            raise Gone(f"ModelDeployment {self._where} does not exist (any more)")
        if any(part.items() is None and not part.problem() for part in (pods_, events_)):
            return None
        problems = tuple(part.problem() for part in self._parts if part.problem())
        seen = Seen(resource=found[0], pods=pods_.items(), events=events_.items(), problems=problems)
        return picture(seen)


def follow(view: LiveView, show: Callable[[Picture], None]) -> None:
    """Show each new picture, and at least one a second, until the resource is gone. Raises Gone, Trouble."""
    shown = _first(view)
    while True:
        show(shown)
        view.wait(_SECOND)
        shown = view.picture() or shown


def _first(view: LiveView) -> Picture:
    deadline = datetime.now(UTC).timestamp() + _FIRST_SECONDS
    while (left := deadline - datetime.now(UTC).timestamp()) > 0:
        view.wait(left)
        found = view.picture()
        if found:
            return found
    raise Trouble("the API server has not answered in time")


def drawn(console: Console, view: LiveView) -> None:
    """In place, until somebody ends it. Raises Gone, Trouble."""
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def show(found: Picture) -> None:
            live.update(screen(found, datetime.now(UTC), console.width), refresh=True)

        follow(view, show)


def told(view: LiveView, say: Callable[[str], None]) -> None:
    """A line for each change, until somebody ends it. Raises Gone, Trouble."""
    last = ""

    def show(found: Picture) -> None:
        nonlocal last
        now = line(found)
        if now != last:
            last = now
            say(stamped(now, datetime.now(UTC)))

    follow(view, show)
