"""A ModelDeployment as a user handles it: apply it, watch its status, delete it."""

import json
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from penstock_contracts.verbs import Verb, annotation, word
from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.status_watch import StatusWatch
from penstock_testing.strategies import AT_ONCE

KIND = "modeldeployments.penstock.dev"


def model_deployment(name: str, namespace: str, model: str, **spec: Any) -> Object:
    """A resource that follows alias `champion` at once, with what the test says about it."""
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"registry": {"model": model, "alias": "champion"}, **AT_ONCE, **spec},
    }


def gate_figures(gate: Object) -> dict[str, int]:
    """What a gate of a status or of a decision record has counted of the version that it judges, by name."""
    return {figure["name"]: figure["candidate"] for figure in gate.get("figures", [])}


@dataclass(frozen=True)
class Deployed:
    """One ModelDeployment on a cluster."""

    cluster: KubernetesCluster
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

    def wait_until(self, what: str, holds: Callable[[Object], object], seconds: float = 120.0) -> Object:
        """Until something holds of the status; answers that status. Raises TimeoutError with the last one seen."""
        statuses: queue.SimpleQueue[Object] = queue.SimpleQueue()
        deadline, seen = time.monotonic() + seconds, Object()
        with StatusWatch(self.cluster, self.namespace, self.name, statuses.put):
            while (left := deadline - time.monotonic()) > 0:
                try:
                    seen = statuses.get(timeout=left)
                except queue.Empty:
                    break
                if holds(seen):
                    return seen
        raise TimeoutError(f"{self.name}: {what}: not in {seconds:g} s; status: {json.dumps(seen)}")

    def wait_for_version(self, version: str, seconds: float = 120.0) -> Object:
        """Until that version is stable; answers the status."""
        return self.wait_until(
            f"version {version} is stable",
            lambda status: (status.get("stable") or {}).get("version") == version,
            seconds,
        )

    def wait_settled(self, seconds: float = 120.0) -> Object:
        """Until nothing is on trial, nothing bakes and nothing is leaving."""
        return self.wait_until(
            "settled",
            lambda status: not any(status.get(part) for part in ("candidate", "previous", "retiring")),
            seconds,
        )

    def wait_for_weight(self, version: str, weight: int, seconds: float = 120.0) -> Object:
        """Until that version is on trial with that share of the requests, acknowledged by every gateway pod."""
        return self.wait_until(
            f"version {version} on trial at {weight} %", lambda status: _on_trial(status, version, weight), seconds
        )

    def wait_paused(self, version: str, weight: int, seconds: float = 120.0) -> Object:
        """As `wait_for_weight`, and until it waits for a person."""
        return self.wait_until(
            f"version {version} paused at {weight} %",
            lambda status: status.get("phase") == "Paused" and _on_trial(status, version, weight),
            seconds,
        )

    def wait_for_phase(self, phase: str, seconds: float = 120.0) -> Object:
        """Until it is in that phase."""
        return self.wait_until(f"phase {phase}", lambda status: status.get("phase") == phase, seconds)

    def wait_for_attempt(self, attempt: int, seconds: float = 120.0) -> Object:
        """Until the attempt with that number has begun."""
        return self.wait_until(f"attempt {attempt}", lambda status: status.get("attempt", 0) >= attempt, seconds)

    def wait_for_end(self, version: str, seconds: float = 120.0) -> Object:
        """Until the attempt with that version has ended; answers its decision record."""
        status = self.wait_until(
            f"an end of the attempt with version {version}", lambda status: _records(status, version), seconds
        )
        return _records(status, version)[0]

    def promote(self, status: Object) -> None:
        """Let the candidate go on from the step that this status shows."""
        self.say(Verb.PROMOTE, status)

    def say(self, verb: Verb, status: Object, version: str = "") -> None:
        """Annotate it with a verb for the place that this status shows."""
        self.say_at_once([verb], word_at(status, version))

    def say_at_once(self, verbs: Iterable[Verb], text: str) -> None:
        """Annotate it with several verbs in one change."""
        self._annotate("--overwrite", *(f"{annotation(verb)}={text}" for verb in verbs))

    def take_back(self, *verbs: Verb) -> Object:
        """Remove the annotations of these verbs; answers the status once they are forgotten and may be said again."""
        self._annotate(*(f"{annotation(verb)}-" for verb in verbs))
        return self.wait_until(
            "forgotten", lambda status: not set(verbs) & set(status.get("handledCommands") or {}), 30
        )

    def _annotate(self, *arguments: str) -> None:
        self.cluster.kubectl("annotate", KIND, self.name, "-n", self.namespace, *arguments)

    def wait_handled(self, verb: Verb) -> Object:
        """Until the word that stands there was done or refused; answers the status."""
        found = self.cluster.get(KIND, self.name, self.namespace)
        text = found["metadata"]["annotations"][annotation(verb)] if found else ""
        return self.wait_until(
            f"{verb} {text} handled", lambda status: (status.get("handledCommands") or {}).get(verb.value) == text, 30
        )

    def events(self, reason: str) -> list[str]:
        """The messages of its Events under that reason."""
        chosen = f"involvedObject.name={self.name},reason={reason}"
        text = self.cluster.kubectl("get", "events", "-n", self.namespace, "--field-selector", chosen, "-o", "json")
        return [event["message"] for event in json.loads(text)["items"]]

    def edit(self, **spec: object) -> None:
        """Change fields of the spec; what is inside of them is merged."""
        patch = json.dumps({"spec": spec})
        self.cluster.kubectl("patch", KIND, self.name, "-n", self.namespace, "--type=merge", "-p", patch)

    def describe(self) -> str:
        """What a user reads."""
        return self.cluster.kubectl("describe", KIND, self.name, "-n", self.namespace)

    def delete(self, seconds: float = 60.0) -> None:
        """`kubectl delete`, waiting for its end."""
        self.cluster.kubectl("delete", KIND, self.name, "-n", self.namespace, f"--timeout={seconds:g}s")


def word_at(status: Object, version: str = "") -> str:
    """A word for the place that this status shows. `version`: for `undo`."""
    return word(status["attempt"], (status.get("candidate") or {}).get("step", 0), version)


def _on_trial(status: Object, version: str, weight: int) -> bool:
    candidate = status.get("candidate") or {}
    return (candidate.get("version"), candidate.get("weight")) == (version, weight)


def _records(status: Object, version: str) -> list[Object]:
    return [record for record in status.get("history", []) if record["version"] == version]
