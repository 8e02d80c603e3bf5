"""Starting, stopping and clearing away clusters."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcluster import (
    addresses,
    binaries,
    certificates,
    cgroups,
    components,
    image_store,
    keeper,
    kubeconfig,
    locks,
    machine,
    network,
    paths,
    progress,
    readiness,
    record,
    sandbox,
    scratch_image,
    system_packages,
    versions,
)
from testcluster.errors import ClusterError
from testcluster.processes import ClusterProcess
from testcluster.record import ClusterRecord

_DOWN_LIMIT = 60.0
_POLL = 0.1


def up(name: str, owner: int | None) -> ClusterRecord:
    """Starts the cluster `name`, or finds it running. Whatever stops this half-way, nothing is left."""
    machine.require()
    pinned = versions.read()
    system_packages.require(pinned.debian_packages)
    programs = binaries.ensure(pinned)
    kept, mine = _claim(name, _owner(owner))
    if not mine:
        return _wait_for_other(kept)
    with _undone_on_failure(kept):
        progress.say(f"starting cluster {name} at {kept.addresses.node}")
        _prepare(kept, programs)
        _start_keeper(kept)
        readiness.wait(kept, programs)
        kept = record.change(name, ready=True)
    progress.say(f"cluster {name} is ready")
    return kept


def _owner(pid: int | None) -> ClusterProcess | None:
    if pid is None:
        return None
    owner = ClusterProcess.of(pid)
    if owner is None:
        raise ClusterError(f"there is no process {pid} that could own the cluster")
    return owner


def _claim(name: str, owner: ClusterProcess | None) -> tuple[ClusterRecord, bool]:
    """The running cluster of that name and False, or a new record with an index of its own and True."""
    with locks.held(paths.clusters() / ".lock", "choosing a cluster's addresses"):
        existing = record.read(name)
        if existing and existing.alive:
            return existing, False
        if existing:
            keeper.clear(existing)
        network.close_ways_out()
        index = addresses.first_free(_taken())
        starter = ClusterProcess.of(os.getpid())
        if index is None or starter is None:
            raise ClusterError(
                f"all {addresses.CLUSTERS} places for clusters are taken; see `tests/cluster/cluster status`"
            )
        shutil.rmtree(record.folder(name), ignore_errors=True)
        return record.write(ClusterRecord(name, index, starter, owner)), True


def _taken() -> set[int]:
    seen = network.links() | cgroups.named(network.LINK_PREFIX)
    return {int(link.removeprefix(network.LINK_PREFIX)) for link in seen} | {kept.index for kept in record.every()}


@contextmanager
def _undone_on_failure(kept: ClusterRecord) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not stop the clearing away
        if isinstance(error, ClusterError):
            _keep_logs(kept)
        down(kept.name)
        raise


def _keep_logs(kept: ClusterRecord) -> None:
    saved = paths.cache() / "logs" / f"cluster-{kept.name}"
    shutil.rmtree(saved, ignore_errors=True)
    with_logs = [kept.state / "logs", kept.state / "sandbox.log", kept.state / "keeper.log"]
    for source in with_logs:
        if source.is_dir():
            shutil.copytree(source, saved / source.name)
        elif source.is_file():
            saved.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, saved)
    progress.say(f"its logs are kept in {saved}")


def _prepare(kept: ClusterRecord, programs: Path) -> None:
    """Every file that the node's processes read."""
    at, pki = sandbox.layout(kept), kept.state / "pki"
    for folder in ("logs", "volumes", "kubeconfigs"):
        (kept.state / folder).mkdir()
    paths.registry_storage().mkdir(parents=True, exist_ok=True)
    image_store.take(kept.state)
    certificates.make(pki, at.addresses.node)
    for client in certificates.CLIENTS:
        _private(at.kubeconfig(client.file), kubeconfig.render(pki, client.file, at.addresses.node, kept.name))
    _private(kept.kubeconfig, kubeconfig.render(pki, certificates.ADMIN.file, at.addresses.node, kept.name))
    for name, content in components.files(at).items():
        (kept.state / name).parent.mkdir(exist_ok=True)
        (kept.state / name).write_text(content)
    scratch_image.pause((programs / "pause").read_bytes()).write(kept.state / "pause.tar")


def _private(file: Path, content: str) -> None:
    file.touch(mode=0o600)
    file.write_text(content)


def _start_keeper(kept: ClusterRecord) -> None:
    """In a session of its own: Ctrl-C at the terminal is not for it."""
    with (kept.state / "keeper.log").open("w") as log:
        subprocess.Popen(
            [sys.executable, str(paths.SCRIPT), "keep", kept.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def _wait_for_other(kept: ClusterRecord) -> ClusterRecord:
    """The cluster runs already, or another process is starting it just now."""
    until = time.monotonic() + readiness.LIMIT
    while not kept.ready:
        current = record.read(kept.name)
        if current is None or not current.alive or time.monotonic() > until:
            raise ClusterError(f"another process tried to start cluster {kept.name} and did not succeed; try again")
        kept = current
        time.sleep(_POLL)
    progress.say(f"cluster {kept.name} runs already at {kept.addresses.node}")
    return kept


def running(name: str) -> ClusterRecord:
    kept = record.read(name)
    if kept is None or not kept.alive or not kept.ready:
        raise ClusterError(f"cluster {name} does not run; start it with `tests/cluster/cluster up {name}`")
    return kept


def down(name: str) -> bool:
    """Ends the cluster and waits until nothing of it is left; False where there was none."""
    kept = record.read(name)
    if kept is None:
        return False
    if kept.keeper:
        kept.keeper.signal(signal.SIGTERM)
        until = time.monotonic() + _DOWN_LIMIT
        while kept.keeper.alive and time.monotonic() < until:
            time.sleep(0.02)
        if kept.keeper.alive:
            kept.keeper.signal(signal.SIGKILL)
    left = record.read(name)
    if left:
        keeper.clear(left)
    else:  # a keeper that was killed while it cleared away removed the record first
        shutil.rmtree(kept.state, ignore_errors=True)
    return True


def clean() -> list[str]:
    """Reaps every cluster that nobody looks after any more; answers what was removed."""
    removed = []
    with locks.held(paths.clusters() / ".lock", "choosing a cluster's addresses"):
        for kept in list(record.every()):
            if not kept.alive:
                keeper.clear(kept)
                removed.append(f"cluster {kept.name}")
        removed += _nameless()
        if not list(record.every()):
            network.open_ways_out()
    return removed


def _nameless() -> list[str]:
    """Folders without a record, and links and cgroups that belong to no cluster."""
    removed, used = [], {kept.addresses.link for kept in record.every()}
    for entry in paths.clusters().iterdir():
        if entry.is_dir() and not (entry / "cluster.json").exists():
            shutil.rmtree(entry)
            removed.append(f"folder {entry}")
    for link in network.links() - used:
        network.remove(link)
        removed.append(f"link {link}")
    for group in cgroups.named(network.LINK_PREFIX) - used:
        cgroups.remove(group)
        removed.append(f"cgroup {group}")
    return removed
