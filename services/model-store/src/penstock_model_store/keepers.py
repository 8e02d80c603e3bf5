"""Who needs which digests: the last word of each keeper. It outlives a restart, or one who speaks first would have the
others' models removed.

ROOT/keepers/<64 hex>.json     one keeper's last word
"""

import hashlib
import logging
from pathlib import Path

from pydantic import ValidationError

from penstock_contracts.model_card import Digest, Kept
from penstock_model_store.disk import Disk

_log = logging.getLogger(__name__)


class Keepers:
    """Keeper to what it needs, in memory and on the disk."""

    def __init__(self, root: Path, disk: Disk) -> None:
        """Read what is there."""
        self._folder = root / "keepers"
        self._disk = disk
        self._folder.mkdir(parents=True, exist_ok=True)
        self.unreadable = False
        """Whether somebody's word is lost: then nothing may be removed, since nobody knows what was in it."""
        self._words = {kept.keeper: kept for path in sorted(self._folder.glob("*.json")) if (kept := self._read(path))}

    def take(self, kept: Kept) -> None:
        """Put a keeper's word in place of its last. One that says nothing new writes nothing."""
        if self._words.get(kept.keeper) == kept:
            return
        path = self._folder / f"{hashlib.sha256(kept.keeper.encode()).hexdigest()}.json"
        unfinished = path.with_suffix(".tmp")
        self._disk.write(unfinished, kept.model_dump_json().encode())
        self._disk.rename(unfinished, path)
        self._words[kept.keeper] = kept

    def digests(self) -> set[Digest]:
        """What any of them needs."""
        return {digest for kept in self._words.values() for digest in kept.digests}

    def _read(self, path: Path) -> Kept | None:
        try:
            return Kept.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            _log.error("a keeper's word cannot be read: nothing is removed", extra={"file": path.name})
            _log.debug("%s", error)
            self.unreadable = True
            return None
