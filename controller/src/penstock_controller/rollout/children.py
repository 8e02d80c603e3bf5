"""What is to be done so that the objects of revisions are there and as declared, and what is told where they are not.

All of it is found anew by each pass from what it sees: an action that was refused is simply wanted again.
"""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Completion, ModelDeploymentStatus, Revision
from penstock_controller.rollout.decision import (
    CreateWorkload,
    ForgetPromotion,
    MarkPromoted,
    RestoreChild,
    RevisionAction,
)
from penstock_controller.rollout.observation import ChildKind, Observation, Wanted, Workload

APPLIED = "ChildrenApplied"
"""The condition that says whether the objects of revisions are there and as declared."""
_BY_WEIGHT = (Reason.REFUSED, Reason.BEING_DELETED, Reason.NOT_ANSWERED, Reason.CONTESTED, Reason.FOREIGN_OBJECT)
"""Reasons of hindrances: the first that there is becomes the condition's."""
_MOST = 10
"""Sentences that the condition's message has."""


def restorations(status: ModelDeploymentStatus, observation: Observation) -> tuple[RevisionAction, ...]:
    """The objects of pointers' workloads that are to be made again or put back. What users need comes first."""
    candidate = status.candidate if status.candidate and status.candidate.ending is None else None
    pointers = [pointer for pointer in (status.stable, status.previous, candidate) if pointer]
    workloads = [workload for each in pointers if (workload := observation.workloads.get(each.revision))]
    return tuple(
        RestoreChild(revision=workload.revision, kind=difference.kind, why=difference.why)
        for kind in (ChildKind.SERVICE, ChildKind.DEPLOYMENT, ChildKind.RECORD, ChildKind.BUDGET)
        for workload in workloads
        for difference in workload.differences
        if difference.kind is kind
    )


def create(target: Revision | Wanted, replicas: int) -> CreateWorkload:
    """The action that makes a workload; one that served already by its record, whatever is wanted today."""
    return CreateWorkload(revision=target.revision, version=target.version, digest=target.digest, replicas=replicas)


def marks(status: ModelDeploymentStatus, observation: Observation) -> tuple[RevisionAction, ...]:
    """What is to be noted on workloads so that a lost status could be rebuilt: stable has the highest number."""
    stable = status.stable
    workload = observation.workloads.get(stable.revision) if stable else None
    if stable is None or workload is None:
        return ()
    number = _promoted_in(status, stable) or workload.promoted_attempt or status.attempt
    marked = MarkPromoted(revision=stable.revision, attempt=number)
    leaving = [item.revision for item in (*((status.candidate,) if status.candidate else ()), *status.retiring)]
    forgotten = (
        ForgetPromotion(revision=revision)
        for revision in leaving
        if (item := observation.workloads.get(revision)) and (item.promoted_attempt or 0) >= number
    )
    return (*forgotten, *(() if workload.promoted_attempt == number else (marked,)))


def _promoted_in(status: ModelDeploymentStatus, stable: Revision) -> int | None:
    """The attempt in which stable became it; None: not known any more."""
    if status.previous:
        return status.previous.attempt
    records = (record for record in status.history if record.completion is Completion.PROMOTED)
    return next((record.attempt for record in records if record.revision == stable.revision), None)


def hindrance_of(observation: Observation, revision: str) -> str:
    """What keeps a revision from what it needs, behind a sentence; empty: nothing that is known."""
    known = [item.message for item in observation.hindrances if item.revision == revision]
    return f": {known[0]}" if known else ""


def applied_state(observation: Observation) -> tuple[bool, str, str]:
    """The condition: whether nothing keeps the objects from being as declared, the reason, and a message."""
    found = [(item.reason, item.message) for item in observation.hindrances]
    found += [(Reason.FOREIGN_OBJECT, message) for message in observation.foreign]
    found += [(Reason.FOREIGN_OBJECT, _other_autoscaler(item)) for item in observation.workloads.values()]
    found = [(reason, message) for reason, message in found if message]
    if found:
        reason = min((reason for reason, _ in found), key=_weight)
        ordered = sorted(dict.fromkeys(found), key=lambda item: (_weight(item[0]), item[1]))
        return False, reason, "; ".join(message for _, message in ordered[:_MOST])
    return True, Reason.APPLIED, ""


def _other_autoscaler(workload: Workload) -> str:
    """What is told of somebody else's autoscaler; empty: there is none."""
    if not workload.other_autoscaler:
        return ""
    left = f"{workload.other_autoscaler} sets the number of pods of revision {workload.revision}, which is left to it"
    return f"{left}: delete it, or say the numbers in spec.predictor (minReplicas, maxReplicas)"


def _weight(reason: str) -> int:
    return _BY_WEIGHT.index(reason) if reason in _BY_WEIGHT else len(_BY_WEIGHT)
