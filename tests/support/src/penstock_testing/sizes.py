"""How many pods each version had, and its autoscaler's bounds, while a test ran."""

import threading
import time
from dataclasses import dataclass
from typing import Self

from penstock_testing.cluster import CommandError, Object
from penstock_testing.model_deployments import Deployed

_EVERY = 1.0
_VERSION = "penstock.dev/model-version"


@dataclass(frozen=True, kw_only=True)
class WorkloadSize:
    """A version's workload at one moment."""

    asked: int
    ready: int
    floor: int
    """Below which its autoscaler may not go; 0: it has none."""


class Sizes:
    """Looks once a second, from entering its context until leaving it."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seen: list[dict[str, WorkloadSize]] = []
        """Version to its size, at each look."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    def of(self, version: str) -> list[WorkloadSize]:
        """A version's sizes, in their order."""
        return [sizes[version] for sizes in self.seen if version in sizes]

    def now(self) -> dict[str, WorkloadSize]:
        """Version to its size."""
        where = self._deployed.namespace
        selector = f"penstock.dev/model-deployment={self._deployed.name}"
        found = self._deployed.cluster.items("deployments,horizontalpodautoscalers", where, selector)
        floors = {each["metadata"]["name"]: _floor(each) for each in found if each["kind"] != "Deployment"}
        return {
            each["metadata"]["annotations"][_VERSION]: WorkloadSize(
                asked=each["spec"]["replicas"],
                ready=each["status"].get("readyReplicas", 0),
                floor=floors.get(each["metadata"]["name"], 0),
            )
            for each in found
            if each["kind"] == "Deployment"
        }

    def wait_ready(self, version: str, pods: int, seconds: float = 120.0) -> None:
        """Until a version has so many ready pods. Raises TimeoutError with what it had."""
        end = time.monotonic() + seconds
        while (size := self.now().get(version)) is None or size.ready < pods:
            if time.monotonic() > end:
                raise TimeoutError(f"version {version} has no {pods} ready pods in {seconds:g} s: {size}")
            time.sleep(_EVERY)

    def _look(self) -> None:
        while not self._stopped.wait(_EVERY):
            try:
                self.seen.append(self.now())
            except CommandError:
                continue  # an object left between two of kubectl's requests


def _floor(autoscaler: Object) -> int:
    return int(autoscaler["spec"]["minReplicas"])
