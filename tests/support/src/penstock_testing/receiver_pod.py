"""A pod that takes whatever is POSTed to it, and hands it to the test: a collector, a sink or a pipeline's server."""

import base64
from dataclasses import dataclass

import httpx

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.pod_caller import locked_pod

_PORT = 8080
_PROGRAM = """
import base64, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
taken, names = [], ("idempotency-key", "authorization", "content-type")
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        if "transfer-encoding" in self.headers:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: self.headers[name] for name in names if name in self.headers}
        taken.append({"path": self.path, "headers": headers, "body": base64.b64encode(body).decode()})
        self.answer(b"{}")
    def do_GET(self):
        self.answer(json.dumps(taken[int(self.path.partition("?")[2] or 0):]).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class ReceivedRequest:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class ReceiverPod:
    """One pod and its Service in a namespace that ends with the test."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, name: str = "receiver") -> None:
        self._cluster, self._namespace, self._name = cluster, namespace, name
        self._taken: list[ReceivedRequest] = []

    @property
    def url(self) -> str:
        """Where pods reach it."""
        return f"http://{self._name}.{self._namespace}.svc:{_PORT}"

    def start(self) -> None:
        """Make both, and wait until it runs."""
        labels = {"app": self._name}
        pod = locked_pod(
            self._cluster.images["predictor"], self._name, self._namespace, ["python3", "-c", _PROGRAM], labels
        )
        probe = {"httpGet": {"path": "/?9999999", "port": _PORT}, "periodSeconds": 1}
        pod["spec"]["containers"][0] |= {"ports": [{"containerPort": _PORT}], "readinessProbe": probe}
        service: Object = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {"type": "NodePort", "selector": labels, "ports": [{"port": _PORT}]},
        }
        where = ("-n", self._namespace)
        self._cluster.kubectl("wait", "--for=create", "serviceaccount/default", *where, "--timeout=30s")
        self._cluster.apply(service, pod)
        self._cluster.kubectl("wait", "--for=condition=Ready", f"pod/{self._name}", *where, "--timeout=60s")

    def taken(self, path: str) -> list[ReceivedRequest]:
        """All requests to that path so far."""
        port = self._cluster.node_port(self._name, self._namespace)
        url = f"http://{self._cluster.node_address()}:{port}/?{len(self._taken)}"
        answer = httpx.get(url, timeout=30, trust_env=False).raise_for_status()
        self._taken += [
            ReceivedRequest(path=one["path"], headers=one["headers"], body=base64.b64decode(one["body"]))
            for one in answer.json()
        ]
        return [one for one in self._taken if one.path == path]
