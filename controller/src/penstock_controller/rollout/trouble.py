"""What a status says while the passes over its resource fail: as plain data, for it may be what cannot be parsed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock_contracts.api.reasons import Reason
from penstock_controller.rollout.timestamps import stamp

Status = Mapping[str, Any]
PASS_FAILING, INVALID = Reason.PASS_FAILING, Reason.INVALID_RESOURCE
_NUMBERS = re.compile(r"\d+")
"""What differs from one try to the next: versions of objects, times."""


@dataclass(frozen=True, kw_only=True)
class PassTrouble:
    """Why no pass comes to its end."""

    reason: str
    message: str


def status_with_trouble(status: Status, trouble: PassTrouble, generation: int, now: datetime) -> dict[str, Any] | None:
    """The status that tells of it, with all else as it was; None: it tells of it already.

    What serves goes on, so Ready stays what it was. In a first pass nothing serves.
    """
    before = {item.get("type"): item for item in status.get("conditions") or ()}
    if _tells(before.get("Stalled"), trouble, generation):
        return None
    untouched = {"Ready": ("False", trouble.reason, "no pass has come to its end: nothing is known to serve")}
    told = {
        "Reconciling": ("False", trouble.reason, "nothing moves"),
        "Stalled": ("True", trouble.reason, trouble.message[:4096]),
    }
    missing = {kind: said for kind, said in untouched.items() if kind not in before}
    made = {kind: _condition(kind, said, generation, before.get(kind), now) for kind, said in (missing | told).items()}
    return {
        **status,
        "observedGeneration": generation,
        "phase": status.get("phase") or "Degraded",
        "phaseSince": status.get("phaseSince") or stamp(now),
        "reason": trouble.reason,
        "message": "nothing is brought on: condition Stalled says why",
        "conditions": list((before | made).values()),
    }


def _tells(stalled: Status | None, trouble: PassTrouble, generation: int) -> bool:
    if stalled is None or stalled.get("status") != "True" or stalled.get("observedGeneration") != generation:
        return False
    same = _NUMBERS.sub("", str(stalled.get("message"))) == _NUMBERS.sub("", trouble.message[:4096])
    return same and stalled.get("reason") == trouble.reason


def _condition(
    kind: str, said: tuple[str, str, str], generation: int, old: Status | None, now: datetime
) -> dict[str, Any]:
    word, reason, message = said
    since = old["lastTransitionTime"] if old and old.get("status") == word else stamp(now)
    return {
        "type": kind,
        "status": word,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
        "observedGeneration": generation,
    }
