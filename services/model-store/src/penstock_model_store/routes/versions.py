"""Ingests by registry, model and version."""

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

from penstock_contracts.model_card import IngestRequest, IngestStatus
from penstock_model_store.ingests import Ingests, QueueFull
from penstock_model_store.version_index import VersionKey

_RETRY_AFTER_SECONDS = "5"
_PATH = "/v1/registries/{registry}/models/{model}/versions/{version}"
_Name = Annotated[str, Path(min_length=1, max_length=512)]
_Version = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,9}$")]


def version_routes(ingests: Ingests, registries: Collection[str]) -> APIRouter:
    """Ask for a version, and see how far it is."""
    router = APIRouter(tags=["versions"])

    @router.put(_PATH)
    async def ask(registry: _Name, model: _Name, version: _Version, body: IngestRequest) -> IngestStatus:
        """Have a version fetched and checked; the same wish again changes nothing."""
        _check_registry(registry, registries)
        key = VersionKey(registry=registry, model=model, version=version)
        try:
            return await ingests.ask(key, body.created_at_ms)
        except QueueFull as error:
            raise HTTPException(429, str(error), headers={"Retry-After": _RETRY_AFTER_SECONDS}) from error

    @router.get(_PATH)
    async def status(registry: _Name, model: _Name, version: _Version) -> IngestStatus:
        """Tell how far a version is."""
        _check_registry(registry, registries)
        try:
            found = await ingests.status(VersionKey(registry=registry, model=model, version=version))
        except QueueFull as error:
            raise HTTPException(429, str(error), headers={"Retry-After": _RETRY_AFTER_SECONDS}) from error
        if found is None:
            raise HTTPException(404, f"version {version} of {model} was not asked for since the store started: PUT it")
        return found

    return router


def _check_registry(registry: str, registries: Collection[str]) -> None:
    if registry not in registries:
        known = ", ".join(sorted(registries))
        raise HTTPException(404, f"there is no registry {registry!r}: the administrator connected {known}")
