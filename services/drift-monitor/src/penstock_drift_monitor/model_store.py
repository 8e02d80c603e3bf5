"""The model store, as far as the monitor needs it: reference samples."""

import json
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_contracts.model_card import ModelCard

_CALL = httpx.Timeout(connect=3, read=10, write=10, pool=10)
_MAX_CARD_BYTES = 64 * 2**20


class NoSample(Exception):
    """The version was logged without a reference sample."""


class SampleUnavailable(Exception):
    """The store did not give it now. The message says why."""


@dataclass(frozen=True)
class KeptSample:
    """A reference sample as the store has it."""

    path: str
    columns: str
    """JSON: column name to MLflow's word for its type."""
    body: bytes

    def types(self) -> dict[str, str]:
        """Column name to MLflow's word for its type; empty: the model has no column signature."""
        found: dict[str, str] = json.loads(self.columns)
        return found


class ModelStore:
    """A client of the store."""

    def __init__(self, url: str, max_bytes: int) -> None:
        """At `url`; a sample may have `max_bytes`."""
        # The store is inside the cluster: a proxy from the environment must not see these calls.
        self._client = httpx.AsyncClient(base_url=url, timeout=_CALL, trust_env=False)
        self._max_bytes = max_bytes

    async def sample(self, digest: str) -> KeptSample:
        """Fetch the reference sample of a digest. Raises NoSample and SampleUnavailable."""
        base = f"/v1/digests/{quote(digest, safe=':')}"
        try:
            card = ModelCard.model_validate_json(await self._bytes(base, _MAX_CARD_BYTES))
        except ValidationError as error:
            raise SampleUnavailable(
                f"what the model store answers is no model card: {error.errors()[0]['msg']}"
            ) from error
        if card.reference_path is None:
            raise NoSample(
                "the version has none: log reference.parquet or reference.csv beside the model, 2,000 rows or more "
                "drawn over whole days"
            )
        body = await self._bytes(f"{base}/files/{quote(card.reference_path)}", self._max_bytes)
        types = {column.name: column.type for column in card.columns or ()}
        return KeptSample(card.reference_path, json.dumps(types), body)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _bytes(self, path: str, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async with self._client.stream("GET", path) as response:
                if not response.is_success:
                    raise SampleUnavailable(f"the model store answers {response.status_code} for {path}")
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > limit:
                        raise SampleUnavailable(
                            f"{path} has more than {limit} bytes: raise PENSTOCK_MAX_REFERENCE_BYTES"
                        )
                    chunks.append(chunk)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SampleUnavailable(
                f"the model store does not answer ({str(error) or type(error).__name__})"
            ) from error
        return b"".join(chunks)
