"""One way to find, make, put back and delete objects of every kind that a revision has, as the API server's JSON."""

import json
from dataclasses import dataclass
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException

from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, is_gone, translated
from penstock_controller.workload import names
from penstock_controller.workload.objects import Object

_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_MERGE = "application/merge-patch+json"
_YAML = "application/yaml"
_REFUSALS = 300
"""HTTP status: from here on nothing was done."""


@dataclass(frozen=True, kw_only=True)
class ApiKind:
    """A kind as the API server's paths have it, and the parts of it that are ours alone."""

    kind: str
    api_version: str
    plural: str
    exact: tuple[tuple[str, ...], ...] = ()
    """Fields in which nothing of anybody else's stays, where they are not as declared."""

    def path(self, namespace: str, name: str = "") -> str:
        """Of all in a namespace, or of one."""
        root = "/apis" if "/" in self.api_version else "/api"
        path = f"{root}/{self.api_version}/namespaces/{namespace}/{self.plural}"
        return f"{path}/{name}" if name else path


DEPLOYMENTS = ApiKind(kind="Deployment", api_version="apps/v1", plural="deployments", exact=(("spec", "template"),))
SERVICES = ApiKind(kind="Service", api_version="v1", plural="services", exact=(("spec", "ports"), ("spec", "selector")))
BUDGETS = ApiKind(
    kind="PodDisruptionBudget", api_version="policy/v1", plural="poddisruptionbudgets", exact=(("spec",),)
)
AUTOSCALERS = ApiKind(kind="HorizontalPodAutoscaler", api_version="autoscaling/v2", plural="horizontalpodautoscalers")
RECORDS = ApiKind(kind="ControllerRevision", api_version="apps/v1", plural="controllerrevisions")


class ChildObjects:
    """Calls on objects. Each raises Rejected, WriteConflict, ClusterAway."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def all(self, resource: ApiKind, namespace: str, labels: str = "") -> list[Object]:
        """All in a namespace that labels select; empty: all."""
        query = [("labelSelector", labels)] if labels else []
        with translated(f"list {resource.plural} in {namespace}"):
            found = await self._call("GET", resource.path(namespace), query)
        return [self._whole(resource, item) for item in found.get("items") or []]

    async def find(self, resource: ApiKind, namespace: str, name: str) -> Object | None:
        """One, by its name, whatever its labels are; None: there is none."""
        with translated(f"find {resource.kind} {name}"):
            found = await self._call("GET", resource.path(namespace), [("fieldSelector", f"metadata.name={name}")])
        items = found.get("items") or []
        return self._whole(resource, items[0]) if items else None

    async def get(self, resource: ApiKind, namespace: str, name: str) -> Object:
        """One, with no more than the right to get it by its name; one that is not there is Rejected."""
        with translated(f"get {resource.kind} {name}"):
            return await self._call("GET", resource.path(namespace, name), [])

    @staticmethod
    def _whole(resource: ApiKind, item: Object) -> Object:
        """Items of a list do not say what they are."""
        return item | {"kind": resource.kind, "apiVersion": resource.api_version}

    async def create(self, resource: ApiKind, wish: Object, *, dry_run: bool = False) -> None:
        """Make one; a taken name is a WriteConflict. `dry_run`: only say what stands against it, and be strict."""
        metadata = wish["metadata"]
        query = [*_AS_US, *(_DRY_RUN if dry_run else [])]
        with translated(f"create {resource.kind} {metadata['name']}"):
            # The API server keeps a record's data byte by byte as JSON came, and takes other spaces for a change later.
            # What comes as YAML, which JSON is, it writes itself.
            await self._call("POST", resource.path(metadata["namespace"]), query, json.dumps(wish), _YAML)

    async def apply(self, resource: ApiKind, wish: Object, live: Object) -> None:
        """Apply what is declared over a live object, server-side; another one of its name is a WriteConflict."""
        metadata = wish["metadata"] | {"uid": live["metadata"]["uid"]}
        with translated(f"apply {resource.kind} {metadata['name']}"):
            path = resource.path(metadata["namespace"], metadata["name"])
            await self._call("PATCH", path, [*_AS_US, ("force", "true")], wish | {"metadata": metadata}, _APPLY)

    async def set(self, resource: ApiKind, live: Object, values: dict[tuple[str, ...], Any]) -> None:
        """Replace whole fields of a live object, whoever has written what stands in them."""
        metadata = live["metadata"]
        body: list[Object] = [{"op": "test", "path": "/metadata/uid", "value": metadata["uid"]}]
        body += [{"op": "add", "path": "/" + "/".join(field), "value": value} for field, value in values.items()]
        with translated(f"patch {resource.kind} {metadata['name']}"):
            path = resource.path(metadata["namespace"], metadata["name"])
            await self._call("PATCH", path, _AS_US, body, _JSON_PATCH)

    async def merge(self, resource: ApiKind, namespace: str, name: str, patch: Object) -> None:
        """Change single fields."""
        with translated(f"patch {resource.kind} {name}"):
            await self._call("PATCH", resource.path(namespace, name), _AS_US, patch, _MERGE)

    async def delete(self, resource: ApiKind, live: Object) -> None:
        """Delete exactly this one; its pods follow. Gone before is gone."""
        metadata = live["metadata"]
        body = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        with translated(f"delete {resource.kind} {metadata['name']}"):
            try:
                await self._call("DELETE", resource.path(metadata["namespace"], metadata["name"]), [], body)
            except ApiException as error:
                if not is_gone(error):
                    raise

    async def _call(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        body: Any = None,
        content_type: str = "",
    ) -> Object:
        headers = {"Accept": "application/json"} | ({"Content-Type": content_type} if content_type else {})
        call = await self._api.param_serialize(
            method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = await self._api.call_api(*call, _request_timeout=TIMEOUT)
        await response.read()
        text = (response.data or b"").decode(errors="replace")
        if not response.status or response.status >= _REFUSALS:
            raise ApiException.from_response(http_resp=response, body=text, data=None)
        answer = json.loads(text or "{}")
        return answer if isinstance(answer, dict) else {}


_AS_US = [("fieldManager", names.FIELD_MANAGER)]
_DRY_RUN = [("dryRun", "All"), ("fieldValidation", "Strict")]
