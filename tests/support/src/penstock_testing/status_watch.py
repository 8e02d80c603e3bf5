"""Every state that a ModelDeployment has, as it comes: one watch costs less than many questions."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from penstock_contracts.names import GROUP, KIND, PLURAL, VERSION
from penstock_testing.api_connection import ApiConnection, ApiError
from penstock_testing.cluster import KubernetesCluster, Object

RESTART_SECONDS = 0.5


class ObjectWatch:
    """Tells from a thread, from entering the context until leaving it. It begins with what is."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, name: str, tell: Callable[[Object], object]) -> None:
        """`name`: empty for all of the namespace. `tell` is called from the thread, with the whole object."""
        self._cluster, self._tell = cluster, tell
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        self._chosen = {"fieldSelector": f"metadata.name={name}"} if name else {}
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._connection: ApiConnection | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._end.set()
            if self._connection:
                self._connection.close()
        self._thread.join(timeout=30)

    def _follow(self) -> None:
        while connection := self._connected():
            with suppress(ApiError):  # away, or too slow: it is asked again
                self._tell_all(connection)
            self._end.wait(RESTART_SECONDS)  # the API server ends a watch now and then

    def _tell_all(self, connection: ApiConnection) -> None:
        """What is, then what changes from there on."""
        found = connection.read(self._path, **self._chosen)
        for item in found["items"]:
            self._tell(item | {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND})
        since = found["metadata"]["resourceVersion"]
        for event in connection.watch(self._path, resourceVersion=since, **self._chosen):
            if event["type"] == "ERROR":  # by which the API server ends a watch
                return
            self._tell(event["object"])

    def _connected(self) -> ApiConnection | None:
        with self._lock:
            if self._end.is_set():
                return None
            self._connection = ApiConnection(self._cluster.kubeconfig, self._cluster.context)
            return self._connection


class StatusWatch(ObjectWatch):
    """Of the status only."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, name: str, tell: Callable[[Object], object]) -> None:
        """`tell` is called from the thread, with each status; an empty one where there is none."""
        super().__init__(cluster, namespace, name, lambda found: tell(found.get("status") or {}))
