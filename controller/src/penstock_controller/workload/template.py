"""One pod template from two: the administrator's and the resource's, which goes before it."""

from collections.abc import Mapping
from typing import Any

from penstock_contracts.api.pod_template import PodTemplate

Part = dict[str, Any]

_NAMED_BY = {"imagePullSecrets": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists whose items have a name: what has the same name is replaced."""
_BY_KEY = ("nodeSelector", "securityContext", "containerSecurityContext")
"""Joined key by key. All else that the resource names replaces the administrator's."""


def joined(administrators: PodTemplate, resources: PodTemplate | None) -> Part:
    """`{metadata: {labels, annotations}, spec: {...}}` in Kubernetes' words, without what nobody set."""
    under, over = _plain(administrators), _plain(resources)
    metadata = [one.get("metadata", {}) for one in (under, over)]
    return {
        "metadata": {
            part: joint
            for part in ("labels", "annotations")
            if (joint := {**metadata[0].get(part, {}), **metadata[1].get(part, {})})
        },
        "spec": _spec(under.get("spec", {}), over.get("spec", {})),
    }


def _plain(template: PodTemplate | None) -> Part:
    return template.model_dump(mode="json", exclude_none=True) if template else {}


def _spec(under: Part, over: Part) -> Part:
    result = {**under, **over}
    for part in _BY_KEY:
        if part in under and part in over:
            result[part] = {**under[part], **over[part]}
    for part, name in _NAMED_BY.items():
        if part in under and part in over:
            result[part] = _by_name(under[part], over[part], name)
    if "tolerations" in under and "tolerations" in over:
        more = [one for one in over["tolerations"] if one not in under["tolerations"]]
        result["tolerations"] = [*under["tolerations"], *more]
    return result


def _by_name(under: list[Mapping[str, Any]], over: list[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return list({one[name]: one for one in (*under, *over)}.values())
