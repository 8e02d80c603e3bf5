"""A listing that a thread of its own keeps up to date: list, watch, and again whatever breaks."""

import threading
from collections.abc import Callable
from typing import Generic

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.errors import CliError, WatchTooOld
from penstock_cli.listing import Listing, T, WatchChange

_WATCH_SECONDS = 60
"""A watch is renewed after that time."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
"""Seconds until the next try after an error; each error doubles them."""


class Informer(Generic[T]):
    """What a listing holds. `on_change` is called, from the thread, after each change and each failure."""

    def __init__(self, client: ClusterClient, listing: Listing[T], on_change: Callable[[], None]) -> None:
        self._client, self._listing, self._on_change = client, listing, on_change
        self._lock = threading.Lock()
        self._items: dict[str, T] | None = None
        self._problem = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin, in a thread that does not keep the process alive."""
        self._thread.start()

    def stop(self) -> None:
        """Have it end; what is under way ends with its own time-out, or with the process."""
        self._ended.set()

    def items(self) -> list[T] | None:
        """What was seen last; None: nothing could be listed yet."""
        with self._lock:
            return None if self._items is None else list(self._items.values())

    def problem(self) -> str:
        """Why it may be out of date; empty: it is not."""
        with self._lock:
            return self._problem

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._ended.is_set():
            try:
                self._list_and_watch()
                wait = _FIRST_WAIT
            except WatchTooOld:
                continue
            except CliError as error:
                self._report(str(error))
                self._ended.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _list_and_watch(self) -> None:
        """List once, then watch for as long as the API server lets us."""
        listed = self._client.list_objects(self._listing)
        self._replace({item.metadata.uid: item for item in listed.items})
        version = listed.resource_version
        while not self._ended.is_set():
            for change in self._client.watch(self._listing, version, _WATCH_SECONDS):
                self._apply(change)
                version = change.resource_version

    def _apply(self, change: WatchChange[T]) -> None:
        if change.item is None:
            return
        with self._lock:
            items = dict(self._items or {})
        uid = change.item.metadata.uid
        items.pop(uid, None)
        if not change.deleted:
            items[uid] = change.item
        self._replace(items)

    def _replace(self, items: dict[str, T]) -> None:
        with self._lock:
            self._items, self._problem = items, ""
        self._on_change()

    def _report(self, problem: str) -> None:
        with self._lock:
            self._problem = problem
        self._on_change()
