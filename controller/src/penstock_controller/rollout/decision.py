"""What a pass wants done, as data. Each stands by itself: one that is refused holds up no other, and is not lost.

Whatever is still to be done is found again by the next pass, from what it sees. Actions come in families, by what they
change; each family has a port of its own that executes it.
"""

from dataclasses import dataclass, field
from typing import Literal

from penstock_contracts.api.registry_write import GateOutcome
from penstock_contracts.api.retrain import RetrainingJob
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.rollout.observation import Bounds, ChildKind


@dataclass(frozen=True, kw_only=True)
class CreateWorkload:
    """Make the revision's Service and Deployment by its record; where it has none, the record by spec.predictor."""

    revision: str
    version: str
    digest: str
    replicas: int


@dataclass(frozen=True, kw_only=True)
class ScaleWorkload:
    """Change the number of pods."""

    revision: str
    replicas: int


@dataclass(frozen=True, kw_only=True)
class ReplacePod:
    """Have exactly this pod leave, as a drain of its node would: its Deployment makes another one."""

    revision: str
    pod: str
    uid: str


@dataclass(frozen=True, kw_only=True)
class SetAutoscaler:
    """Let the revision's number of pods follow its load from now on, or within other bounds."""

    revision: str
    bounds: Bounds


@dataclass(frozen=True, kw_only=True)
class RemoveAutoscaler:
    """Let the revision's number of pods stay as it is."""

    revision: str


@dataclass(frozen=True, kw_only=True)
class RestoreChild:
    """Make an object of the revision again, or put it back to what is declared."""

    revision: str
    kind: ChildKind
    why: str = field(default="", compare=False)
    """What is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class MarkPromoted:
    """Note on the workload that it became stable, so that a lost status can be rebuilt."""

    revision: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class ForgetPromotion:
    """Take that note back: the revision failed in its bake."""

    revision: str


@dataclass(frozen=True, kw_only=True)
class DeleteWorkload:
    """Remove the revision's Deployment and all that belongs to it."""

    revision: str


@dataclass(frozen=True, kw_only=True)
class StartJob:
    """Make a retraining Job. Its number stands in status already; one that is made is not made again."""

    name: str
    started_at: str
    """As in status: by it the Job is told from one of an earlier life of that status."""
    reason: str
    stable_version: str


@dataclass(frozen=True, kw_only=True)
class CallWebhook:
    """Have a training's webhook called, until it has answered. Its name stands in status already."""

    training: RetrainingJob


WorkloadAction = (
    CreateWorkload | ScaleWorkload | ReplacePod | RestoreChild | MarkPromoted | ForgetPromotion | DeleteWorkload
)
"""On the Deployment of a revision and what belongs to it."""
AutoscalerAction = SetAutoscaler | RemoveAutoscaler
"""On who says a revision's number of pods."""
RevisionAction = WorkloadAction | AutoscalerAction
"""On objects of a revision: what is refused of these, or does not last, is told in ChildrenApplied."""
JobAction = StartJob | CallWebhook
"""On trainings: what becomes of these stands in `status.retraining`."""
Action = RevisionAction | JobAction


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """A transition that users are told of: an Event, a log line and a metric with the same reason word."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    attempt: int
    completion: str = ""
    """Set exactly on the one that ends an attempt."""
    started_at: str = ""
    """Set with `completion`: when the attempt began (RFC 3339). After a lost status its number may be given again."""
    gates: tuple[GateOutcome, ...] = ()
    """Set with `completion`: what each gate said."""
    of_retraining: bool = False
    """It tells of training, not of a rollout."""
    refusal: bool = False
    """It tells of a version that was refused before it was tried."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The outcome of one pass."""

    status: ModelDeploymentStatus
    actions: tuple[Action, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    requeue_after: float | None = None
    """Seconds until the next pass is due without any event; None: only an event or the slow resync."""
