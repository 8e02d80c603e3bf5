"""What the controller would write, written by a test through the real API server."""

import asyncio
from pathlib import Path
from typing import Any

from kubernetes.aio.client import ApiClient, ApiextensionsV1Api, CustomObjectsApi
from kubernetes.aio.client.exceptions import ApiException

from penstock_contracts.names import GROUP, KIND, PLURAL, VERSION
from penstock_testing.documents import read
from penstock_testing.gateway.objects import NAME

CRD = Path(__file__).resolve().parents[5] / "manifests" / "crd" / "modeldeployments.yaml"
RESOURCE = {"group": GROUP, "version": VERSION, "plural": PLURAL}
_CONFLICT, _NOT_FOUND = 409, 404
_WAIT_SECONDS = 30.0
_installed: set[str] = set()
"""API servers that this process has seen serve it."""


async def install_crd(api: ApiClient) -> None:
    """Create the CRD unless it is there. Returns when it serves, a moment after it was created."""
    if api.configuration.host in _installed:
        return
    try:
        await ApiextensionsV1Api(api).create_custom_resource_definition(read(CRD.read_text()))
    except ApiException as error:
        if error.status != _CONFLICT:
            raise
    async with asyncio.timeout(_WAIT_SECONDS):
        while not await _served(api):  # noqa: ASYNC110 - the API server tells nobody
            await asyncio.sleep(0.1)
    _installed.add(api.configuration.host)


async def create_model_deployment(api: ApiClient, namespace: str) -> None:
    """Create one without status."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": NAME},
        "spec": {"registry": {"model": NAME, "alias": "champion"}},
    }
    await CustomObjectsApi(api).create_namespaced_custom_object(namespace=namespace, body=body, **RESOURCE)


async def write_split(api: ApiClient, namespace: str, *, number: int) -> None:
    """Write `status.traffic.desired`: everything to revision r1."""
    custom = CustomObjectsApi(api)
    current: dict[str, Any] = await custom.get_namespaced_custom_object(namespace=namespace, name=NAME, **RESOURCE)
    desired = {"number": number, "backends": [{"revision": "r1", "weight": 100}], "timeoutSeconds": 5}
    current["status"] = {**current.get("status", {}), "traffic": {"desired": desired}}
    await custom.replace_namespaced_custom_object_status(namespace=namespace, name=NAME, body=current, **RESOURCE)


async def delete_model_deployment(api: ApiClient, namespace: str) -> None:
    """Delete it."""
    await CustomObjectsApi(api).delete_namespaced_custom_object(namespace=namespace, name=NAME, **RESOURCE)


async def _served(api: ApiClient) -> bool:
    try:
        await CustomObjectsApi(api).list_cluster_custom_object(limit=1, **RESOURCE)
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True
