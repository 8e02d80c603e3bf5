"""A ModelDeployment as the plugin finds it on a real API server: what the controller would write, written by a test."""

import base64
import time
from pathlib import Path
from typing import Any

from kubernetes.client import (
    ApiClient,
    ApiException,
    ApiextensionsV1Api,
    CoreV1Api,
    CustomObjectsApi,
    RbacAuthorizationV1Api,
)

from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_testing.documents import read

Object = dict[str, Any]

CRD = Path(__file__).resolve().parents[4] / "manifests" / "crd" / "modeldeployments.yaml"
_NOT_FOUND, _CONFLICT = 404, 409
_WAIT_SECONDS = 30.0


def install_crd(api: ApiClient) -> None:
    """Create the CRD unless it is there, and wait until it is served."""
    try:
        ApiextensionsV1Api(api).create_custom_resource_definition(read(CRD.read_text()))
    except ApiException as error:
        if error.status != _CONFLICT:
            raise
    deadline = time.monotonic() + _WAIT_SECONDS
    while not _served(api):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the CRD is not served after {_WAIT_SECONDS:g} s")
        time.sleep(0.1)


def _served(api: ApiClient) -> bool:
    try:
        CustomObjectsApi(api).list_cluster_custom_object(GROUP, VERSION, PLURAL)
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True


class PluginRig:
    """One resource with its pods and Events, in a namespace of its own."""

    def __init__(self, api: ApiClient, namespace: str, moment: Object) -> None:
        self._api, self.namespace, self._moment = api, namespace, moment
        self._core, self._custom = CoreV1Api(api), CustomObjectsApi(api)
        self.name: str = moment["resource"]["metadata"]["name"]

    def create(self) -> None:
        """Make all of it."""
        self._core.create_namespace({"metadata": {"name": self.namespace}})
        resource = self._moment["resource"]
        body = {**resource, "metadata": {"name": self.name}}
        made = self._custom.create_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, body)
        self.write_status(**resource["status"] | {"observedGeneration": 1})
        for event in self._moment["events"][:2]:
            self.tell(event, made["metadata"]["uid"])

    def delete(self) -> None:
        """Remove the namespace."""
        self._core.delete_namespace(self.namespace)

    def read(self) -> Object:
        """The resource."""
        found: Object = self._custom.get_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, self.name)
        return found

    def remove(self) -> None:
        """Delete the resource."""
        self._custom.delete_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, self.name)

    def write_status(self, **fields: Any) -> None:
        """Change fields of the status."""
        body = self.read()
        body["status"] = body.get("status", {}) | fields
        self._custom.replace_namespaced_custom_object_status(GROUP, VERSION, self.namespace, PLURAL, self.name, body)

    def tell(self, event: Object, uid: str) -> None:
        """Make an Event on the resource."""
        about = event["involvedObject"] | {"namespace": self.namespace, "uid": uid}
        self._core.create_namespaced_event(self.namespace, {**event, "involvedObject": about})

    def person(self, server: str, *rules: Object) -> Object:
        """The kubeconfig of somebody who has these rights in the namespace and no other."""
        account = f"person-{len(self._core.list_namespaced_service_account(self.namespace).items)}"
        metadata = {"metadata": {"name": account}}
        self._core.create_namespaced_service_account(self.namespace, metadata)
        self._grant(account, list(rules))
        asked = {"spec": {"expirationSeconds": 3600}}
        token = self._core.create_namespaced_service_account_token(account, self.namespace, asked).status.token
        return self._kubeconfig(server, token)

    def _grant(self, account: str, rules: list[Object]) -> None:
        rbac = RbacAuthorizationV1Api(self._api)
        rbac.create_namespaced_role(self.namespace, {"metadata": {"name": account}, "rules": rules})
        binding = {
            "metadata": {"name": account},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": self.namespace}],
        }
        rbac.create_namespaced_role_binding(self.namespace, binding)

    def _kubeconfig(self, server: str, token: str) -> Object:
        authority = base64.b64encode(Path(self._api.configuration.ssl_ca_cert).read_bytes()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": self.namespace}}],
            "current-context": "c",
        }
