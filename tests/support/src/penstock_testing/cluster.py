"""The cluster that tests and the demo run on, through the real kubectl and helm."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock_contracts.names import GROUP, KIND, PLURAL, VERSION
from penstock_testing.api_connection import ApiConnection, ApiError

Object = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """Where the API server has the objects of a kind."""

    kind: str
    api_version: str
    plural: str
    everywhere: bool = False
    """It belongs to no namespace."""

    def path(self, namespace: str, name: str = "") -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = "" if self.everywhere or not namespace else f"/namespaces/{namespace}"
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")


_MODEL_DEPLOYMENT = _Kind(KIND, f"{GROUP}/{VERSION}", PLURAL)
_OFTEN_READ = {
    "pods": _Kind("Pod", "v1", "pods"),
    "events": _Kind("Event", "v1", "events"),
    "service": _Kind("Service", "v1", "services"),
    "nodes": _Kind("Node", "v1", "nodes", everywhere=True),
    "namespace": _Kind("Namespace", "v1", "namespaces", everywhere=True),
    "deployment": _Kind("Deployment", "apps/v1", "deployments"),
    KIND: _MODEL_DEPLOYMENT,
    "modeldeployment": _MODEL_DEPLOYMENT,
    f"{PLURAL}.{GROUP}": _MODEL_DEPLOYMENT,
}
"""By kubectl's names. The API server is asked without a kubectl: tests ask again and again."""

COMMAND_SECONDS = 120.0
_READS = ("get", "list", "watch")
_NOT_FOUND = 404


class CommandError(RuntimeError):
    """kubectl or helm failed; the message holds the command and what it said."""


@dataclass(frozen=True, kw_only=True)
class KubernetesCluster:
    """A named cluster. Nothing here ever acts on an unnamed one."""

    name: str = ""
    """Of a test cluster of our own; empty: one that CONTEXT names."""
    context: str
    kubeconfig: str
    """Path; empty: kubectl's own default."""
    images: dict[str, str]
    """Part to the reference that this cluster pulls."""
    registry: str = ""
    """Where images for it can be pushed, as host/project."""
    kubectl_path: str = "kubectl"
    helm_path: str = "helm"
    node: str = ""
    """Address at which node ports answer from here; empty: taken from the node's status."""
    audit_log: Path | None = None
    """The API server's audit log; None: a cluster that is not ours."""

    @classmethod
    def from_environment(cls) -> "KubernetesCluster":
        """The cluster that `tests/with-cluster` names. Raises KeyError when it names none."""
        images = json.loads(Path(os.environ["PENSTOCK_TEST_IMAGES"]).read_text())
        facts = os.environ.get("PENSTOCK_TEST_CLUSTER", "")
        ours = json.loads(Path(facts).read_text()) if facts else {}
        return cls(
            name=ours.get("name", ""),
            context=os.environ["PENSTOCK_TEST_CONTEXT"],
            kubeconfig=os.environ.get("KUBECONFIG", ""),
            images=images,
            registry=ours.get("registry_push") or os.environ.get("REGISTRY", ""),
            kubectl_path=ours.get("kubectl", "kubectl"),
            helm_path=ours.get("helm", "helm"),
            node=ours.get("node", ""),
            audit_log=Path(ours["audit_log"]) if ours else None,
        )

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = COMMAND_SECONDS) -> str:
        """Run kubectl; answers its standard output. Raises CommandError."""
        return self._run([self.kubectl_path, "--context", self.context, *arguments], stdin, seconds)

    def start_kubectl(self, *arguments: str) -> subprocess.Popen[str]:
        """Start kubectl and leave it to the caller to read what it prints, and to end it."""
        command = [self.kubectl_path, "--context", self.context, *arguments]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self._environment()
        )

    def helm(self, *arguments: str, seconds: float = 300.0) -> str:
        """Run helm; answers its standard output. Raises CommandError."""
        return self._run([self.helm_path, "--kube-context", self.context, *arguments], None, seconds)

    def _run(self, command: list[str], stdin: str | None, seconds: float) -> str:
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=seconds,
                env=self._environment(),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"{' '.join(command)}: no end after {seconds:g} s") from error
        if done.returncode != 0:
            raise CommandError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return os.environ | ({"KUBECONFIG": self.kubeconfig} if self.kubeconfig else {})

    def apply(self, *objects: Object) -> None:
        """`kubectl apply` with strict validation, which is its default. No objects: nothing is done."""
        if objects:
            # As JSON: kubectl takes for a number what YAML here writes as text, such as 0123456789.
            stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
            self.kubectl("apply", "-f", "-", stdin=stdin)

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object; None: it does not exist."""
        known = _OFTEN_READ.get(kind)
        if known and (namespace or known.everywhere):
            return self._read(known.path(namespace, name))
        where = ("-n", namespace) if namespace else ()
        text = self.kubectl("get", kind, name, *where, "-o", "json", "--ignore-not-found")
        found: Object | None = json.loads(text) if text.strip() else None
        return found

    def items(self, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """Objects of a kind, in a namespace or in all."""
        known = _OFTEN_READ.get(kind)
        if known:
            listed = self._read(known.path(namespace), **({"labelSelector": selector} if selector else {})) or {}
            more = {"kind": known.kind, "apiVersion": known.api_version}
            return [item | more for item in listed.get("items") or []]
        where = ("-n", namespace) if namespace else ("-A",)
        chosen = ("-l", selector) if selector else ()
        items: list[Object] = json.loads(self.kubectl("get", kind, *where, *chosen, "-o", "json"))["items"]
        return items

    def _read(self, path: str, **query: str) -> Object | None:
        """None: there is no such thing. Raises CommandError."""
        try:
            return ApiConnection(self.kubeconfig, self.context).read(path, **query)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise CommandError(str(error)) from error

    def node_address(self) -> str:
        """Where node ports answer."""
        if self.node:
            return self.node
        addresses = self.items("nodes")[0]["status"]["addresses"]
        return str(next(item["address"] for item in addresses if item["type"] == "InternalIP"))

    def node_port(self, service: str, namespace: str) -> int:
        """The node port of a Service's first port."""
        found = self.get("service", service, namespace)
        if found is None:
            raise CommandError(f"no Service {namespace}/{service}")
        return int(found["spec"]["ports"][0]["nodePort"])

    def writes_by(self, prefix: str, since: float) -> list[Object]:
        """Audited writes since a Unix time by identities whose name begins with `prefix`."""
        return [event for event in self.calls_by(prefix, since) if _is_write(event)]

    def calls_by(self, prefix: str, since: float) -> Iterator[Object]:
        """Audited calls, reads too, since a Unix time by identities whose name begins with `prefix`.

        A watch is there twice: when it begins and when it ends.
        """
        if self.audit_log is None:
            raise CommandError("only a test cluster of our own has an audit log that can be read")
        for file in _with_rotated(self.audit_log):
            with file.open() as lines:
                for line in lines:
                    if prefix not in line or not line.endswith("\n"):  # a line that is being written
                        continue
                    event = json.loads(line)
                    if event["user"]["username"].startswith(prefix) and _unix(event) >= since:
                        yield event


def _with_rotated(log: Path) -> list[Path]:
    """The log's earlier files, oldest first, and the log: at 100 MB the API server goes on in a new file."""
    return [*sorted(log.parent.glob(f"{log.stem}-*{log.suffix}")), log]


def _is_write(event: Object) -> bool:
    return event["verb"] not in _READS and event["stage"] == "ResponseComplete"


def _unix(event: Object) -> float:
    return datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
