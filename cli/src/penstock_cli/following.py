"""A listing that is kept up to date by a thread of its own: list, watch, and again whatever breaks."""

import threading
from collections.abc import Callable

from penstock_cli.cluster import Cluster, Listing
from penstock_cli.connection import Object
from penstock_cli.errors import Expired, Trouble

_WATCH_SECONDS = 60
"""A watch is renewed after that time."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
"""Seconds until the next try after an error; each error doubles them."""


class Following:
    """What a listing holds. `changed` is called, from the thread, after each change and each failure."""

    def __init__(self, cluster: Cluster, listing: Listing, changed: Callable[[], None]) -> None:
        self._cluster, self._listing, self._changed = cluster, listing, changed
        self._lock = threading.Lock()
        self._items: dict[str, Object] | None = None
        self._problem = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin, in a thread that does not keep the process alive."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; what is under way ends with its own time-out, or with the process."""
        self._ended.set()

    def items(self) -> list[Object] | None:
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
                self._follow()
                wait = _FIRST_WAIT
            except Expired:
                continue
            except Trouble as trouble:
                self._tell(str(trouble))
                self._ended.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _follow(self) -> None:
        """List once, then watch for as long as the API server lets us."""
        page = self._cluster.newest(self._listing)
        self._replace({item["metadata"]["uid"]: item for item in page["items"]})
        version = page["metadata"]["resourceVersion"]
        while not self._ended.is_set():
            for event in self._cluster.changes(self._listing, version, _WATCH_SECONDS):
                version = self._apply(event)

    def _apply(self, event: Object) -> str:
        """Take one event in; answers the resourceVersion to go on from. Raises Expired, Trouble."""
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            message = f"{self._listing.what}: {item.get('message', '')}"
            raise Expired(message) if item.get("code") == 410 else Trouble(message)  # noqa: PLR2004 - HTTP
        if kind != "BOOKMARK":
            self._put(item, gone=kind == "DELETED")
        return str(item["metadata"]["resourceVersion"])

    def _put(self, item: Object, *, gone: bool) -> None:
        with self._lock:
            items = dict(self._items or {})
            uid = item["metadata"]["uid"]
            items.pop(uid, None)
            if not gone:
                items[uid] = item
        self._replace(items)

    def _replace(self, items: dict[str, Object]) -> None:
        with self._lock:
            self._items, self._problem = items, ""
        self._changed()

    def _tell(self, problem: str) -> None:
        with self._lock:
            self._problem = problem
        self._changed()
