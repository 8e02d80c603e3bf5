"""A ModelDeployment as a user handles it: apply it, watch its status, delete it."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

from penstock_testing.cluster import Cluster, Object
from penstock_testing.platform import wait_for

KIND = "modeldeployments.penstock.dev"


def model_deployment(name: str, namespace: str, model: str, **spec: Any) -> Object:
    """The smallest useful resource, following alias `champion`, with what the test says about it."""
    registry = spec.pop("registry", {"model": model, "alias": "champion"})
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"registry": registry, **spec},
    }


@dataclass(frozen=True)
class Deployed:
    """One ModelDeployment on a cluster."""

    cluster: Cluster
    namespace: str
    name: str

    def status(self) -> Object:
        """Its status now; empty while it has none. Raises LookupError when it is gone."""
        found = self.cluster.get(KIND, self.name, self.namespace)
        if found is None:
            raise LookupError(f"no ModelDeployment {self.namespace}/{self.name}")
        status: Object = found.get("status") or {}
        return status

    def condition(self, kind: str) -> Object:
        """One condition; empty while it has none of that type."""
        conditions = self.status().get("conditions", [])
        return next((item for item in conditions if item["type"] == kind), {})

    def wait_ready(self, seconds: float = 120.0) -> None:
        """`kubectl wait --for=condition=Ready`."""
        self.cluster.kubectl(
            "wait",
            f"{KIND}/{self.name}",
            "-n",
            self.namespace,
            "--for=condition=Ready",
            f"--timeout={seconds:g}s",
            seconds=seconds + 5,
        )

    def wait_for_version(self, version: str, seconds: float = 120.0) -> Object:
        """Until that version is stable; answers the status."""

        def look() -> Object | None:
            status = self.status()
            return status if (status.get("stable") or {}).get("version") == version else None

        try:
            return wait_for(f"{self.name} at version {version}", look, seconds, pause=0.3)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; status: {self.status()}") from error

    def wait_settled(self, seconds: float = 120.0) -> Object:
        """Until nothing is on trial and nothing is leaving."""

        def look() -> Object | None:
            status = self.status()
            return None if status.get("candidate") or status.get("retiring") else status

        return wait_for(f"{self.name} settled", look, seconds, pause=0.5)

    def describe(self) -> str:
        """What a user reads."""
        return self.cluster.kubectl("describe", KIND, self.name, "-n", self.namespace)

    def delete(self, seconds: float = 60.0) -> None:
        """`kubectl delete`, waiting for its end."""
        self.cluster.kubectl("delete", KIND, self.name, "-n", self.namespace, f"--timeout={seconds:g}s")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A status that differed from the one before."""

    at: float
    """Unix time at which it was seen."""
    phase: str
    message: str
    stable: str
    candidate: str
    number: int
    """Of the desired traffic split."""


@dataclass
class Timeline:
    """Watches a ModelDeployment from a thread and keeps each change."""

    deployed: Deployed
    moments: list[Moment] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread:
            self._thread.join(timeout=30)

    def _watch(self) -> None:
        while not self._end.wait(0.3):
            try:
                moment = _moment(self.deployed.status())
            except (LookupError, RuntimeError):
                continue
            if not self.moments or _shown(self.moments[-1]) != _shown(moment):
                self.moments.append(moment)


def _shown(moment: Moment) -> tuple[str, str, str, str]:
    return moment.phase, moment.message, moment.stable, moment.candidate


def _moment(status: Object) -> Moment:
    return Moment(
        at=time.time(),
        phase=status.get("phase", ""),
        message=status.get("message", ""),
        stable=(status.get("stable") or {}).get("version", ""),
        candidate=(status.get("candidate") or {}).get("version", ""),
        number=((status.get("traffic") or {}).get("desired") or {}).get("number", 0),
    )
