"""Which version has which digest, or why it was refused. Survives a restart; one small file for each version."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from penstock_contracts.base import evolve
from penstock_contracts.model_card import Digest
from penstock_model_store.disk import Disk

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class VersionKey:
    """A version of a model in a registry."""

    registry: str
    model: str
    version: str


class VersionEntry(BaseModel):
    """The end of an ingest that will not be tried again."""

    model_config = ConfigDict(frozen=True)

    registry: str
    model: str
    version: str
    created_at_ms: int
    digest: Digest | None = None
    """None: refused, for the reason and with the message below."""
    reason: str = ""
    message: str = ""
    judge: str = ""
    """What refused it (judge.py): another one is asked anew."""


class VersionIndex:
    """Version to its entry, in memory and on the disk."""

    def __init__(self, root: Path, disk: Disk, judge: str) -> None:
        """Read what is there. A file that cannot be read is removed, and so is the refusal of another judge: its
        version will be asked for again.
        """
        self._judge = judge
        self._folder = root / "versions"
        self._disk = disk
        self._folder.mkdir(parents=True, exist_ok=True)
        self._entries = dict(found for path in sorted(self._folder.iterdir()) if (found := _read(path, judge)))

    def find(self, key: VersionKey, created_at_ms: int | None = None) -> VersionEntry | None:
        """Give the entry of a version; with a creation time, only one of that time."""
        entry = self._entries.get(key)
        if entry is None or created_at_ms not in {None, entry.created_at_ms}:
            return None
        return entry

    def forget(self, digest: Digest) -> None:
        """Remove the entries of a digest that is held no more. What a crash leaves of them does no harm: an entry
        without its digest is asked for again.
        """
        for key in [key for key, entry in self._entries.items() if entry.digest == digest]:
            (self._folder / f"{_file_stem(key)}.json").unlink(missing_ok=True)
            del self._entries[key]

    def record(self, entry: VersionEntry) -> None:
        """Keep an entry, in place of the one that the version had."""
        entry = evolve(entry, judge=self._judge)
        key = VersionKey(registry=entry.registry, model=entry.model, version=entry.version)
        path = self._folder / f"{_file_stem(key)}.json"
        unfinished = path.with_suffix(".tmp")
        self._disk.write(unfinished, entry.model_dump_json().encode())
        self._disk.rename(unfinished, path)
        self._entries[key] = entry


def _file_stem(key: VersionKey) -> str:
    """A name that any model name can have: those of MLflow may be long and hold any character but a slash."""
    return hashlib.sha256(f"{key.registry}\x00{key.model}\x00{key.version}".encode()).hexdigest()


def _read(path: Path, judge: str) -> tuple[VersionKey, VersionEntry] | None:
    try:
        entry = VersionEntry.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        entry = None
    if entry is None or path.suffix != ".json":
        _log.warning("unfinished index entry removed", extra={"file": path.name})
        path.unlink(missing_ok=True)
        return None
    if entry.digest is None and entry.judge != judge:
        _log.info("refused by another judge: asked anew", extra={"model": entry.model, "version": entry.version})
        path.unlink(missing_ok=True)
        return None
    return VersionKey(registry=entry.registry, model=entry.model, version=entry.version), entry
