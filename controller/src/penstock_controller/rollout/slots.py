"""Attempts that nobody but the administrator asked for: the same bytes in other predictor pods. They take turns.

A new predictor image makes another revision of every ModelDeployment at the same moment. So many are on trial at a
time, and where one failed the others wait: what is wrong is the image, and it is wrong for all of them. They wait until
a retry has shown that it is not: that one is under way says nothing yet.
"""

from dataclasses import dataclass

from penstock_contracts.api.status import LONGEST_FAILURE, ModelDeploymentStatus, Refusal, Stable, UpgradeFailure
from penstock_contracts.base import evolve
from penstock_controller.rollout.observation import Observation, RefusedVersion, Target, Unresolved, Wanted
from penstock_controller.rollout.refusal import is_refused
from penstock_controller.rollout.timestamps import stamp


@dataclass(frozen=True, kw_only=True)
class SlotState:
    """What a resource's last pass left, as far as it matters to others."""

    on_trial: bool
    """It has an attempt under way, whoever asked for it."""
    failure: str = ""
    """Why the pods that are wanted now failed here, and have not served here since; empty: they did not fail."""
    failed_at: str = ""
    """When (RFC 3339)."""
    passed_at: str = ""
    """When they served here after they had failed (RFC 3339); empty: not."""


def wants_turn(status: ModelDeploymentStatus, target: Target, generation: int, *, paused: bool, pods: str) -> bool:
    """Whether such an attempt would begin now. `generation`: of the spec; `paused`: by the spec; `pods`: as wanted."""
    if paused or status.candidate or status.previous or status.stable is None:
        return False
    if not isinstance(target, Wanted) or not _is_upgrade(status.stable, target):
        return False
    if status.refused and is_refused(status.refused, target, generation):
        return False
    # They failed here and are not refused any more: a person wants to see them tried again.
    known = _known_failure(status, pods)
    retried = known is not None and known.passed_at is None
    return not retried and status.stable.generation in {0, generation}


def standing(status: ModelDeploymentStatus, target: Target, pods: str) -> SlotState:
    """What a pass left. `pods`: what the administrator wants of predictor pods now."""
    on_trial = bool(status.candidate or status.previous)
    failure = _failure(status, target, pods)
    if failure is None:
        return SlotState(on_trial=on_trial)
    if failure.passed_at:
        return SlotState(on_trial=on_trial, passed_at=failure.passed_at)
    if not on_trial and not _may_be_tried(target):
        return SlotState(on_trial=False)
    return SlotState(on_trial=on_trial, failure=failure.message, failed_at=failure.failed_at)


def update(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """The status with what this pass has shown of the pods that the administrator wants."""
    target, pods = observation.target, observation.pods
    if not isinstance(target, Wanted) or status.candidate or status.previous or status.stable is None:
        return status
    failure = _failure(status, target, pods)
    if status.stable.revision == target.revision:
        # What failed in other pods than these is past.
        # After the failure in any case, whatever the clock has done since.
        if failure and failure.passed_at is None:
            failure = evolve(failure, passed_at=max(stamp(observation.now), failure.failed_at))
        return evolve(status, upgrade_failure=failure)
    return evolve(status, upgrade_failure=failure or status.upgrade_failure)


def _may_be_tried(target: Target) -> bool:
    """Whether a retry could end it. Where it cannot, nobody is to wait for one."""
    match target:
        case Wanted():
            return True
        case Unresolved():
            return not target.permanent
        case RefusedVersion():
            return False


def _failure(status: ModelDeploymentStatus, target: Target, pods: str) -> UpgradeFailure | None:
    """How the pods that are wanted now failed here last, as the refusal that stands says or as it is remembered."""
    known, refused = _known_failure(status, pods), _refusal(status, target)
    if refused is None:
        return known
    ends = [record.ended_at for record in status.history if record.revision == refused.revision]
    return UpgradeFailure(pods=pods, message=refused.message[:LONGEST_FAILURE], failed_at=ends[0] if ends else "")


def _known_failure(status: ModelDeploymentStatus, pods: str) -> UpgradeFailure | None:
    failure = status.upgrade_failure
    return failure if failure and failure.pods == pods else None


def _refusal(status: ModelDeploymentStatus, target: Target) -> Refusal | None:
    """An attempt that failed after an edit of the spec says nothing of the administrator's part."""
    stable, refused = status.stable, status.refused
    if stable is None or refused is None or stable.generation not in {0, refused.generation}:
        return None
    return refused if _failed(stable, refused, target) else None


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
