"""Attempts that nobody but the administrator asked for: the same bytes in other predictor pods. They take turns.

A new predictor image makes another revision of every ModelDeployment at the same moment. So many are on trial at a
time, and where one failed the others wait: what is wrong is the image, and it is wrong for all of them.
"""

from dataclasses import dataclass

from penstock_controller.api.status import ModelDeploymentStatus, Refusal, Stable
from penstock_controller.rollout.observation import Target, Unresolved, Wanted
from penstock_controller.rollout.refusal import is_refused


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a resource's last pass left, as far as it matters to others."""

    on_trial: bool
    """It has an attempt under way, whoever asked for it."""
    failure: str = ""
    """Why its attempt with the pods that are wanted now ended; empty: it did not fail."""


def wants_turn(status: ModelDeploymentStatus, target: Target, generation: int, *, paused: bool) -> bool:
    """Whether such an attempt would begin now. `generation`: of the spec; `paused`: by the spec."""
    if paused or status.candidate or status.previous or status.stable is None:
        return False
    if not isinstance(target, Wanted) or not _is_upgrade(status.stable, target):
        return False
    refused = status.refused and is_refused(status.refused, target, generation)
    return not refused and status.stable.generation in {0, generation}


def standing(status: ModelDeploymentStatus, target: Target) -> Standing:
    """What a pass left."""
    return Standing(on_trial=bool(status.candidate or status.previous), failure=_failure(status, target))


def _failure(status: ModelDeploymentStatus, target: Target) -> str:
    """An attempt that failed after an edit of the spec says nothing of the administrator's part."""
    stable, refused = status.stable, status.refused
    if stable is None or refused is None or stable.generation not in {0, refused.generation}:
        return ""
    return refused.message if _failed(stable, refused, target) else ""


def _failed(stable: Stable, refused: Refusal, target: Target) -> bool:
    match target:
        case Wanted():
            return _is_upgrade(stable, target) and refused.revision == target.revision
        case Unresolved(permanent=False):
            # After a restart, or while registry or store is away: until more is known, what stands in status holds.
            return refused.revision is not None and refused.version == stable.version
        case _:
            return False


def _is_upgrade(stable: Stable, wanted: Wanted) -> bool:
    return wanted.digest == stable.digest and wanted.revision != stable.revision
