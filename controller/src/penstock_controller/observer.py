"""What one pass sees: everything around one resource, as one frozen observation."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.effects import Effects
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.evidence import ComparedCards, LabelledPairs, LiveData, MissingEvidence, PairedOutputs
from penstock_controller.gates.looks import OutsideLooks
from penstock_controller.live_aliases import LiveAliases
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.monitor_watch import MonitorWatch
from penstock_controller.notification_outbox import NotificationOutbox
from penstock_controller.ports import (
    Announcer,
    ModelDeployment,
    ModelDeployments,
    ResourceKey,
    TrafficProvider,
    Trainings,
    Workloads,
)
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.registry_watch import RegistryWatch, Resolution
from penstock_controller.rollout import (
    labelled_pairs,
    paired_outputs,
    questions,
    reading_times,
    slots,
    verdicts,
    write_back,
)
from penstock_controller.rollout.live_data import judged_data, monitoring
from penstock_controller.rollout.monitor_answer import Monitoring
from penstock_controller.rollout.observation import Observation, Reading, Target
from penstock_controller.targets import Targets, named_version
from penstock_controller.turns import Turns


@dataclass(frozen=True, kw_only=True)
class PassAdapters:
    """The adapters that a pass uses."""

    resources: ModelDeployments
    workloads: Workloads
    traffic: TrafficProvider
    effects: Effects
    trainings: Trainings
    announcer: Announcer


@dataclass(frozen=True, kw_only=True)
class BesidePasses:
    """What goes on beside the passes over all resources, and is asked by each."""

    registry: RegistryWatch
    outbox: RegistryOutbox
    targets: Targets
    turns: Turns
    live_aliases: LiveAliases
    drift: DriftWatch
    measurements: MeasurementWatch
    notifications: NotificationOutbox
    divergence: MonitorWatch[DivergenceWish, DivergenceReport]
    quality: MonitorWatch[PairedQualityWish, PairedQualityReport]


class PassObserver:
    """Asks the adapters, and what goes on beside the passes, all at once."""

    def __init__(
        self,
        adapters: PassAdapters,
        beside: BesidePasses,
        *,
        clock: Callable[[], datetime],
        url: Callable[[ResourceKey], str],
    ) -> None:
        """`url`: where a resource's model answers."""
        self._adapters = adapters
        self._beside = beside
        self.clock = clock
        self._url = url
        self._brought_on: set[ResourceKey] = set()
        """Resources that this process has brought on: their running times are by its clock."""

    async def observe(self, resource: ModelDeployment) -> Observation:
        """What there is now. Raises ClusterAway; what else is away is part of what there is."""
        key, adapters, beside = resource.key, self._adapters, self._beside
        now = self.clock()
        resolution = beside.registry.follow(key, resource.spec.registry)
        created = resource.raw["metadata"]["creationTimestamp"]
        claim = beside.live_aliases.ask(key, resource.spec.registry, created)
        looks, refusals = self._outside(resource)
        (target, cards), children, gateways, readings, jobs = await asyncio.gather(
            self._target(resource, resolution),
            adapters.workloads.observe(resource),
            adapters.traffic.observe(key),
            self._evidence(resource, now, looks),
            adapters.trainings.view(resource),
        )
        monitored = self._monitoring(resource)
        parts: dict[type, object] = {
            ComparedCards: cards,
            OutsideLooks: looks,
            PairedOutputs: self._pairs(resource),
            LabelledPairs: self._labelled(resource),
            LiveData: judged_data.part(resource.spec, resource.status, monitored),
        }
        pods, paused = beside.targets.pods, resource.spec.paused
        wants = slots.wants_turn(resource.status, target, resource.generation, paused=paused, pods=pods)
        return Observation(
            now=now,
            resumed=key not in self._brought_on,
            turn=beside.turns.ask(key, wants=wants),
            pods=pods,
            generation=resource.generation,
            target=target,
            workloads={workload.revision: workload for workload in children.workloads},
            remains=children.remains,
            foreign=children.foreign,
            hindrances=adapters.effects.hindrances(key),
            gateways=gateways,
            capabilities=adapters.traffic.capabilities,
            registry_problem=resolution.away if resolution else "",
            registry_answers=beside.outbox.offer(key, write_back.due(resource.status, moves_alias=claim.mine)),
            alias_mover=claim.other,
            url=self._url(key),
            evidence=readings,
            measured=tuple(part for part in parts.values() if part and not isinstance(part, MissingEvidence)),
            not_measured={kind: part for kind, part in parts.items() if isinstance(part, MissingEvidence)},
            outside_refusals=refusals,
            named=named_version(resolution),
            words=resource.words,
            monitoring=monitored,
            jobs=jobs,
            notified=beside.notifications.offer(resource),
        )

    async def _target(
        self, resource: ModelDeployment, resolution: Resolution | None
    ) -> tuple[Target, ComparedCards | MissingEvidence | None]:
        target = await self._beside.targets.target(resource, resolution)
        return target, await self._beside.targets.compared_cards(resource.status, target)

    def _monitoring(self, resource: ModelDeployment) -> Monitoring:
        """What is known of live data. The monitor is asked beside the passes."""
        key, status, drift = resource.key, resource.status, resource.spec.drift
        if drift is None:
            return self._beside.drift.leave(key, known_there=status.drift is not None)
        wish, retrain = monitoring.wish(resource.spec, status), resource.spec.retrain
        least = retrain.min_labels if retrain else 0
        return self._beside.drift.follow(key, wish, duration.seconds(drift.interval), least_labels=least)

    def _pairs(self, resource: ModelDeployment) -> PairedOutputs | MissingEvidence | None:
        """What is known of predictions for the same inputs. The monitor is asked beside the passes."""
        wish, interval = paired_outputs.wish(resource.spec, resource.status), resource.spec.analysis.interval
        answer = self._beside.divergence.follow(resource.key, wish, duration.seconds(interval))
        return paired_outputs.part(resource.spec, resource.status, answer)

    def _labelled(self, resource: ModelDeployment) -> LabelledPairs | MissingEvidence | None:
        """What is known of both versions' quality. The monitor is asked beside the passes."""
        wish, interval = labelled_pairs.wish(resource.spec, resource.status), resource.spec.analysis.interval
        answer = self._beside.quality.follow(resource.key, wish, duration.seconds(interval))
        return labelled_pairs.part(resource.spec, resource.status, answer)

    def _outside(self, resource: ModelDeployment) -> tuple[OutsideLooks | None, Mapping[str, str]]:
        """What services outside said last, and which of its gates are refused. They are asked beside the passes."""
        key, spec, watch = resource.key, resource.spec, self._beside.measurements
        entries = questions.entries(spec)
        if not entries:
            watch.forget(key)
            return None, {}
        asked = questions.questions(
            spec,
            resource.status,
            namespace=key.namespace,
            name=key.name,
            uid=str(resource.raw["metadata"].get("uid", "")),
            url=self._url(key),
        )
        looks = watch.follow(key, asked, duration.seconds(spec.analysis.interval))
        return OutsideLooks(looks=looks), watch.refusals(entries, key.namespace)

    async def _evidence(
        self, resource: ModelDeployment, now: datetime, measured: OutsideLooks | None
    ) -> tuple[Reading, ...] | None:
        """One snapshot in each interval feeds all gates; one before its time, where an answer turns a verdict."""
        spec, status = resource.spec, resource.status
        turned = measured is not None and verdicts.turned_by(status, gates_of(spec.analysis), measured)
        if not (turned or reading_times.due(spec, status, now)):
            return None
        return await self._adapters.traffic.evidence(resource.key, resource.status.attempt)

    def passed(self, key: ResourceKey, status: ModelDeploymentStatus, observation: Observation) -> None:
        """A pass came to its end and left this status: others may be waiting for that."""
        self._brought_on.add(key)
        self._beside.turns.note(key, slots.standing(status, observation.target, observation.pods))

    def skip(self, key: ResourceKey) -> None:
        """The resource cannot be read: nobody waits for it."""
        self._beside.turns.skip(key)
        self._beside.live_aliases.forget(key)

    def remove(self, key: ResourceKey) -> None:
        """The resource is gone, and what is kept of it elsewhere goes too."""
        self._beside.drift.remove(key)

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        beside = self._beside
        for part in (
            beside.registry,
            beside.outbox,
            beside.turns,
            beside.live_aliases,
            beside.drift,
            beside.measurements,
            beside.divergence,
            beside.quality,
            beside.notifications,
        ):
            part.forget(key)
        self._brought_on.discard(key)
