"""What a watch tells, by an API server of the test's own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.status_watch import ObjectWatch, StatusWatch

PATH = "/apis/penstock.dev/v1alpha1/namespaces/users/modeldeployments"


class ApiServer(BaseHTTPRequestHandler):
    """Answers a list, then events; then it ends the watch, the first time."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, list[str]]]] = []
    events: ClassVar[list[Object]] = []
    held: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        assert at.path == PATH
        query = parse_qs(at.query)
        self.asked.append(query)
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        if "watch" not in query:
            listed = {"metadata": {"resourceVersion": "7"}, "items": [{"status": {"phase": "Pending"}}]}
            self.wfile.write(json.dumps(listed).encode())
            return
        for event in self.events:
            self.wfile.write(json.dumps(event).encode() + b"\n")
            self.wfile.flush()
        if sum("watch" in each for each in self.asked) > 1:
            self.held.wait(30)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KubernetesCluster]:
    ApiServer.asked, ApiServer.events, ApiServer.held = [], [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), ApiServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    yield KubernetesCluster(context="x", kubeconfig=str(tmp_path / "kubeconfig"), images={})
    ApiServer.held.set()
    server.shutdown()
    server.server_close()


def told_by(watch: type[ObjectWatch], cluster: KubernetesCluster, name: str, number: int) -> list[Object]:
    """As many as are waited for."""
    told: list[Object] = []
    enough = threading.Event()

    def tell(found: Object) -> None:
        told.append(found)
        if len(told) >= number:
            enough.set()

    with watch(cluster, "users", name, tell):
        assert enough.wait(60)
    return told


def test_a_watch_begins_with_what_is_goes_on_from_there_and_begins_again_when_it_is_ended(
    cluster: KubernetesCluster,
) -> None:
    ApiServer.events = [
        {"type": "MODIFIED", "object": {"status": {"phase": "Healthy"}}},
        {"type": "MODIFIED", "object": {"metadata": {}}},
        {"type": "ERROR", "object": {"kind": "Status", "reason": "Expired"}},
    ]
    assert told_by(StatusWatch, cluster, "", 6) == [{"phase": "Pending"}, {"phase": "Healthy"}, {}] * 2
    assert [query.get("resourceVersion") for query in ApiServer.asked] == [None, ["7"]] * 2


def test_one_resource_is_chosen_by_its_name_and_told_as_what_it_is(cluster: KubernetesCluster) -> None:
    (found,) = told_by(ObjectWatch, cluster, "model", 1)
    assert (found["kind"], found["apiVersion"]) == ("ModelDeployment", "penstock.dev/v1alpha1")
    assert ApiServer.asked[0]["fieldSelector"] == ["metadata.name=model"]


def test_a_watch_that_hears_nothing_ends_with_its_context_at_once(cluster: KubernetesCluster) -> None:
    ApiServer.events = [{"type": "MODIFIED", "object": {"status": {"phase": "Healthy"}}}]
    told_by(StatusWatch, cluster, "", 4)
    assert not [thread for thread in threading.enumerate() if "_follow" in thread.name]
