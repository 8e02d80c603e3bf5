"""The digests that the store holds, each in a folder that is there whole or not at all.

ROOT/staging/<random>/         what is being fetched, or removed; emptied at start
ROOT/digests/<64 hex>/card.json
ROOT/digests/<64 hex>/files/   what runs, and the reference sample
ROOT/versions/<64 hex>.json    the version index (version_index.py)
"""

import errno
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from penstock_contracts.model_card import Digest, ModelCard
from penstock_model_store.disk import Disk

_PREFIX = "sha256:"
_log = logging.getLogger(__name__)


class Blobs:
    """Digest to files. One process at a time may use a root."""

    def __init__(self, root: Path, disk: Disk, clock: Callable[[], float] = time.monotonic) -> None:
        """Take over a root: remove what an earlier process left unfinished, and learn what is held."""
        self._disk = disk
        self._staging = root / "staging"
        self._digests = root / "digests"
        disk.remove(self._staging)
        for folder in (self._staging, self._digests):
            folder.mkdir(parents=True, exist_ok=True)
        self._sizes = {
            f"{_PREFIX}{folder.name}": _size(folder) for folder in self._digests.iterdir() if self._whole(folder)
        }
        self._clock = clock
        self._used = dict.fromkeys(self._sizes, clock())
        """When each was last asked for, named or added; a restart counts as well."""
        self._turn = Lock()
        """Held while a digest comes or goes, so that none goes that is just being asked for."""

    def stage(self) -> Path:
        """Make an empty folder on the same volume; discard() it in the end."""
        folder = self._staging / uuid.uuid4().hex
        folder.mkdir()
        return folder

    def discard(self, folder: Path) -> None:
        """Remove a staging folder."""
        self._disk.remove(folder)

    def commit(self, files: Path, card: ModelCard) -> None:
        """Hold a folder's files under the card's digest. What is held already is left alone."""
        if self.use([card.digest]):
            return
        complete = files.with_name(f"{files.name}.complete")
        complete.mkdir()
        files.rename(complete / "files")
        self._disk.write(complete / "card.json", card.model_dump_json().encode())
        self._disk.sync(complete)
        target = self._folder(card.digest)
        size = _size(complete)
        with self._turn:
            try:
                self._disk.rename(complete, target)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            self._used[card.digest] = self._clock()
            self._sizes[card.digest] = size

    def use(self, digests: Iterable[Digest]) -> set[Digest]:
        """Note that these are needed now; answers those that are held: they stay for the grace time at least."""
        with self._turn:
            held = self._sizes.keys() & set(digests)
            self._used.update(dict.fromkeys(held, self._clock()))
        return held

    def remove_unused(self, grace: float) -> list[Digest]:
        """Remove what was not needed for `grace` seconds; answers what that was.

        A digest leaves by one rename into the folder that is emptied at start: killed anywhere, it is there or not.
        """
        return [digest for digest in list(self._sizes) if self._removed(digest, grace)]

    def _removed(self, digest: Digest, grace: float) -> bool:
        leaving = self._staging / uuid.uuid4().hex
        with self._turn:
            if self._clock() - self._used[digest] < grace:
                return False
            self._disk.rename(self._folder(digest), leaving)
            del self._sizes[digest], self._used[digest]
        self._disk.remove(leaving)
        return True

    def card(self, digest: Digest) -> ModelCard | None:
        """Read the card of a digest; None: not held."""
        if not self.use([digest]):
            return None
        return ModelCard.model_validate_json((self._folder(digest) / "card.json").read_bytes())

    def file(self, card: ModelCard, path: str) -> Path | None:
        """Find a served file; None: the digest has no such file. Only names from the card reach the disk."""
        names = {file.path for file in card.files} | {card.reference_path}
        return self._folder(card.digest) / "files" / path if path in names else None

    def held(self) -> dict[Digest, int]:
        """Every digest with its bytes."""
        return dict(self._sizes)

    def _folder(self, digest: Digest) -> Path:
        return self._digests / digest.removeprefix(_PREFIX)

    def _whole(self, folder: Path) -> bool:
        """Tell whether a folder is as commit() left it; one that a disk damaged is removed."""
        try:
            card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
            whole = all((folder / "files" / file.path).stat().st_size == file.size for file in card.files)
        except (OSError, ValidationError):
            whole = False
        if not whole:
            _log.error("damaged digest removed", extra={"digest": folder.name})
            shutil.rmtree(folder, ignore_errors=True)
        return whole


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
