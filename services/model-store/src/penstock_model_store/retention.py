"""What the store may forget: digests that no keeper has needed and nobody has asked for in the grace time."""

import asyncio
import logging

from penstock_contracts.model_card import Digest, Kept
from penstock_model_store.blobs import Blobs
from penstock_model_store.keepers import Keepers
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_model_store.version_index import VersionIndex

_log = logging.getLogger(__name__)


class Retention:
    """Removes only when a keeper has just spoken: a store that hears nothing forgets nothing."""

    def __init__(
        self, *, blobs: Blobs, index: VersionIndex, keepers: Keepers, telemetry: ModelStoreTelemetry, grace: float
    ) -> None:
        """`grace`: seconds, by this process's own clock; a restart begins them anew."""
        self._blobs = blobs
        self._index = index
        self._keepers = keepers
        self._telemetry = telemetry
        self._grace = grace
        self._turn = asyncio.Lock()

    async def take(self, kept: Kept) -> tuple[Digest, ...]:
        """Take a keeper's word, and remove what nobody needs. Answers which of its digests are not held. OSError: the
        word could not be kept, and nothing was removed.
        """
        async with self._turn:
            # Named until now: the grace time of what this word leaves out begins here, however long nobody spoke.
            await asyncio.to_thread(self._blobs.use, self._keepers.digests())
            await asyncio.to_thread(self._keepers.take, kept)
            held = await asyncio.to_thread(self._blobs.use, self._keepers.digests())
            if not self._keepers.unreadable:
                await self._sweep()
        return tuple(digest for digest in kept.digests if digest not in held)

    async def _sweep(self) -> None:
        for digest in await asyncio.to_thread(self._blobs.remove_unused, self._grace):
            self._index.forget(digest)
            self._telemetry.removed(self._blobs.held())
            _log.info("digest removed: nobody named it for the grace time", extra={"digest": digest})
