"""kopf's side: events become keys in our own queue. Nothing is decided here, and kopf writes nothing."""

from collections.abc import Mapping
from typing import Any

import kopf

from penstock_contracts.names import GROUP, KIND, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION
from penstock_controller.ports import ResourceKey


def register(registry: kopf.OperatorRegistry) -> None:
    """Add the event handlers to a registry."""

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    def on_model_deployment(*, name: str, namespace: str | None, memo: Any, **_: Any) -> None:
        memo.operator.queue.add(ResourceKey(namespace or "", name))

    @kopf.on.event("apps", "v1", "deployments", when=_ours, registry=registry)
    @kopf.on.event("", "v1", "services", when=_ours, registry=registry)
    # Kubernetes writes the status of these with each look at the load: only their loss is news.
    @kopf.on.event("autoscaling", "v2", "horizontalpodautoscalers", when=_our_loss, registry=registry)
    @kopf.on.event("policy", "v1", "poddisruptionbudgets", when=_our_loss, registry=registry)
    @kopf.on.event("apps", "v1", "controllerrevisions", when=_our_loss, registry=registry)
    def on_child(*, meta: Mapping[str, Any], namespace: str | None, memo: Any, **_: Any) -> None:
        for name in _names(meta):
            memo.operator.queue.add(ResourceKey(namespace or "", name))


def _ours(*, meta: Mapping[str, Any], **_: Any) -> bool:
    return bool(_names(meta))


def _our_loss(*, meta: Mapping[str, Any], type: str | None, **_: Any) -> bool:  # noqa: A002 - kopf's word
    return type == "DELETED" and bool(_names(meta))


def _names(meta: Mapping[str, Any]) -> set[str]:
    """The ModelDeployments that an object belongs to, by its owner or, where somebody took that away, by its label."""
    owners = (item for item in meta.get("ownerReferences") or () if item.get("kind") == KIND)
    labelled = (meta.get("labels") or {}).get(LABEL_MODEL_DEPLOYMENT)
    return {item["name"] for item in owners} | ({labelled} if labelled else set())
