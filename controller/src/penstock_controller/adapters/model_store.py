"""The store port over HTTP, and the keeper's."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.model_card import IngestPhase, IngestRequest, IngestStatus, Kept, KeptAnswer
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.errors import StoreAway
from penstock_controller.rollout.observation import RegistryVersion

_Asked = tuple[str, str, RegistryVersion]
_REMEMBERED = 4096
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

    async def keep(self, named: frozenset[str]) -> None:
        """Have the store keep these digests, and those of remembered answers. What it has lost is asked for again."""
        since = self._clock() - _FORGOTTEN_AFTER
        self._ready = {asked: ready for asked, ready in self._ready.items() if ready.asked_at >= since}
        digests = named | {ready.digest for ready in self._ready.values()}
        body = Kept(keeper=self._keeper, digests=tuple(sorted(digests))).model_dump(mode="json")
        content = await self._sent("/v1/kept", body)
        try:
            missing = set(KeptAnswer.model_validate_json(content).missing)
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error
        self._ready = {asked: ready for asked, ready in self._ready.items() if ready.digest not in missing}

    async def _put(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        parts = (reference.connection, reference.model, version.version)
        registry, model, number = (quote(part, safe="") for part in parts)
        body = IngestRequest(created_at_ms=version.created_at_ms).model_dump()
        content = await self._sent(f"/v1/registries/{registry}/models/{model}/versions/{number}", body)
        try:
            return IngestStatus.model_validate_json(content)
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error

    async def _sent(self, path: str, body: dict[str, object]) -> bytes:
        try:
            async with aclosing(await sent(self._client, self._client.build_request("PUT", path, json=body))) as answer:
                return await answer.raise_for_status().aread()
        except httpx.HTTPError as error:
            raise StoreAway(f"the model store does not answer: {type(error).__name__} {error}"[:300]) from error
