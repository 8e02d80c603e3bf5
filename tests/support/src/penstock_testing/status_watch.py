"""Every state that a ModelDeployment has, as it comes: one kubectl that watches costs less than many that ask."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from penstock_contracts.names import KIND
from penstock_testing.cluster import Cluster, Object

RESTART_SECONDS = 0.5


class ObjectWatch:
    """`kubectl get --watch` from a thread, from entering the context until leaving it. It begins with what is."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, tell: Callable[[Object], object]) -> None:
        """`name`: empty for all of the namespace. `tell` is called from the thread, with the whole object."""
        self._cluster, self._tell = cluster, tell
        # Asked for by its name, kubectl passes over a change between its reading and its watch; of a list it does not.
        chosen = (f"--field-selector=metadata.name={name}",) if name else ()
        self._arguments = ("get", KIND, *chosen, "-n", namespace, "--watch", "-o", "json")
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._end.set()
            if self._process:
                self._process.terminate()
        self._thread.join(timeout=30)

    def _follow(self) -> None:
        while process := self._started():
            for found in documents(process.stdout or ()):
                if found["kind"] == KIND:  # not the Status object by which the API server ends a watch
                    self._tell(found)
            process.wait()
            self._end.wait(RESTART_SECONDS)  # the API server ends a watch now and then

    def _started(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if not self._end.is_set():
                self._process = self._cluster.start_kubectl(*self._arguments)
                return self._process
            return None


class StatusWatch(ObjectWatch):
    """Of the status only."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, tell: Callable[[Object], object]) -> None:
        """`tell` is called from the thread, with each status; an empty one where there is none."""
        super().__init__(cluster, namespace, name, lambda found: tell(found.get("status") or {}))


def documents(lines: Iterable[str]) -> Iterator[Object]:
    """JSON objects that kubectl prints one after the other, indented; one that is cut short is left out."""
    gathered: list[str] = []
    for line in lines:
        gathered.append(line)
        if line.rstrip() == "}":
            yield json.loads("".join(gathered))
            gathered.clear()
