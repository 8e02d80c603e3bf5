"""What a resource wants now: the registry's version, fetched and checked by the store, as a revision."""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.model_card import IngestPhase, IngestStatus
from penstock_contracts.verdict import Verdict
from penstock_controller.errors import StoreAway
from penstock_controller.gates.evidence import ComparedCards, MissingEvidence
from penstock_controller.ports import ModelDeployment, Store
from penstock_controller.registry_watch import Resolution
from penstock_controller.rollout import hold
from penstock_controller.rollout.observation import RefusedVersion, RegistryVersion, Target, Unresolved, Wanted
from penstock_controller.workload.feature_store import unknown_store
from penstock_controller.workload.objects import pods_of, revision_of
from penstock_controller.workload.placement import Placement


def named_version(resolution: Resolution | None) -> RegistryVersion | None:
    """The version that a resource names; None: not known."""
    return resolution.version if resolution else None


class Targets:
    """Turns a resolution into a target."""

    def __init__(self, store: Store, placement: Placement) -> None:
        self._store = store
        self._placement = placement
        self.pods = pods_of(placement)
        """What the administrator wants of every predictor pod, as a hash."""

    async def target(self, resource: ModelDeployment, resolution: Resolution | None) -> Target:
        """The target of a resource. Never raises for something that is away: that is a target too."""
        held = hold.held_version(resource.status.hold, named_version(resolution), resource.generation)
        if held:
            # Whatever has become of the alias, or of the registry: the store has that version's bytes.
            return await self._checked(resource, held)
        if resolution is None:
            return Unresolved(reason=Reason.ASKING_REGISTRY, message="asking the registry")
        if resolution.missing:
            reason, message = resolution.missing
            return Unresolved(reason=reason, message=message, permanent=True)
        if resolution.version is None:
            return Unresolved(reason=Reason.REGISTRY_AWAY, message=resolution.away)
        return await self._checked(resource, resolution.version)

    async def compared_cards(
        self, status: ModelDeploymentStatus, target: Target
    ) -> ComparedCards | MissingEvidence | None:
        """What the store found of a version that may be about to start, and of stable; None: none is."""
        stable = status.stable
        if not isinstance(target, Wanted) or status.candidate or status.previous:
            return None
        if stable and stable.digest == target.digest:
            return None
        try:
            candidate = await self._store.card(target.digest)
            served = await self._store.card(stable.digest) if stable else None
        except StoreAway as away:
            return MissingEvidence(verdict=Verdict.ERROR, reason=Reason.STORE_AWAY, message=str(away))
        if candidate is None:
            message = f"the model store has lost version {target.version}: it is asked for again"
            return MissingEvidence(verdict=Verdict.ERROR, reason=Reason.FETCHING, message=message)
        if stable and served is None:
            message = (
                f"the model store does not hold version {stable.version}, which serves, so nothing can be compared "
                f"with it; acceptVersion: {target.version} in the gate's entry starts this one all the same"
            )
            return MissingEvidence(verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_COMPARABLE, message=message)
        return ComparedCards(candidate=candidate, stable=served)

    async def _checked(self, resource: ModelDeployment, version: RegistryVersion) -> Target:
        try:
            ingest = await self._store.ingest(resource.spec.registry, version)
        except StoreAway as away:
            return Unresolved(reason=Reason.STORE_AWAY, message=str(away))
        return self._target_of(resource, version, ingest)

    def _target_of(self, resource: ModelDeployment, version: RegistryVersion, ingest: IngestStatus) -> Target:
        if ingest.phase is IngestPhase.REFUSED:
            return RefusedVersion(
                version=version.version,
                created_at_ms=version.created_at_ms,
                reason=ingest.reason,
                message=ingest.message,
            )
        if ingest.card is None:
            message = ingest.message or f"the model store is fetching version {version.version}"
            return Unresolved(reason=ingest.reason or Reason.FETCHING, message=message)
        digest, key = ingest.card.digest, resource.key
        placement = self._placement.of_resource(key.namespace, key.name)
        unknown = unknown_store(resource.spec.predictor.features, placement.feature_stores)
        if unknown:
            return Unresolved(reason=Reason.UNKNOWN_CONNECTION, message=unknown, permanent=True)
        return Wanted(
            version=version.version,
            created_at_ms=version.created_at_ms,
            digest=digest,
            revision=revision_of(key.name, resource.spec, digest, placement),
        )
