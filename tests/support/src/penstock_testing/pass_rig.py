"""One pass with all that is around it as plain values: every port at once, each call of which may be made to fail."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from penstock_contracts.api.retrain import RetrainingJob
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.base import evolve
from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, IngestPhase, IngestStatus, ModelCard
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.traffic import Traffic
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.effects import Effects, Executors
from penstock_controller.live_aliases import LiveAliases
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.monitor_watch import MonitorWatch
from penstock_controller.observer import BesidePasses, PassAdapters, PassObserver
from penstock_controller.ports import ModelDeployment, ResourceKey, TrafficProvider
from penstock_controller.reconcile import Reconciler
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.retraining_jobs import RetrainingJobs
from penstock_controller.rollout.decision import Action, Announcement, RevisionAction, StartJob
from penstock_controller.rollout.job_sighting import JobSighting, JobState
from penstock_controller.rollout.observation import Children, GatewayPod, Reading, RegistryVersion
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities
from penstock_controller.rollout.trouble import PassTrouble
from penstock_controller.targets import Targets
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.turns import Turns
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import ABLE_TO_DO_ALL, spec
from penstock_testing.scripted_measurements import ScriptedMeasurements, measurement_watch
from penstock_testing.scripted_pipelines import ScriptedPipelines, webhook_outbox
from penstock_testing.scripted_receivers import ScriptedReceivers, notification_outbox

DivergenceWatch = MonitorWatch[DivergenceWish, DivergenceReport]
QualityWatch = MonitorWatch[PairedQualityWish, PairedQualityReport]

KEY = ResourceKey("ns", "m")
RAW: dict[str, Any] = {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}
_START = datetime(2026, 1, 1, tzinfo=UTC)


def card(digest: str) -> ModelCard:
    """A model of which only the digest matters. `digest`: one hexadecimal digit."""
    return ModelCard(
        digest="sha256:" + digest * 64,
        files=(),
        model_path="model.onnx",
        inputs=(),
        outputs=(),
        golden=Golden(
            source=GoldenSource.SIGNATURE,
            request=InferRequest(inputs=()),
            response=InferResponse(model_name="m", outputs=()),
        ),
    )


CARD = card("a")


@dataclass
class Outside:
    """Every port at once; `failing` names a call and what it raises."""

    resource: ModelDeployment | None = field(
        default_factory=lambda: ModelDeployment(
            key=KEY, generation=1, spec=spec(), status=ModelDeploymentStatus(), raw=RAW
        )
    )
    version: str = "1"
    """What the alias names."""
    ingest_status: IngestStatus = field(default_factory=lambda: IngestStatus(phase=IngestPhase.READY, card=CARD))
    found: Children = field(default_factory=Children)
    pods: tuple[GatewayPod, ...] = ()
    failing: dict[str, Exception] = field(default_factory=dict)
    refused: dict[type[Action], Exception] = field(default_factory=dict)
    """Actions, and what each raises."""
    calls: list[str] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    told: list[Announcement] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Versions that the store was asked for."""
    jobs: dict[str, JobSighting] = field(default_factory=dict)
    """Jobs that are there."""
    seconds: float = 0.0
    """Since the beginning, by all clocks."""

    def call(self, name: str) -> None:
        """Note a call, and fail where that is wanted of it."""
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]

    def now(self) -> datetime:
        """The time of day."""
        return _START + timedelta(seconds=self.seconds)

    async def resolve(self, reference: RegistryRef) -> RegistryVersion:
        self.call("resolve")
        return RegistryVersion(version=self.version, created_at_ms=int(self.version))

    async def record(self, entry: Entry, tag: Tag | None) -> None:
        self.call("record")

    async def ingest(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        self.call("ingest")
        self.asked.append(version.version)
        return self.ingest_status

    async def card(self, digest: str) -> ModelCard | None:
        """The card of any digest: all take and answer the same."""
        self.call("card")
        return evolve(CARD, digest=digest)

    async def keys(self) -> tuple[ResourceKey, ...]:
        self.call("keys")
        return (KEY,) if self.resource else ()

    async def read(self, key: ResourceKey) -> ModelDeployment | None:
        self.call("read")
        return self.resource

    async def write_status(self, resource: ModelDeployment, status: ModelDeploymentStatus) -> None:
        self.call("write_status")
        self.resource = replace(resource, status=status)

    async def tell(self, key: ResourceKey, trouble: PassTrouble, now: datetime) -> bool:
        self.call("tell")
        return True

    async def execute(self, resource: ModelDeployment, action: RevisionAction) -> None:
        self.call("execute")
        if type(action) in self.refused:
            raise self.refused[type(action)]
        self.done.append(action)

    async def announce(self, resource: ModelDeployment, announcement: Announcement) -> bool:
        self.call("announce")
        if announcement in self.told:
            return False
        self.told.append(announcement)
        return True

    async def check(self, resource: ModelDeployment) -> None:
        self.call("check")

    async def look(self, resource: ModelDeployment, job: RetrainingJob) -> JobSighting:
        self.call("look")
        return self.jobs.get(job.name, JobSighting(state=JobState.MISSING))

    async def create(self, resource: ModelDeployment, job: StartJob) -> None:
        self.call("create")
        self.jobs[job.name] = JobSighting(state=JobState.RUNNING)

    @property
    def status(self) -> ModelDeploymentStatus:
        """As the resource has it now."""
        assert self.resource is not None
        return self.resource.status


@dataclass
class OutsideWorkloads:
    """The objects of revisions: `observe` is a word of two ports."""

    outside: Outside

    async def observe(self, resource: ModelDeployment) -> Children:
        self.outside.call("workloads")
        return self.outside.found

    async def execute(self, resource: ModelDeployment, action: RevisionAction) -> None:
        await self.outside.execute(resource, action)


@dataclass
class OutsideTraffic:
    """Gateway pods that can do all that a spec asks for, and count nothing yet."""

    outside: Outside
    capabilities: TrafficCapabilities = ABLE_TO_DO_ALL

    async def publish(self, resource: ModelDeployment, traffic: Traffic | None) -> None:
        self.outside.call("publish")

    async def observe(self, key: ResourceKey) -> tuple[GatewayPod, ...]:
        self.outside.call("gateways")
        return self.outside.pods

    async def evidence(self, key: ResourceKey, attempt: int) -> tuple[Reading, ...]:
        self.outside.call("evidence")
        return ()


async def resolved(watch: RegistryWatch) -> None:
    """The registry has answered once."""
    await watch._round("default", is_whole=True)


def _turns() -> Turns:
    made = Turns(1, lambda _: None)
    made.expect(())
    return made


def _aliases() -> LiveAliases:
    made = LiveAliases(lambda _: None)
    made.expect(())
    return made


def reconciler(
    outside: Outside,
    drift: DriftWatch | None = None,
    *,
    traffic: TrafficProvider | None = None,
    measurements: MeasurementWatch | None = None,
    divergence: DivergenceWatch | None = None,
    quality: QualityWatch | None = None,
) -> tuple[Reconciler, RegistryWatch]:
    """A reconciler of a process that has just begun, and the watch on the registry that it asks."""
    telemetry = ControllerTelemetry(CollectorRegistry())
    watch = RegistryWatch(outside, ["default"], lambda _: None, interval=1)
    workloads = OutsideWorkloads(outside)

    def clock() -> float:
        return outside.seconds

    trainings = RetrainingJobs(outside, webhook_outbox(ScriptedPipelines(), telemetry), telemetry, clock)
    executors = Executors(workloads=workloads, autoscalers=outside, trainings=trainings)
    adapters = PassAdapters(
        resources=outside,
        workloads=workloads,
        effects=Effects(executors, telemetry, clock),
        trainings=trainings,
        traffic=traffic or OutsideTraffic(outside),
        announcer=outside,
    )
    beside = BesidePasses(
        registry=watch,
        outbox=RegistryOutbox(outside, ["default"], telemetry, lambda _: None),
        targets=Targets(outside, Placement(image="predictor:1", store_url="http://store:8080")),
        turns=_turns(),
        live_aliases=_aliases(),
        drift=drift or DriftWatch(None, lambda _: None),
        measurements=measurements or measurement_watch(ScriptedMeasurements()),
        notifications=notification_outbox(ScriptedReceivers(), telemetry),
        divergence=divergence or MonitorWatch(None, lambda _: None, what=""),
        quality=quality or MonitorWatch(None, lambda _: None, what=""),
    )
    observer = PassObserver(adapters, beside, clock=outside.now, url=lambda key: f"http://gateway/{key}")
    return Reconciler(adapters, observer, telemetry, resync=60.0), watch
