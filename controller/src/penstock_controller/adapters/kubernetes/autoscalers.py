"""HorizontalPodAutoscalers of revisions."""

from collections.abc import Mapping

from kubernetes.aio.client import ApiClient, ApiException, AutoscalingV2Api, V2HorizontalPodAutoscaler, V2MetricTarget

from penstock_contracts.names import LABEL_REVISION
from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, gone, is_gone, made, translated
from penstock_controller.api import names
from penstock_controller.ports import Resource
from penstock_controller.rollout.actions import SetAutoscaler
from penstock_controller.rollout.observation import Autoscaler, Bounds
from penstock_controller.workload import autoscaler


class Autoscalers:
    """Observes, bounds and removes them."""

    def __init__(self, api: ApiClient) -> None:
        self._api = AutoscalingV2Api(api)

    async def observe(self, namespace: str, selector: str) -> Mapping[str, Autoscaler]:
        """Those that a selector finds, by revision."""
        found = await self._api.list_namespaced_horizontal_pod_autoscaler(
            namespace, label_selector=selector, _request_timeout=TIMEOUT
        )
        return {
            item.metadata.labels[LABEL_REVISION]: _observed(item)
            for item in found.items
            if LABEL_REVISION in item.metadata.labels and item.metadata.deletion_timestamp is None
        }

    async def set(self, resource: Resource, action: SetAutoscaler) -> None:
        """Give a revision's autoscaler its bounds; make it where there is none. Raises Rejected, ClusterAway."""
        wish = autoscaler.horizontal_pod_autoscaler(resource.raw, action.revision, action.bounds)
        name, namespace = wish["metadata"]["name"], resource.key.namespace
        with translated(f"patch HorizontalPodAutoscaler {name}"):
            try:
                await self._api.patch_namespaced_horizontal_pod_autoscaler(
                    name,
                    namespace,
                    {"spec": wish["spec"]},
                    field_manager=names.FIELD_MANAGER,
                    _request_timeout=TIMEOUT,
                    _content_type="application/merge-patch+json",
                )
            except ApiException as error:
                if not is_gone(error):
                    raise
            else:
                return
        call = self._api.create_namespaced_horizontal_pod_autoscaler(namespace, wish, _request_timeout=TIMEOUT)
        await made("HorizontalPodAutoscaler", call)

    async def remove(self, resource: Resource, revision: str) -> None:
        """Delete a revision's autoscaler: its Deployment keeps the pods it has. Raises Rejected, ClusterAway."""
        name = names.workload_name(resource.key.name, revision)
        call = self._api.delete_namespaced_horizontal_pod_autoscaler(
            name, resource.key.namespace, _request_timeout=TIMEOUT
        )
        await gone("HorizontalPodAutoscaler", call)


def _observed(found: V2HorizontalPodAutoscaler) -> Autoscaler:
    aimed = [metric.resource.target for metric in found.spec.metrics or [] if metric.resource]
    seen = [metric.resource.current for metric in found.status.current_metrics or [] if metric.resource]
    utilization = seen[0].average_utilization if seen else None
    return Autoscaler(
        bounds=Bounds(floor=found.spec.min_replicas or 1, ceiling=found.spec.max_replicas, target=_percent(aimed)),
        utilization=utilization,
    )


def _percent(aimed: list[V2MetricTarget]) -> int:
    """0, which is nobody's wish, where somebody has made it follow something else."""
    return (aimed[0].average_utilization or 0) if len(aimed) == 1 else 0
