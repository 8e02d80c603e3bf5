"""What goes wrong in a cluster, done on purpose: processes killed with -9, as a node would lose them; parts away."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from penstock_contracts.names import PREDICTOR_PORT
from penstock_testing.cluster import CommandError, KubernetesCluster, Object
from penstock_testing.demo_cluster import SCRIPT
from penstock_testing.platform import wait_for

# All are found before the first is killed. The end of a container's first process ends the others: who is gone by its
# turn was killed too.
_KILL = """
pids=$(for id in "$@"; do grep -l "$id" /proc/[0-9]*/cgroup 2>/dev/null; done | cut -d/ -f3)
for pid in $pids; do
    kill -9 "$pid" 2>/dev/null && killed=yes
done
[ "$killed" ]
"""
_HANG = """
pids=$(for id in "$@"; do grep -l "$id" /proc/[0-9]*/cgroup 2>/dev/null; done | cut -d/ -f3)
for pid in $pids; do
    kill -STOP "$pid" 2>/dev/null && stopped=yes
done
[ "$stopped" ]
"""
_FIND_COMPONENT = """
for process in /proc/[0-9]*; do
    [ "$(tr '\\0' ' ' < $process/cmdline 2>/dev/null | cut -d' ' -f2)" = "$1" ] && echo ${process#/proc/}
done
true
"""
_API_PORT = "6443"
_SERVING_PORT, _ERROR_PORT = str(PREDICTOR_PORT), "18080"
# In the pod's network: a server that answers 500, and callers that are led to it. Their connections until then are
# reset, for only new ones are led elsewhere.
_ANSWER_ERRORS = """
port=$1 errors=$2 code=$3 container=$4
shift 4
pid=$(grep -l "$container" /proc/[0-9]*/cgroup | head -n 1 | cut -d/ -f3)
nsenter -t "$pid" -n python3 -c "$code" "$errors" >/dev/null 2>&1 &
for caller in "$@"; do
    nsenter -t "$pid" -n iptables -w -t nat -I PREROUTING -s "$caller" -p tcp --dport "$port" \
        -j REDIRECT --to-port "$errors"
    nsenter -t "$pid" -n iptables -w -I INPUT -s "$caller" -p tcp --dport "$port" -j REJECT --reject-with tcp-reset
done
echo $!
"""
_ERRORS_ONLY = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Refuser(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST
ThreadingHTTPServer(("", int(sys.argv[1])), Refuser).serve_forever()
"""


def container_ids(pod: Object, container: str = "") -> list[str]:
    """The running containers of a pod, or the one of that name."""
    return [
        status["containerID"].removeprefix("containerd://")
        for status in pod["status"].get("containerStatuses", [])
        if "running" in status["state"] and container in ("", status["name"])
    ]


def kill(cluster: KubernetesCluster, pod: Object, container: str = "") -> float:
    """SIGKILL every process of a pod's containers (or of one), all at once; answers the Unix time.

    Only on a test cluster of our own: nobody inside a container may kill its first process. Raises CommandError when
    no container runs, or none of its processes was there any more.
    """
    ids = container_ids(pod, container)
    if not ids:
        raise CommandError(f"pod {pod['metadata']['name']} has no running container {container}")
    at = time.time()
    inside(cluster, "sh", "-c", _KILL, "kill", *ids)
    return at


def hang(cluster: KubernetesCluster, pod: Object, container: str) -> float:
    """SIGSTOP every process of a container, which keeps its connections and answers nothing; answers the Unix time.

    It stays so until somebody kills it. Raises CommandError when it does not run.
    """
    ids = container_ids(pod, container)
    if not ids:
        raise CommandError(f"pod {pod['metadata']['name']} has no running container {container}")
    at = time.time()
    inside(cluster, "sh", "-c", _HANG, "hang", *ids)
    return at


def replace(cluster: KubernetesCluster, pod: Object) -> None:
    """Kill a pod's containers and delete it: its successor starts at once, not after the kubelet's back-off."""
    kill(cluster, pod)
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    cluster.kubectl("delete", "pod", name, "-n", namespace, "--force", "--grace-period=0", "--ignore-not-found")


class Repeatedly:
    """Does something again and again from a thread, from entering the context until leaving it."""

    def __init__(self, act: Callable[[], object], *, pause: float) -> None:
        """`pause`: seconds before each time. What raises CommandError is not counted, and is tried again.

        Any other exception ends it, and is raised on leaving the context.
        """
        self._act, self._pause = act, pause
        self._end = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.times = 0
        """How often it was done."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=120)
        if self._error:
            raise self._error

    def _run(self) -> None:
        while not self._end.wait(self._pause):
            try:
                self._act()
            except CommandError:
                continue  # what it is done to is not there just now
            except Exception as error:  # noqa: BLE001 - the thread's outermost frame: the test is told
                self._error = error
                return
            self.times += 1


@contextmanager
def stopped_api_server(cluster: KubernetesCluster) -> Iterator[None]:
    """The API server's process is stopped (SIGSTOP) for the time of the context: whoever asks it gets no answer."""
    pids = inside(cluster, "sh", "-c", _FIND_COMPONENT, "find", "kube-apiserver").split()
    if len(pids) != 1:
        raise CommandError(f"cluster {cluster.name} has {len(pids)} processes that are its API server: {pids}")
    inside(cluster, "kill", "-STOP", *pids)
    try:
        yield
    finally:
        inside(cluster, "kill", "-CONT", *pids)
    wait_for("an answer of the API server", lambda: _answers(cluster), seconds=60)


def _answers(cluster: KubernetesCluster) -> bool | None:
    try:
        return bool(cluster.kubectl("get", "--raw", "/readyz", seconds=10))
    except CommandError:
        return None


@contextmanager
def scaled_to_zero(
    cluster: KubernetesCluster, workload: str, namespace: str, selector: str, *, kind: str = "deployment"
) -> Iterator[None]:
    """A Deployment or StatefulSet has no pod for the time of the context; afterwards it has one that is ready."""
    named = f"{kind}/{workload}"
    cluster.kubectl("scale", named, "-n", namespace, "--replicas=0")
    try:
        gone = f"the pods of {workload} gone"
        wait_for(gone, lambda: not cluster.items("pods", namespace, selector) or None, seconds=60)
        yield
    finally:
        cluster.kubectl("scale", named, "-n", namespace, "--replicas=1")
        cluster.kubectl("rollout", "status", named, "-n", namespace, "--timeout=120s", seconds=125)


@contextmanager
def cordoned(cluster: KubernetesCluster) -> Iterator[None]:
    """No new pod is placed on any node for the time of the context."""
    nodes = [node["metadata"]["name"] for node in cluster.items("nodes")]
    cluster.kubectl("cordon", *nodes)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", *nodes)


@contextmanager
def cut_off(cluster: KubernetesCluster, pod: Object) -> Iterator[None]:
    """A pod and the API server hear nothing of each other for the time of the context. Others reach both.

    A gateway pod serves on by what it knew, and acknowledges nothing new.
    """
    address = pod["status"]["podIP"]
    to = ("INPUT", "-s", address, "-p", "tcp", "--dport", _API_PORT, "-j", "DROP")
    back = ("OUTPUT", "-d", address, "-p", "tcp", "--sport", _API_PORT, "-j", "DROP")
    with _rule(cluster, *to), _rule(cluster, *back):
        yield


@contextmanager
def answering_errors(cluster: KubernetesCluster, pod: Object, callers: Iterable[Object]) -> Iterator[None]:
    """A pod answers 500 to whatever these pods ask it, for the time of the context or until it goes.

    Everybody else, the kubelet's probes too, finds it well.
    """
    addresses = [caller["status"]["podIP"] for caller in callers]
    settings = (_SERVING_PORT, _ERROR_PORT, _ERRORS_ONLY, container_ids(pod)[0])
    server = inside(cluster, "sh", "-ec", _ANSWER_ERRORS, "answer", *settings, *addresses).strip()
    try:
        yield
    finally:
        inside(cluster, "kill", "-9", server)


@contextmanager
def _rule(cluster: KubernetesCluster, *rule: str) -> Iterator[None]:
    inside(cluster, "iptables", "-w", "-I", *rule)
    try:
        yield
    finally:
        inside(cluster, "iptables", "-w", "-D", *rule)


def inside(cluster: KubernetesCluster, *command: str) -> str:
    if not cluster.name:
        raise CommandError("this needs a test cluster of our own: on CONTEXT the node's processes are not ours")
    full = [str(SCRIPT), "exec", cluster.name, "--", *command]
    try:
        return subprocess.run(full, check=True, capture_output=True, text=True, timeout=60).stdout
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{' '.join(full)}: exit {error.returncode}\n{error.stderr}") from error
