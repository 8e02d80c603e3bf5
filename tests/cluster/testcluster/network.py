"""The one link between the machine and a cluster, and the routes that keep every packet on the machine."""

import subprocess
from pathlib import Path

from testcluster.addresses import BLACKHOLES, Addresses
from testcluster.errors import ClusterError
from testcluster.processes import ClusterProcess

LINK_PREFIX = "pstk"


def _ip(*arguments: str, namespace_of: int | None = None) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", "-t", str(namespace_of), "-n"] if namespace_of else []
    return subprocess.run([*enter, "ip", *arguments], capture_output=True, text=True, timeout=30, check=False)


def _must(*arguments: str, namespace_of: int | None = None) -> None:
    done = _ip(*arguments, namespace_of=namespace_of)
    if done.returncode != 0:
        raise ClusterError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")


def close_ways_out() -> None:
    """Before anything else: what is sent to a cluster that is gone must not take the machine's default route."""
    for network in BLACKHOLES:
        _must("route", "replace", "blackhole", str(network))


def open_ways_out() -> None:
    for network in BLACKHOLES:
        _ip("route", "del", "blackhole", str(network))


def links() -> set[str]:
    return {entry.name for entry in Path("/sys/class/net").glob(f"{LINK_PREFIX}[0-9]*")}


def connect(addresses: Addresses, init: ClusterProcess) -> None:
    """A pair of interfaces: one end here, the other is eth0 in the sandbox. No route leads out of the sandbox."""
    remove(addresses.link)
    _must("link", "add", addresses.link, "type", "veth", "peer", "name", "eth0", "netns", f"/proc/{init.pid}/ns/net")
    _must("addr", "add", f"{addresses.host}/{addresses.prefix}", "dev", addresses.link)
    _must("link", "set", addresses.link, "up")
    _must("addr", "add", f"{addresses.node}/{addresses.prefix}", "dev", "eth0", namespace_of=init.pid)
    _must("link", "set", "eth0", "up", namespace_of=init.pid)


def remove(link: str) -> None:
    _ip("link", "del", link)
