"""The tag by which a version shows what became of it: one for each resource that has tried it."""

import json
from collections.abc import Iterator

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.gate_outcomes import document
from penstock_controller.rollout.registry_entry import Tag

LONGEST = 5000
"""Characters that every MLflow takes."""
_CUT = "..."
_SHORTEST = 100
"""Characters of a message for which there is room, whatever they are."""


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
    gates = [document(gate) for gate in outcome.gates]
    return next(text for text in _shorter(fields, gates) if len(text) <= LONGEST)


def _shorter(fields: dict[str, object], gates: list[dict[str, object]]) -> Iterator[str]:
    """The value, and then each time a shorter one: of the gates that come last, numbers go first, then the message."""
    yield _dumped(fields, gates)
    for gate in reversed(gates):
        del gate["figures"], gate["bounds"]
        yield _dumped(fields, gates)
    message = whole = str(fields["message"])
    while message:
        # Quotes and control characters take more room than they count.
        message = message[: len(message) * 3 // 4]
        yield _dumped({**fields, "message": message + _CUT}, gates)
    yield _dumped({**fields, "message": whole[:_SHORTEST] + _CUT}, [])


def _dumped(fields: dict[str, object], gates: list[dict[str, object]]) -> str:
    return json.dumps({**fields, **({"gates": gates} if gates else {})}, ensure_ascii=False)
