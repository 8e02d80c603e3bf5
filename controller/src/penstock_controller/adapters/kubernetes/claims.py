"""The claims port: one Lease in each namespace names the release that acts there."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CoordinationV1Api, CoreV1Api, RbacAuthorizationV1Api

from penstock_contracts.api.reasons import Reason
from penstock_controller.adapters.kubernetes.api_errors import (
    TIMEOUT,
    exists,
    in_leaving_namespace,
    is_gone,
    made,
    translated,
)
from penstock_controller.rollout.timestamps import stamp
from penstock_controller.workload import names

LEASE = "penstock"
"""Name of the Lease in each namespace."""
LEASE_OF_ALL = "penstock-all-namespaces"
NAMESPACE_OF_ALL = "default"
"""Where a release that serves all namespaces claims that: every cluster has it, and nobody can delete it."""
_OTHER = Reason.SERVED_BY_ANOTHER_RELEASE


class KubernetesClaims:
    """Takes a Lease once and keeps it without renewals: it goes with the release, by its owner reference.

    The owner is the binding by which the release may act, for that is where the Lease is: in the namespace, or in none.
    """

    def __init__(
        self, api: ApiClient, clock: Callable[[], datetime], *, release: str, binding: str, only_namespace: str
    ) -> None:
        """`release`: namespace/name. `binding`: name of its RoleBinding or ClusterRoleBinding; empty: no owner."""
        self._leases = CoordinationV1Api(api)
        self._core = CoreV1Api(api)
        self._rbac = RbacAuthorizationV1Api(api)
        self._clock = clock
        self._release = release
        self._binding = binding
        self._only_namespace = only_namespace

    async def holder(self, namespace: str) -> str:
        """The release that acts in a namespace: this one, where no other does. Raises ClusterAway, Rejected."""
        return await self._claim(namespace, LEASE)

    async def holder_of_all(self) -> str:
        """The release that serves all namespaces: this one, where no other does. Raises ClusterAway, Rejected."""
        return await self._claim(NAMESPACE_OF_ALL, LEASE_OF_ALL)

    async def tell(self, namespace: str, holder: str) -> None:
        """An Event on the Lease that says why this release leaves a namespace alone. Made once."""
        event = self._event(namespace, holder)
        made_once = self._core.create_namespaced_event(
            namespace, event, field_manager=names.FIELD_MANAGER, _request_timeout=TIMEOUT
        )
        await made(f"the Event that {holder} acts in namespace {namespace}", made_once)

    async def _claim(self, namespace: str, name: str) -> str:
        with translated(f"claim namespace {namespace} by Lease {name}"):
            found = await self._read(namespace, name)
            if found is None and await self._created(namespace, name):
                return self._release
            # Another was faster; or it is gone again, and the next look claims it.
            return found or await self._read(namespace, name) or "nobody yet"

    async def _read(self, namespace: str, name: str) -> str | None:
        try:
            lease = await self._leases.read_namespaced_lease(name, namespace, _request_timeout=TIMEOUT)
        except ApiException as error:
            if is_gone(error):
                return None
            raise
        return lease.spec.holder_identity or None

    async def _created(self, namespace: str, name: str) -> bool:
        body = {
            "metadata": {"name": name, "ownerReferences": await self._owners(), "labels": names.claim_labels()},
            "spec": {"holderIdentity": self._release, "acquireTime": self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
        }
        try:
            await self._leases.create_namespaced_lease(
                namespace, body, field_manager=names.FIELD_MANAGER, _request_timeout=TIMEOUT
            )
        except ApiException as error:
            if exists(error):
                return False
            # What is left in a namespace that leaves, or has left, is nobody else's.
            if not is_gone(error) and not in_leaving_namespace(error):
                raise
        return True

    async def _owners(self) -> list[dict[str, Any]]:
        if not self._binding:
            return []
        if self._only_namespace:
            kind = "RoleBinding"
            found = await self._rbac.read_namespaced_role_binding(
                self._binding, self._only_namespace, _request_timeout=TIMEOUT
            )
        else:
            kind = "ClusterRoleBinding"
            found = await self._rbac.read_cluster_role_binding(self._binding, _request_timeout=TIMEOUT)
        uid = found.metadata.uid
        return [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "name": self._binding, "uid": uid}]

    def _event(self, namespace: str, holder: str) -> dict[str, Any]:
        now = stamp(self._clock())
        who = self._release.replace("/", ".")
        return {
            "metadata": {"name": f"{LEASE}.{who}.{holder.replace('/', '.')}"[:253], "namespace": namespace},
            "involvedObject": {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "name": LEASE,
                "namespace": namespace,
            },
            "type": "Warning",
            "reason": _OTHER,
            "message": f"release {holder} acts in this namespace: release {self._release} leaves it alone",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": names.FIELD_MANAGER},
        }
