"""Where a rollout stands, by the pointers of its status alone: one value for each room in `phases/`.

`status.phase` is what users are told; nothing is decided by it.
"""

from dataclasses import dataclass

from penstock_contracts.api.status import Candidate, Ending, ModelDeploymentStatus, Previous, Stable


@dataclass(frozen=True)
class Steady:
    """Nothing is on trial: Pending, Healthy or Degraded."""


@dataclass(frozen=True)
class Initializing:
    """The first version starts."""

    candidate: Candidate


@dataclass(frozen=True)
class OnTrial:
    """A candidate beside stable: Progressing or Paused."""

    candidate: Candidate
    stable: Stable


@dataclass(frozen=True)
class Promoting:
    """The gateway pods are moving all requests to the candidate."""

    candidate: Candidate


@dataclass(frozen=True)
class RollingBack:
    """It is decided that the attempt ends without a promotion."""

    candidate: Candidate
    ending: Ending


@dataclass(frozen=True)
class Baking:
    """Promoted; the version before stays warm."""

    stable: Stable
    previous: Previous


Standing = Steady | Initializing | OnTrial | Promoting | RollingBack | Baking


def standing_of(status: ModelDeploymentStatus) -> Standing:
    """Which pointers there are, and what is decided of the candidate."""
    candidate, stable, previous = status.candidate, status.stable, status.previous
    if candidate is None:
        return Baking(stable, previous) if stable and previous else Steady()
    if candidate.ending:
        return RollingBack(candidate, candidate.ending)
    if candidate.promoting:
        return Promoting(candidate)
    return OnTrial(candidate, stable) if stable else Initializing(candidate)
