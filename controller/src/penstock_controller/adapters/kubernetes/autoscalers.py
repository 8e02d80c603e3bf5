"""The autoscalers port, and what HorizontalPodAutoscalers say of a revision's number of pods: ours, and others'."""

from collections.abc import Iterable
from typing import assert_never

from kubernetes.aio.client import ApiClient

from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT
from penstock_controller.adapters.kubernetes.child_objects import AUTOSCALERS
from penstock_controller.adapters.kubernetes.declared_objects import DeclaredObjects
from penstock_controller.ports import ModelDeployment
from penstock_controller.rollout.decision import AutoscalerAction, RemoveAutoscaler, SetAutoscaler
from penstock_controller.rollout.observation import Autoscaler, Bounds
from penstock_controller.workload import names
from penstock_controller.workload.autoscaler import horizontal_pod_autoscaler
from penstock_controller.workload.drift import edits
from penstock_controller.workload.objects import Object
from penstock_controller.workload.ownership import Ownership, ownership, revision_named


class KubernetesAutoscalers:
    """Sets and removes the HorizontalPodAutoscalers of revisions."""

    def __init__(self, api: ApiClient) -> None:
        self._declared = DeclaredObjects(api)

    async def execute(self, resource: ModelDeployment, action: AutoscalerAction) -> None:
        """Do one action."""
        match action:
            case SetAutoscaler():
                # Other bounds are a wish of our own: they are written though nobody has edited anything.
                wish = horizontal_pod_autoscaler(resource.raw, action.revision, action.bounds)
                await self._declared.put(AUTOSCALERS, wish, resource.raw)
            case RemoveAutoscaler():
                name = names.workload_name(resource.key.name, action.revision)
                await self._declared.remove(AUTOSCALERS, resource.raw, resource.key.namespace, name)
            case never:
                assert_never(never)


def is_labelled(found: Object, name: str) -> bool:
    """Whether its labels say that it belongs to a ModelDeployment of this name."""
    return bool((found["metadata"].get("labels") or {}).get(LABEL_MODEL_DEPLOYMENT) == name)


def observed(found: Object | None, owner: Object) -> Autoscaler | None:
    """An autoscaler of ours. `owner`: the ModelDeployment."""
    if found is None:
        return None
    spec = found["spec"]
    aimed = [metric["resource"]["target"] for metric in spec.get("metrics") or [] if metric.get("resource")]
    current = (found.get("status") or {}).get("currentMetrics") or []
    seen = [metric["resource"]["current"] for metric in current if metric.get("resource")]
    bounds = Bounds(floor=spec.get("minReplicas") or 1, ceiling=spec["maxReplicas"], target=_percent(aimed))
    revision = revision_named(found["metadata"]["name"], owner["metadata"]["name"]) or ""
    wish = horizontal_pod_autoscaler(owner, revision, bounds)
    unowned = ownership(found, owner) is Ownership.UNOWNED
    return Autoscaler(
        bounds=bounds,
        utilization=seen[0].get("averageUtilization") if seen else None,
        declared=not unowned and not edits(wish, found),
    )


def other(found: Iterable[Object], owner: Object, revision: str) -> str:
    """Somebody else's that scales a revision's Deployment; empty: there is none."""
    workload = names.workload_name(owner["metadata"]["name"], revision)
    return next(
        (
            f"HorizontalPodAutoscaler {item['metadata']['name']}"
            for item in found
            if ownership(item, owner) is Ownership.FOREIGN and _scales(item, workload)
        ),
        "",
    )


def _scales(found: Object, deployment: str) -> bool:
    target = found["spec"].get("scaleTargetRef") or {}
    return (target.get("kind"), target.get("name")) == ("Deployment", deployment)


def _percent(aimed: list[Object]) -> int:
    """0, which is nobody's wish, where somebody has made it follow something else."""
    return (aimed[0].get("averageUtilization") or 0) if len(aimed) == 1 else 0
