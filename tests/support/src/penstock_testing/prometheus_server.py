"""A real Prometheus on loopback that finds and scrapes a cluster's pods as the chart's monitors say."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from kubernetes import client

from penstock_testing.api_connection import ApiConnection, ApiError, configuration_of
from penstock_testing.build_cache import BuildCache
from penstock_testing.cluster import KubernetesCluster, Object

_START_SECONDS = 60.0


def debians(program: str) -> Path:
    """`prometheus` or `promtool` of PATH, else of Debian's package, which is fetched once and not installed.

    Raises subprocess.SubprocessError or OSError where it cannot be had.
    """
    if found := shutil.which(program):
        return Path(found)
    return BuildCache().kept("prometheus", _unpacked) / "usr" / "bin" / program


def _unpacked(draft: Path) -> Path:
    subprocess.run(["apt-get", "download", "prometheus"], cwd=draft, check=True, timeout=300)
    (package,) = draft.glob("prometheus_*.deb")
    subprocess.run(["dpkg", "-x", package, draft / "unpacked"], check=True, timeout=120)
    return draft / "unpacked"


class PrometheusServer:
    """Runs from entering its context until leaving it."""

    def __init__(
        self,
        cluster: KubernetesCluster,
        *,
        monitors: Sequence[Object],
        rules: Sequence[Object],
        folder: Path,
        interval: str = "1s",
    ) -> None:
        """`monitors`: ServiceMonitors and PodMonitors, `rules`: PrometheusRules, as rendered. `folder`: for its files.

        No operator is there to turn them into a configuration, and Debian's Prometheus cannot ask Kubernetes for
        pods: this does both. Pods are scraped through the API server.
        """
        self._folder, self._interval = folder, interval
        self._cluster = cluster
        self._api = configuration_of(cluster.kubeconfig, cluster.context)
        self._monitors, self._rules = monitors, rules
        self._over = threading.Event()
        self._finder = threading.Thread(target=self._find, daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._address = f"127.0.0.1:{taken.getsockname()[1]}"
        self._client = httpx.Client(base_url=f"http://{self._address}", timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        groups = [group for rule in self._rules for group in rule["spec"]["groups"]]
        rules, configuration = self._folder / "rules.json", self._folder / "prometheus.json"
        rules.write_text(json.dumps({"groups": groups}))
        jobs = [self._job(monitor) for monitor in self._monitors]
        self._finder.start()
        whole = {
            "global": {"scrape_interval": self._interval, "evaluation_interval": self._interval},
            "rule_files": [str(rules)],
            "scrape_configs": jobs,
        }
        configuration.write_text(json.dumps(whole))
        command = [
            str(debians("prometheus")),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self._address}",
        ]
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._finder.join(timeout=60)
        self._client.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def course(self, query: str, *, start: float, end: float, step: float = 1.0) -> list[Object]:
        """Answer a range query: series with `metric` and `values`. Times are Unix. Raises RuntimeError."""
        found: list[Object] = self._asked("query_range", query=query, start=start, end=end, step=step)["result"]
        return found

    def values(self, label: str, series: str) -> list[str]:
        """Values of a label of a series."""
        answer = self._client.get(f"/api/v1/label/{label}/values", params={"match[]": series}).json()
        return [str(value) for value in answer["data"]]

    def rules(self) -> list[Object]:
        """Alerts with `name`, `state`, `health` and `lastError`."""
        groups = self._asked("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def targets(self) -> list[Object]:
        """What is scraped: `health`, `lastError`, `labels`."""
        found: list[Object] = self._asked("targets", state="active")["activeTargets"]
        return found

    def _asked(self, what: str, **parameters: Any) -> Any:
        answer = self._client.get(f"/api/v1/{what}", params=parameters).json()
        if answer["status"] != "success":
            raise RuntimeError(f"{what} {parameters}: {answer.get('error')}")
        return answer["data"]

    def _wait(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                if self._client.get("/-/ready").is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise RuntimeError("Prometheus did not start:\n" + (self._folder / "prometheus.log").read_text()[-3000:])

    def _job(self, monitor: Object) -> Object:
        name = monitor["metadata"]["name"]
        return {
            "job_name": name,
            "honor_labels": _endpoint(monitor).get("honorLabels", False),
            "scheme": "https",
            **_credentials(self._api),
            "file_sd_configs": [{"files": [str(self._targets(name))]}],
        }

    def _targets(self, job: str) -> Path:
        return self._folder / f"targets-{job}.json"

    def _find(self) -> None:
        """Keep the files of targets true."""
        server = urlsplit(self._api.host).netloc
        while not self._over.is_set():
            try:
                connection = ApiConnection(self._cluster.kubeconfig, self._cluster.context)
                pods = connection.read("/api/v1/pods")["items"]
            except ApiError:
                pods = None  # what was found stays
            for monitor in self._monitors if pods is not None else ():
                found = [_target(server, pod, port, monitor) for pod, port in _chosen(pods or [], monitor)]
                path = self._targets(monitor["metadata"]["name"])
                text = json.dumps(found)
                if not path.exists() or path.read_text() != text:
                    fresh = path.with_suffix(".new")
                    fresh.write_text(text)
                    fresh.rename(path)
            self._over.wait(0.5)


def _endpoint(monitor: Object) -> Object:
    (endpoint,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
    found: Object = endpoint
    return found


def _chosen(pods: Sequence[Object], monitor: Object) -> Iterator[tuple[Object, int]]:
    """Running pods that a monitor selects, with the number of the port that it names."""
    spec, port = monitor["spec"], _endpoint(monitor)["port"]
    namespaces, selector = spec["namespaceSelector"].get("matchNames", []), spec["selector"]
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if namespaces and pod["metadata"]["namespace"] not in namespaces:
            continue
        if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
            continue
        if any(each["key"] not in labels for each in selector.get("matchExpressions", [])):  # all are `Exists`
            continue
        if pod["status"].get("phase") != "Running":
            continue
        for container in pod["spec"]["containers"]:
            for each in container.get("ports", []):
                if each.get("name") == port:
                    yield pod, each["containerPort"]


def _target(server: str, pod: Object, port: int, monitor: Object) -> Object:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    path = f"/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy{_endpoint(monitor).get('path', '/metrics')}"
    return {"targets": [server], "labels": {"namespace": namespace, "pod": name, "__metrics_path__": path}}


def _credentials(api: client.Configuration) -> Object:
    files = {"ca_file": api.ssl_ca_cert, "cert_file": api.cert_file, "key_file": api.key_file}
    token = api.get_api_key_with_prefix("authorization")
    found: Object = {"tls_config": {name: file for name, file in files.items() if file}}
    if token:
        found["authorization"] = {"credentials": token.removeprefix("Bearer ")}
    return found
