"""What every phase function gets, and what it answers."""

from dataclasses import dataclass, replace

from penstock_contracts.traffic import Traffic
from penstock_controller.api import duration
from penstock_controller.api.v1alpha1 import Candidate, ModelDeploymentSpec, ModelDeploymentStatus, Phase
from penstock_controller.rollout import routing
from penstock_controller.rollout.actions import Action, Announcement
from penstock_controller.rollout.observation import Observation, Workload

SOON = 0.2
"""Seconds: an acknowledgement is a matter of milliseconds."""
SHORTLY = 1.0
"""Seconds: pods start; their events wake us too."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The wish, the last status and the snapshot."""

    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus
    observation: Observation

    @property
    def timeout(self) -> float:
        """Seconds that a request may take."""
        return duration.seconds(self.spec.predictor.timeout)

    @property
    def replicas(self) -> int:
        """Pods of a revision that may get all requests."""
        return self.spec.predictor.min_replicas

    def workload(self, revision: str) -> Workload | None:
        """A revision's workload; None: it does not exist."""
        return self.observation.workloads.get(revision)

    def with_status(self, status: ModelDeploymentStatus) -> "Situation":
        """The same wish and snapshot, seen with a status that this pass has moved on."""
        return replace(self, status=status)

    def acknowledged(self) -> bool:
        """Whether every gateway pod has the wish active."""
        return routing.acknowledged(self.status.traffic, self.observation.gateways)

    def resting_phase(self) -> Phase:
        """The phase when nothing is on trial."""
        stable = self.status.stable
        if stable is None:
            return Phase.DEGRADED if self.status.refused else Phase.PENDING
        workload = self.workload(stable.revision)
        return Phase.HEALTHY if workload and workload.ready > 0 else Phase.DEGRADED

    def weighted(self, first: str, *others: str) -> Traffic:
        """Everything to `first`; the others, and what is still draining, stay known with weight 0."""
        traffic = self.status.traffic
        draining = [item.revision for item in self.status.retiring if routing.known(traffic, item.revision)]
        weights = {first: 100, **dict.fromkeys((*others, *draining), 0)}
        return routing.asked(traffic, weights, self.timeout)


@dataclass(frozen=True, kw_only=True)
class Step:
    """The status that a phase function leads to, and what is to be done for it."""

    status: ModelDeploymentStatus
    actions: tuple[Action, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    look_again: float | None = None


def waiting(
    situation: Situation,
    candidate: Candidate,
    why: str,
    *,
    look_again: float,
    actions: tuple[Action, ...] = (),
    traffic: Traffic | None = None,
    phase: Phase | None = None,
) -> Step:
    """The candidate stays on trial; users are told what it waits for."""
    status = situation.status.model_copy(
        update={
            "phase": phase or situation.status.phase,
            "message": f"version {candidate.version}: {why}",
            "traffic": traffic or situation.status.traffic,
        }
    )
    return Step(status=status, actions=actions, look_again=look_again)
