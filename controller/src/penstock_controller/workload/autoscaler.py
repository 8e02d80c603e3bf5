"""A revision's HorizontalPodAutoscaler, built without I/O."""

from penstock_controller.rollout.observation import Bounds
from penstock_controller.workload import names
from penstock_controller.workload.objects import Object, metadata


def horizontal_pod_autoscaler(owner: Object, revision: str, bounds: Bounds) -> Object:
    """What lets the revision's number of pods follow the cpu that they use."""
    target = {"type": "Utilization", "averageUtilization": bounds.target}
    workload = names.workload_name(owner["metadata"]["name"], revision)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(owner, revision),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload},
            "minReplicas": bounds.floor,
            "maxReplicas": bounds.ceiling,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
