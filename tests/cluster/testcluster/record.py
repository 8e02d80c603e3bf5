"""What is written down about a cluster, so that any later process can use it or clear it away."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from testcluster import paths
from testcluster.addresses import Addresses
from testcluster.errors import ClusterError
from testcluster.processes import ClusterProcess

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
DEFAULT_NAME = "penstock"


@dataclass(frozen=True)
class ClusterRecord:
    """One cluster: its name, its place among the others, the processes that keep it."""

    name: str
    index: int
    starter: ClusterProcess
    owner: ClusterProcess | None = None
    keeper: ClusterProcess | None = None
    init: ClusterProcess | None = None
    ready: bool = False

    @property
    def state(self) -> Path:
        return folder(self.name)

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.index)

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.state / "audit.log"

    @property
    def alive(self) -> bool:
        """Whether somebody still looks after it: its keeper, or, before there is one, its starter."""
        return self.keeper.alive if self.keeper else self.starter.alive


def folder(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ClusterError(f"{name!r} cannot name a cluster: use at most 40 of a-z, 0-9 and '-'")
    return paths.clusters() / name


def read(name: str) -> ClusterRecord | None:
    """The record of that cluster; None where there is none."""
    try:
        data = json.loads((folder(name) / "cluster.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    people = {role: ClusterProcess(**data[role]) if data[role] else None for role in ("owner", "keeper", "init")}
    return ClusterRecord(
        name=data["name"], index=data["index"], starter=ClusterProcess(**data["starter"]), ready=data["ready"], **people
    )


def write(record: ClusterRecord) -> ClusterRecord:
    """Written by rename: a reader sees the old record or the new one."""
    record.state.mkdir(parents=True, exist_ok=True)
    draft = record.state / f"cluster.json.{os.getpid()}"
    draft.write_text(json.dumps(asdict(record), indent=1) + "\n")
    draft.replace(record.state / "cluster.json")
    return record


def change(name: str, **fields: object) -> ClusterRecord:
    record = read(name)
    if record is None:
        raise ClusterError(f"cluster {name} was taken down while it was being started")
    return write(replace(record, **fields))  # type: ignore[arg-type]  # the callers name fields of ClusterRecord


def every() -> Iterator[ClusterRecord]:
    home = paths.clusters()
    if home.is_dir():
        for entry in sorted(home.iterdir()):
            if entry.is_dir() and _NAME.fullmatch(entry.name) and (record := read(entry.name)) is not None:
                yield record


def forget(record: ClusterRecord) -> None:
    """Removes the record first, then what belonged to it: a half-removed cluster is never taken for a running one."""
    (record.state / "cluster.json").unlink(missing_ok=True)
    shutil.rmtree(record.state, ignore_errors=True)
    if record.state.exists():
        shutil.rmtree(record.state)
