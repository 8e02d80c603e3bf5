"""A revision's PodDisruptionBudget, built without I/O."""

from penstock_controller.workload import names
from penstock_controller.workload.objects import Object, metadata


def pod_disruption_budget(owner: Object, revision: str) -> Object:
    """Drains of nodes take one pod at a time, whatever their number.

    Not "at least one stays": with one pod no drain would ever end. A pod that is not ready serves nobody and holds up
    no drain either.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(owner, revision),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names.selector(owner["metadata"]["name"], revision)},
        },
    }
