"""One small process outside of each sandbox: starts it, watches it and its owner, and clears up when either ends."""

import os
import select
import signal
import subprocess
import sys
from types import FrameType

from testcluster import cgroups, image_store, network, record, sandbox
from testcluster.errors import ClusterError
from testcluster.processes import ClusterProcess
from testcluster.record import ClusterRecord

_KILL_LIMIT = 30  # seconds for the kernel to end a killed sandbox


def main(name: str) -> None:
    """Keeps the cluster until SIGTERM, or until its owner, its sandbox or (before it is ready) its starter ends."""
    signal.signal(signal.SIGTERM, _stop)
    kept = record.change(name, keeper=ClusterProcess.of(os.getpid()))
    try:
        kept, unshare = _start(kept)
        _say(f"the sandbox runs as pid {kept.init.pid if kept.init else '?'}")
        _say(_watch(kept, unshare))
    finally:
        clear(record.read(name) or kept)


def _stop(number: int, _: FrameType | None) -> None:
    _say(f"asked to stop by signal {number}")
    sys.exit(0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _start(kept: ClusterRecord) -> tuple[ClusterRecord, subprocess.Popen[str]]:
    cgroups.make(kept.addresses.link)
    unshare = subprocess.Popen(
        sandbox.start_command(kept.name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(kept.state / "sandbox.log").open("w"),
        text=True,
    )
    if unshare.stdin is None or unshare.stdout is None:
        raise ClusterError("no pipes to the sandbox")
    told = unshare.stdout.readline().strip()
    init = ClusterProcess.of(int(told)) if told.isdigit() else None
    if init is None:
        raise ClusterError(f"the sandbox did not start; see {kept.state}/sandbox.log")
    kept = record.change(kept.name, init=init)
    network.connect(kept.addresses, init)
    unshare.stdin.write("go\n")
    unshare.stdin.flush()
    return kept, unshare


def _watch(kept: ClusterRecord, unshare: subprocess.Popen[str]) -> str:
    """Sleeps until something ends that the cluster depends on; answers what."""
    watched = {"its sandbox": ClusterProcess.of(unshare.pid), "its starter": kept.starter}
    if kept.owner:
        watched["its owner"] = kept.owner
    poll, names = select.poll(), dict[int, str]()
    for what, process in watched.items():
        descriptor = process.watch() if process else None
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
            names[descriptor] = what
        elif not _harmless(kept.name, what):
            return f"{what} has ended"
    while True:
        for descriptor, _ in poll.poll():
            if not _harmless(kept.name, names[descriptor]):
                return f"{names[descriptor]} has ended"
            poll.unregister(descriptor)


def _harmless(name: str, what: str) -> bool:
    """The starter may go once the cluster is ready, and an owner that has released it may go too."""
    kept = record.read(name)
    if kept is None:
        return False
    return (what == "its starter" and kept.ready) or (what == "its owner" and kept.owner is None)


def clear(kept: ClusterRecord) -> None:
    """Ends the cluster's processes and removes its link, its cgroups and its state. May be done twice."""
    if kept.init:
        _end(kept.init)
    network.remove(kept.addresses.link)
    cgroups.remove(kept.addresses.link)
    if kept.ready:
        image_store.park(kept.state)
    record.forget(kept)


def _end(init: ClusterProcess) -> None:
    watch = init.watch()
    if watch is None:
        return
    init.signal(signal.SIGKILL)
    ended = select.poll()
    ended.register(watch, select.POLLIN)
    if not ended.poll(_KILL_LIMIT * 1000):
        raise ClusterError(f"the sandbox (pid {init.pid}) did not end {_KILL_LIMIT} s after SIGKILL")
    os.close(watch)
