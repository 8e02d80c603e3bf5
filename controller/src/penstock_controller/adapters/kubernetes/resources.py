"""The resources port: ModelDeployments through the API server."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi
from pydantic import ValidationError

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_contracts.verbs import Verb, annotation
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, is_gone, translated
from penstock_controller.errors import Invalid
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.trouble import PassTrouble, status_with_trouble
from penstock_controller.workload import names

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class KubernetesResources:
    """Reads whole resources and writes their status with the resourceVersion that was read."""

    def __init__(self, api: ApiClient, namespace: str = "") -> None:
        """`namespace`: the only one that is served; empty: all are."""
        self._api = CustomObjectsApi(api)
        self._namespace = namespace

    async def keys(self) -> tuple[ResourceKey, ...]:
        """All that there are, in one answer."""
        return tuple(
            ResourceKey(item["metadata"]["namespace"], item["metadata"]["name"]) for item in await self._items()
        )

    async def digests(self) -> frozenset[str]:
        """What any status says of any digest, whichever field it stands in: history, refusals and holds too."""
        return frozenset(_digests_in([item.get("status") for item in await self._items()]))

    async def _items(self) -> list[dict[str, Any]]:
        with translated("list ModelDeployments"):
            if self._namespace:
                found = await self._api.list_namespaced_custom_object(
                    GROUP, VERSION, self._namespace, PLURAL, _request_timeout=TIMEOUT
                )
            else:
                found = await self._api.list_cluster_custom_object(GROUP, VERSION, PLURAL, _request_timeout=TIMEOUT)
        return list(found["items"])

    async def read(self, key: ResourceKey) -> ModelDeployment | None:
        """The resource now."""
        raw = await self._raw(key)
        return None if raw is None else _parsed(key, raw)

    async def _raw(self, key: ResourceKey) -> dict[str, Any] | None:
        """None: it is gone, or going."""
        with translated(f"read ModelDeployment {key}"):
            try:
                raw: dict[str, Any] = await self._api.get_namespaced_custom_object(
                    GROUP, VERSION, key.namespace, PLURAL, key.name, _request_timeout=TIMEOUT
                )
            except ApiException as error:
                if is_gone(error):
                    return None
                raise
        return None if raw["metadata"].get("deletionTimestamp") else raw

    async def tell(self, key: ResourceKey, trouble: PassTrouble, now: datetime) -> bool:
        """Have the status tell of it."""
        raw = await self._raw(key)
        told = raw and status_with_trouble(raw.get("status") or {}, trouble, raw["metadata"]["generation"], now)
        if not raw or told is None:
            return False
        await self._replace(key, raw | {"status": told})
        return True

    async def write_status(self, resource: ModelDeployment, status: ModelDeploymentStatus) -> None:
        """Replace the status; a WriteConflict when anything was written since."""
        body = resource.raw | {"status": status.model_dump(mode="json", exclude_none=True)}
        await self._replace(resource.key, body)

    async def _replace(self, key: ResourceKey, body: dict[str, Any]) -> None:
        with translated(f"write status of ModelDeployment {key}"):
            await self._api.replace_namespaced_custom_object_status(
                GROUP,
                VERSION,
                key.namespace,
                PLURAL,
                key.name,
                body,
                field_manager=names.FIELD_MANAGER,
                _request_timeout=TIMEOUT,
            )


def _digests_in(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, str) and _DIGEST.fullmatch(current):
            yield current


def _parsed(key: ResourceKey, raw: dict[str, Any]) -> ModelDeployment:
    try:
        spec = ModelDeploymentSpec.model_validate(raw["spec"])
        status = ModelDeploymentStatus.model_validate(raw.get("status") or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"ModelDeployment {key}: {where}: {first['msg']}") from error
    metadata = raw["metadata"]
    annotations = metadata.get("annotations") or {}
    words = {verb: annotations[annotation(verb)] for verb in Verb if annotation(verb) in annotations}
    return ModelDeployment(key=key, generation=metadata["generation"], spec=spec, status=status, words=words, raw=raw)
