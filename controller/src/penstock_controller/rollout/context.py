"""What every phase function gets, and what it answers."""

from dataclasses import dataclass, replace

from penstock_contracts.api import duration
from penstock_contracts.api.status import Candidate, Ending, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Traffic
from penstock_controller.gates.gate import Gate, StepConditions
from penstock_controller.gates.preflight import Preflight
from penstock_controller.rollout import children, routing, serving, sizing
from penstock_controller.rollout.decision import Announcement, RevisionAction
from penstock_controller.rollout.observation import Observation, Workload
from penstock_controller.rollout.steps import Setting
from penstock_controller.rollout.timestamps import exact_stamp, seconds_since

SOON = 0.2
"""Seconds: an acknowledgement is a matter of milliseconds."""
SHORTLY = 1.0
"""Seconds: pods start; their events wake us too."""

_PROBES = 5.0
"""Seconds in which a pod that works has been seen to be ready."""


@dataclass(frozen=True, kw_only=True)
class RolloutContext:
    """The spec, the last status and the snapshot."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus
    observation: Observation
    gates: tuple[Gate, ...]
    """What a candidate must prove."""
    preflight: Preflight | None = None
    """What it must be like before a pod of it starts."""
    bake_is_over: bool = False
    """A person said promote in the bake."""
    bake_fails: Ending | None = None
    """A person said abort or undo in the bake."""

    @property
    def timeout(self) -> float:
        """Seconds that a request may take."""
        return duration.seconds(self.spec.predictor.timeout)

    @property
    def replicas(self) -> int:
        """Pods of a revision that may get all requests."""
        return sizing.total(self.spec, self.status, self.observation)

    @property
    def patience(self) -> float:
        """Seconds after which a revision on trial without a ready pod is taken for failed: two intervals.

        Readiness is told by probes, which take a few seconds themselves.
        """
        return max(_PROBES, 2 * duration.seconds(self.spec.analysis.interval))

    def conditions(self, setting: Setting) -> StepConditions:
        """What there is to gather evidence from while a setting lasts."""
        mirror = setting.mirror if self.observation.capabilities.mirror else 0
        return StepConditions(spec=self.spec, weight=setting.weight, mirror=mirror, replay=setting.replay)

    def workload(self, revision: str) -> Workload | None:
        """A revision's workload; None: it does not exist."""
        return self.observation.workloads.get(revision)

    def ready(self, revision: str) -> int:
        """Ready pods of a revision."""
        workload = self.workload(revision)
        return workload.ready if workload else 0

    def gone_since(self, before: str | None, *, gone: bool) -> str | None:
        """Since when a revision is gone (RFC 3339); None: it is not. `before`: what the last pass knew."""
        return (before or exact_stamp(self.observation.now)) if gone else None

    def out_of_patience(self, since: str | None) -> bool:
        """Whether a revision has been gone for too long."""
        return since is not None and seconds_since(since, self.observation.now) >= self.patience

    def with_status(self, status: ModelDeploymentStatus) -> "RolloutContext":
        """The same spec and snapshot, seen with a status that this pass has moved on."""
        return replace(self, status=status)

    def with_candidate(self, candidate: Candidate) -> "RolloutContext":
        """The same, with more known of the candidate."""
        return self.with_status(evolve(self.status, candidate=candidate))

    def acknowledged(self) -> bool:
        """Whether every gateway pod has the desired split active."""
        return routing.acknowledged(self.status.traffic, self.observation.gateways)

    def resting_phase(self) -> Phase:
        """The phase when nothing is on trial: Healthy is what has ready pods and is not known to answer nobody."""
        stable = self.status.stable
        if stable is None:
            return Phase.DEGRADED if self.status.refused else Phase.PENDING
        well = self.ready(stable.revision) and not serving.fails(self.status, self.observation)
        return Phase.HEALTHY if well else Phase.DEGRADED


@dataclass(frozen=True, kw_only=True)
class Transition:
    """The status that a phase function leads to, and what is to be done for it."""

    status: ModelDeploymentStatus
    actions: tuple[RevisionAction, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    requeue_after: float | None = None
    spends: str = ""
    """What is waited for while spec.progressDeadline runs; empty: its clock stands still."""


def waiting(
    context: RolloutContext,
    candidate: Candidate,
    why: str,
    *,
    requeue_after: float,
    actions: tuple[RevisionAction, ...] = (),
    traffic: Traffic | None = None,
) -> Transition:
    """The candidate waits for its pods, the gateway or evidence: the deadline's clock runs."""
    # What the API server refuses is what it really waits for, whatever else is missing because of that.
    why += children.hindrance_of(context.observation, candidate.revision)
    step = holding(context, candidate, why, requeue_after=requeue_after, traffic=traffic)
    return replace(step, actions=actions, spends=why)


def holding(
    context: RolloutContext,
    candidate: Candidate,
    why: str,
    *,
    requeue_after: float | None,
    traffic: Traffic | None = None,
    phase: Phase = Phase.PROGRESSING,
) -> Transition:
    """The candidate stays where it is because that is wanted; users are told why."""
    status = evolve(
        context.status,
        phase=phase if context.status.stable or phase is Phase.PROMOTING else Phase.INITIALIZING,
        message=f"version {candidate.version}: {why}"[:4096],
        traffic=traffic or context.status.traffic,
        candidate=candidate,
    )
    return Transition(status=status, requeue_after=requeue_after)
