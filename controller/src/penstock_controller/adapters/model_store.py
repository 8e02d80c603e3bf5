"""The store port over HTTP, and the keeper's."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.model_card import IngestPhase, IngestRequest, IngestStatus, Kept, KeptAnswer, ModelCard
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.errors import StoreAway
from penstock_controller.rollout.observation import RegistryVersion

_Asked = tuple[str, str, RegistryVersion]
_REMEMBERED = 4096
_CARDS_REMEMBERED = 256
_FORGOTTEN_AFTER = 900.0
"""Seconds without a question; a resource asks with each pass, so within each resync."""


@dataclass
class _Ready:
    status: IngestStatus
    asked_at: float

    @property
    def digest(self) -> str:
        return self.status.card.digest if self.status.card else ""


class HttpModelStore:
    """Asks the model store. What is ready is remembered: a version's bytes never change.

    The store is told to keep whatever is remembered, so that a remembered answer stays true.
    """

    def __init__(self, client: httpx.AsyncClient, *, keeper: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`keeper`: who this controller is, of all that use the store."""
        self._client = client
        self._keeper = keeper
        self._clock = clock
        self._ready: dict[_Asked, _Ready] = {}
        self._cards: dict[str, ModelCard] = {}
        """Of what serves: all else is in `_ready`."""

    async def ingest(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        """How far the store is with a version."""
        asked = (reference.connection, reference.model, version)
        if (known := self._ready.get(asked)) is not None:
            known.asked_at = self._clock()
            return known.status
        status = await self._put(reference, version)
        if status.phase is IngestPhase.READY:
            if len(self._ready) >= _REMEMBERED:
                self._ready.pop(next(iter(self._ready)))
            self._ready[asked] = _Ready(status, self._clock())
        return status

    async def card(self, digest: str) -> ModelCard | None:
        """What the store found of a digest; None: it does not hold it."""
        if (known := self._cards.get(digest)) is not None:
            return known
        for ready in self._ready.values():
            if ready.digest == digest:
                return ready.status.card
        content = await self._sent("GET", f"/v1/digests/{quote(digest, safe='')}")
        if content is None:
            return None
        try:
            found = ModelCard.model_validate_json(content)
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error
        if len(self._cards) >= _CARDS_REMEMBERED:
            self._cards.pop(next(iter(self._cards)))
        self._cards[digest] = found
        return found

    async def keep(self, named: frozenset[str]) -> None:
        """Have the store keep these digests, and those of remembered answers. What it has lost is asked for again."""
        since = self._clock() - _FORGOTTEN_AFTER
        self._ready = {asked: ready for asked, ready in self._ready.items() if ready.asked_at >= since}
        digests = named | {ready.digest for ready in self._ready.values()}
        body = Kept(keeper=self._keeper, digests=tuple(sorted(digests))).model_dump(mode="json")
        content = await self._sent("PUT", "/v1/kept", body) or b""
        try:
            missing = set(KeptAnswer.model_validate_json(content).missing)
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error
        self._ready = {asked: ready for asked, ready in self._ready.items() if ready.digest not in missing}

    async def _put(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        parts = (reference.connection, reference.model, version.version)
        registry, model, number = (quote(part, safe="") for part in parts)
        body = IngestRequest(created_at_ms=version.created_at_ms).model_dump()
        path = f"/v1/registries/{registry}/models/{model}/versions/{number}"
        content = await self._sent("PUT", path, body) or b""
        try:
            return IngestStatus.model_validate_json(content)
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error

    async def _sent(self, method: str, path: str, body: dict[str, object] | None = None) -> bytes | None:
        """The answer's body; None: a GET found nothing there."""
        try:
            request = self._client.build_request(method, path, json=body)
            async with aclosing(await sent(self._client, request)) as answer:
                if method == "GET" and answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                return await answer.raise_for_status().aread()
        except httpx.HTTPError as error:
            raise StoreAway(f"the model store does not answer: {type(error).__name__} {error}"[:300]) from error
