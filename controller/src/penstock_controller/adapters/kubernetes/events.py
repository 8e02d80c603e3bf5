"""The announcer port: Kubernetes Events on the ModelDeployment."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CoreV1Api

from penstock_controller.adapters.kubernetes.api_errors import TIMEOUT, exists, translated
from penstock_controller.ports import ModelDeployment
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.timestamps import stamp
from penstock_controller.workload import names

_LONGEST = 1024
"""Characters that an Event's message may have."""


class KubernetesEvents:
    """Makes Events under names that a repeated pass finds taken, so each is made once."""

    def __init__(self, api: ApiClient, clock: Callable[[], datetime]) -> None:
        self._core = CoreV1Api(api)
        self._clock = clock

    async def announce(self, resource: ModelDeployment, announcement: Announcement) -> bool:
        """Make the Event; False: an earlier pass made it."""
        event = _event(resource, announcement, stamp(self._clock()))
        with translated(f"announce {announcement.reason} of {resource.key}"):
            try:
                await self._core.create_namespaced_event(
                    resource.key.namespace, event, field_manager=names.FIELD_MANAGER, _request_timeout=TIMEOUT
                )
            except ApiException as error:
                if not exists(error):
                    raise
                return False
        return True


def _event(resource: ModelDeployment, announcement: Announcement, now: str) -> dict[str, Any]:
    metadata = resource.raw["metadata"]
    # An attempt ends once, though a pass that is repeated may have other numbers to tell.
    told = announcement.started_at or f"{announcement.reason}/{announcement.message}"
    identity = f"{metadata['uid']}/{announcement.attempt}/{told}"
    suffix = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return {
        "metadata": {"name": f"{resource.key.name}.{suffix}", "namespace": resource.key.namespace},
        "involvedObject": {
            "apiVersion": resource.raw["apiVersion"],
            "kind": resource.raw["kind"],
            "name": resource.key.name,
            "namespace": resource.key.namespace,
            "uid": metadata["uid"],
        },
        "type": announcement.type,
        "reason": announcement.reason,
        "message": announcement.message[:_LONGEST],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": names.FIELD_MANAGER},
    }
