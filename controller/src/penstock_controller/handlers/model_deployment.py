"""kopf's side: events become keys in our own queue. Nothing is decided here, and kopf writes nothing."""

from collections.abc import Mapping
from typing import Any

import kopf

from penstock_contracts.names import GROUP, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION
from penstock_controller.ports import Key

_OURS = {LABEL_MODEL_DEPLOYMENT: kopf.PRESENT}


def register(registry: kopf.OperatorRegistry) -> None:
    """Add the event handlers to a registry."""

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    def on_model_deployment(*, name: str, namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(Key(namespace or "", name))

    @kopf.on.event("apps", "v1", "deployments", labels=_OURS, registry=registry)
    def on_workload(*, labels: Mapping[str, str], namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(Key(namespace or "", labels[LABEL_MODEL_DEPLOYMENT]))

    # Kubernetes writes the status of these with each look at the load: only their loss is news.
    @kopf.on.event("autoscaling", "v2", "horizontalpodautoscalers", labels=_OURS, when=_lost, registry=registry)
    @kopf.on.event("policy", "v1", "poddisruptionbudgets", labels=_OURS, when=_lost, registry=registry)
    def on_loss(*, labels: Mapping[str, str], namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(Key(namespace or "", labels[LABEL_MODEL_DEPLOYMENT]))


def _lost(*, type: str | None, **_: Any) -> bool:  # noqa: A002 - kopf's word
    return type == "DELETED"
