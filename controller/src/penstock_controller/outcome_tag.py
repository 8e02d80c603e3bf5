"""The tag by which a version shows what became of it: one for each resource that has tried it."""

import json

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.registry_entry import Tag

LONGEST = 5000
"""Characters that every MLflow takes."""
_CUT = "..."


def outcome_tag(cluster: str, key: ResourceKey, outcome: AttemptOutcome) -> Tag:
    """One tag holds all: it arrives as a whole, and resources that serve the same version do not overwrite each other.

    `cluster`: the administrator's name for it; empty: it has none.
    """
    where = [part for part in (cluster, key.namespace, key.name) if part]
    return Tag(key=".".join(("penstock", *where)), value=_value(cluster, key, outcome))


def _value(cluster: str, key: ResourceKey, outcome: AttemptOutcome) -> str:
    fields: dict[str, object] = {
        "completion": outcome.completion,
        "reason": outcome.reason,
        "message": outcome.message,
        "endedAt": outcome.ended_at,
        "attempt": outcome.attempt,
        "resource": str(key),
        **({"cluster": cluster} if cluster else {}),
    }
    text = _dumped(fields)
    while len(text) > LONGEST:
        # Quotes and control characters take more room than they count.
        message = str(fields["message"]).removesuffix(_CUT)
        fields["message"] = message[: len(message) * 3 // 4] + _CUT
        text = _dumped(fields)
    return text


def _dumped(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False)
