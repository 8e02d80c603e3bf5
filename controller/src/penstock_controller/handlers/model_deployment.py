"""kopf's side: events become keys in our own queue. Nothing is decided here, and kopf writes nothing."""

from collections.abc import Mapping
from typing import Any

import kopf

from penstock_contracts.names import GROUP, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION
from penstock_controller.ports import Key


def register(registry: kopf.OperatorRegistry) -> None:
    """Add the event handlers to a registry."""

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    def on_model_deployment(*, name: str, namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(Key(namespace or "", name))

    @kopf.on.event("apps", "v1", "deployments", labels={LABEL_MODEL_DEPLOYMENT: kopf.PRESENT}, registry=registry)
    def on_workload(*, labels: Mapping[str, str], namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(Key(namespace or "", labels[LABEL_MODEL_DEPLOYMENT]))
