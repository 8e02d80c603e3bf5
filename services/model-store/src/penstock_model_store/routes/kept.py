"""Who needs what."""

from fastapi import APIRouter, HTTPException

from penstock_contracts.model_card import Kept, KeptAnswer
from penstock_model_store.errors import disk_error
from penstock_model_store.retention import Retention


def kept_routes(retention: Retention) -> APIRouter:
    """The keepers' word."""
    router = APIRouter(prefix="/v1/kept", tags=["retention"])

    @router.put("")
    async def take(kept: Kept) -> KeptAnswer:
        """Say all that one keeper needs, in place of what it said before."""
        try:
            return KeptAnswer(missing=await retention.take(kept))
        except OSError as error:
            raise HTTPException(507, str(disk_error(error))) from error

    return router
