"""What `undo` leaves behind: a version that is wanted instead of the one that the resource names."""

from penstock_contracts.api.status import DecisionRecord, Hold, ModelDeploymentStatus, Stable
from penstock_contracts.base import evolve
from penstock_controller.rollout.observation import Observation, RegistryVersion


def held_version(hold: Hold | None, named: RegistryVersion | None, generation: int) -> RegistryVersion | None:
    """The version that is wanted because of a hold; None: what the resource names. An unknown name ends nothing."""
    if hold is None or hold.generation != generation or _moved(hold, named):
        return None
    return RegistryVersion(version=hold.version, created_at_ms=hold.created_at_ms)


def _moved(hold: Hold, named: RegistryVersion | None) -> bool:
    if named is None or hold.alias_version is None:
        return False
    return (named.version, named.created_at_ms) != (hold.alias_version, hold.alias_created_at_ms)


def follow(status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """The status without a hold that is over. One that began while the registry was away learns what is named."""
    hold, named = status.hold, observation.named
    if hold is None:
        return status
    if held_version(hold, named, observation.generation) is None:
        return evolve(status, hold=None)
    if hold.alias_version is None and named:
        learnt = evolve(hold, alias_version=named.version, alias_created_at_ms=named.created_at_ms)
        return evolve(status, hold=learnt)
    return status


def begin(back_to: DecisionRecord, stable: Stable, observation: Observation) -> Hold:
    """The hold that begins now: `stable` is what is undone."""
    named = observation.named
    return Hold(
        version=back_to.version,
        created_at_ms=back_to.created_at_ms,
        digest=back_to.digest,
        refused_version=stable.version,
        refused_digest=stable.digest,
        alias_version=named.version if named else None,
        alias_created_at_ms=named.created_at_ms if named else None,
        generation=observation.generation,
    )


def note(status: ModelDeploymentStatus) -> str:
    """What is told of a hold behind a sentence; empty: there is none."""
    hold = status.hold
    if hold is None:
        return ""
    return f": a person went back from version {hold.refused_version}; until the alias moves, the spec changes or retry"
