"""The resources port: ModelDeployments through the API server."""

from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi
from pydantic import ValidationError

from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_contracts.verbs import Verb, annotation
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, is_gone, translated
from penstock_controller.api import names
from penstock_controller.api.status import ModelDeploymentStatus
from penstock_controller.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.errors import Rejected
from penstock_controller.ports import Key, Resource


class KubernetesResources:
    """Reads whole resources and writes their status with the resourceVersion that was read."""

    def __init__(self, api: ApiClient, namespace: str = "") -> None:
        """`namespace`: the only one that is served; empty: all are."""
        self._api = CustomObjectsApi(api)
        self._namespace = namespace

    async def keys(self) -> tuple[Key, ...]:
        """All that there are, in one answer."""
        with translated("list ModelDeployments"):
            if self._namespace:
                found = await self._api.list_namespaced_custom_object(
                    GROUP, VERSION, self._namespace, PLURAL, _request_timeout=TIMEOUT
                )
            else:
                found = await self._api.list_cluster_custom_object(GROUP, VERSION, PLURAL, _request_timeout=TIMEOUT)
        return tuple(Key(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found["items"])

    async def read(self, key: Key) -> Resource | None:
        """The resource now."""
        with translated(f"read ModelDeployment {key}"):
            try:
                raw = await self._api.get_namespaced_custom_object(
                    GROUP, VERSION, key.namespace, PLURAL, key.name, _request_timeout=TIMEOUT
                )
            except ApiException as error:
                if is_gone(error):
                    return None
                raise
        return None if raw["metadata"].get("deletionTimestamp") else _parsed(key, raw)

    async def write_status(self, resource: Resource, status: ModelDeploymentStatus) -> None:
        """Replace the status; a Conflict when anything was written since."""
        body = resource.raw | {"status": status.model_dump(mode="json", exclude_none=True)}
        with translated(f"write status of ModelDeployment {resource.key}"):
            await self._api.replace_namespaced_custom_object_status(
                GROUP,
                VERSION,
                resource.key.namespace,
                PLURAL,
                resource.key.name,
                body,
                field_manager=names.FIELD_MANAGER,
                _request_timeout=TIMEOUT,
            )


def _parsed(key: Key, raw: dict[str, Any]) -> Resource:
    try:
        spec = ModelDeploymentSpec.model_validate(raw["spec"])
        status = ModelDeploymentStatus.model_validate(raw.get("status") or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Rejected(f"ModelDeployment {key}: {where}: {first['msg']}") from error
    metadata = raw["metadata"]
    annotations = metadata.get("annotations") or {}
    words = {verb: annotations[annotation(verb)] for verb in Verb if annotation(verb) in annotations}
    return Resource(key=key, generation=metadata["generation"], spec=spec, status=status, words=words, raw=raw)
