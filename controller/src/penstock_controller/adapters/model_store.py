"""The store port over HTTP."""

from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_contracts.model_card import IngestPhase, IngestRequest, IngestStatus
from penstock_controller.api.v1alpha1 import RegistryRef
from penstock_controller.errors import StoreAway
from penstock_controller.rollout.observation import RegistryVersion

_Asked = tuple[str, str, RegistryVersion]
_REMEMBERED = 4096


class HttpModelStore:
    """Asks the model store. Final answers are remembered: a version's bytes never change."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._final: dict[_Asked, IngestStatus] = {}

    async def ingest(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        """How far the store is with a version."""
        asked = (reference.connection, reference.model, version)
        if asked in self._final:
            return self._final[asked]
        status = await self._put(reference, version)
        if status.phase in {IngestPhase.READY, IngestPhase.REFUSED}:
            if len(self._final) >= _REMEMBERED:
                self._final.pop(next(iter(self._final)))
            self._final[asked] = status
        return status

    async def _put(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        parts = (reference.connection, reference.model, version.version)
        registry, model, number = (quote(part, safe="") for part in parts)
        body = IngestRequest(created_at_ms=version.created_at_ms).model_dump()
        try:
            answer = await self._client.put(f"/v1/registries/{registry}/models/{model}/versions/{number}", json=body)
            answer.raise_for_status()
            return IngestStatus.model_validate_json(answer.content)
        except httpx.HTTPError as error:
            raise StoreAway(f"the model store does not answer: {type(error).__name__} {error}"[:300]) from error
        except ValidationError as error:
            raise StoreAway(f"the model store's answer is not understood: {error.error_count()} errors") from error
