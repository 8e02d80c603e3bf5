"""What is held, by digest. All of it is immutable."""

import asyncio

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from penstock_contracts.base import Contract
from penstock_contracts.model_card import ModelCard
from penstock_model_store.blobs import Blobs

_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


class HeldDigest(Contract):
    """An item of `GET /v1/digests`."""

    digest: str
    size: int
    """Bytes on the store's disk."""


def digest_routes(blobs: Blobs) -> APIRouter:
    """Cards and bytes."""
    router = APIRouter(prefix="/v1/digests", tags=["digests"])

    async def held_card(digest: str) -> ModelCard:
        card = await asyncio.to_thread(blobs.card, digest)
        if card is None:
            raise HTTPException(404, f"digest {digest} is not held: ask for its version again")
        return card

    @router.get("")
    async def held() -> list[HeldDigest]:
        """List every digest."""
        return [HeldDigest(digest=digest, size=size) for digest, size in sorted(blobs.held().items())]

    @router.get("/{digest}")
    async def card(digest: str) -> ModelCard:
        """Give the card of a digest."""
        return await held_card(digest)

    @router.get("/{digest}/files/{path:path}", response_class=FileResponse)
    async def file(digest: str, path: str) -> FileResponse:
        """Give a file that the card names; ranges are understood."""
        found = blobs.file(await held_card(digest), path)
        if found is None:
            raise HTTPException(404, f"digest {digest} has no file {path!r}: its card lists them")
        return FileResponse(found, media_type="application/octet-stream", headers=_FOREVER)

    return router
