"""Process 1 of a cluster's namespaces: prepares them, starts the components, restarts what ends, collects orphans.

It runs in network, mount, pid, uts and ipc namespaces of its own: when it ends, the kernel ends everything in them.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from testcluster import binaries, components, image_store, paths, record, versions
from testcluster.addresses import SERVICES
from testcluster.certificates import NODE_NAME
from testcluster.components import ClusterLayout
from testcluster.errors import ClusterError

_RESTART_DELAY = 0.5  # seconds; a component that cannot start yet (the API server is not there) must not spin
# The kubelet sets these for the whole machine unless they are so already. It is shown files that say they are.
_KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def start_command(name: str) -> list[str]:
    """Starts the sandbox such that it dies with the process that started it."""
    own = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL"]
    inside = [sys.executable, str(paths.SCRIPT), "sandbox", name]
    return ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *own, "--", *inside]


def layout(kept: record.ClusterRecord) -> ClusterLayout:
    return ClusterLayout(kept.state, binaries.folder(versions.read()), paths.registry_storage(), kept.addresses)


def main(name: str) -> None:
    """Tells its pid as the machine sees it, waits until the keeper has laid the link, then runs the node for ever."""
    kept = record.read(name)
    if kept is None:
        raise ClusterError(f"cluster {name} has no record")
    at = layout(kept)
    print(Path("/proc/self").readlink(), flush=True)  # the old /proc still shows the machine's numbers
    if not sys.stdin.readline():
        raise ClusterError("the keeper went away before the link was laid")
    _mounts(at)
    _network()
    _supervise(at)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30, stdin=subprocess.DEVNULL)


def _mounts(at: ClusterLayout) -> None:
    """What components write to fixed places of the file system lands in the state folder, unseen by the machine."""
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/lock").mkdir()  # iptables
    for place, kept in {"/var/lib/kubelet": "kubelet", "/var/lib/cni": "cni-state", "/var/log": "node-log"}.items():
        Path(place).mkdir(parents=True, exist_ok=True)
        (at.state / kept).mkdir(exist_ok=True)
        _run("mount", "--bind", str(at.state / kept), place)
    shown = Path("/run/kernel-settings")
    shown.mkdir()
    for setting, value in _KERNEL_SETTINGS.items():
        if Path("/proc/sys", setting).exists():
            file = shown / setting.replace("/", ".")
            file.write_text(value + "\n")
            _run("mount", "--bind", str(file), f"/proc/sys/{setting}")
    _run("mount", "--make-rshared", "/")  # among these namespaces only; volumes with mount propagation need it
    _run("hostname", NODE_NAME)


def _network() -> None:
    _run("ip", "link", "set", "lo", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    filtered = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if filtered.exists():  # answers between two pods of one bridge must pass the service rules again
        filtered.write_text("1")
    # a route for kube-proxy's rules to rewrite: so the node's own processes reach services
    _run("ip", "link", "add", "services", "type", "bridge")
    _run("ip", "link", "set", "services", "up")
    _run("ip", "route", "add", str(SERVICES), "dev", "services")


def _supervise(at: ClusterLayout) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.chdir(at.state)
    commands = components.commands(at)
    if image_store.has_past(at.state):
        _forget_earlier_pods(at, commands["containerd"])
    running = {_start(name, command): name for name, command in commands.items()}
    while True:
        pid, status = os.wait()
        name = running.pop(pid, None)
        if name is not None:  # otherwise an orphan of a container
            print(
                f"{name} ended with {os.waitstatus_to_exitcode(status)}; starting it again", file=sys.stderr, flush=True
            )
            time.sleep(_RESTART_DELAY)
            running[_start(name, commands[name])] = name


def _forget_earlier_pods(at: ClusterLayout, containerd: list[str]) -> None:
    """By a containerd that then ends: the next one, which the kubelet speaks to, has never known them."""
    pid = _start("containerd", containerd)
    image_store.forget_containers(at.state)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def _start(name: str, command: list[str]) -> int:
    """Not by subprocess: that module collects ended children by itself, and `os.wait` would miss them."""
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[int, int, str, int, int] | tuple[int, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, f"logs/{name}.log", log, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setsid=True)
