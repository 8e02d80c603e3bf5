"""PodDisruptionBudgets of revisions."""

from kubernetes.aio.client import ApiClient, PolicyV1Api

from penstock_contracts.names import LABEL_REVISION
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, gone, made
from penstock_controller.api import names
from penstock_controller.ports import Resource
from penstock_controller.workload import budget


class Budgets:
    """Observes, makes and removes them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = PolicyV1Api(api)

    async def observe(self, namespace: str, selector: str) -> frozenset[str]:
        """The revisions that have one, of those that a selector finds."""
        found = await self._api.list_namespaced_pod_disruption_budget(
            namespace, label_selector=selector, _request_timeout=TIMEOUT
        )
        return frozenset(
            item.metadata.labels.get(LABEL_REVISION, "")
            for item in found.items
            if item.metadata.deletion_timestamp is None
        )

    async def make(self, resource: Resource, revision: str) -> None:
        """Make a revision's budget. Raises Rejected, ClusterAway."""
        wish = budget.pod_disruption_budget(resource.raw, revision)
        call = self._api.create_namespaced_pod_disruption_budget(resource.key.namespace, wish, _request_timeout=TIMEOUT)
        await made("PodDisruptionBudget", call)

    async def remove(self, resource: Resource, revision: str) -> None:
        """Delete a revision's budget. Raises Rejected, ClusterAway."""
        name = names.workload_name(resource.key.name, revision)
        call = self._api.delete_namespaced_pod_disruption_budget(name, resource.key.namespace, _request_timeout=TIMEOUT)
        await gone("PodDisruptionBudget", call)
