"""What the reconciler needs of the world. Each adapter has one of these; none has more than four methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from penstock_contracts.api.retrain import RetrainingJob
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec, RegistryRef
from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.drift import DriftReport, DriftWish
from penstock_contracts.model_card import IngestStatus, ModelCard
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.traffic import Traffic
from penstock_contracts.verbs import Verb
from penstock_controller.gates.looks import LookAnswer
from penstock_controller.messages.post import NotificationPost
from penstock_controller.rollout.decision import Announcement, AutoscalerAction, JobAction, StartJob, WorkloadAction
from penstock_controller.rollout.job_sighting import JobSighting, JobView
from penstock_controller.rollout.observation import Children, GatewayPod, Reading, RegistryVersion
from penstock_controller.rollout.questions import OutsideGate, OutsideQuestion
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities
from penstock_controller.rollout.trouble import PassTrouble
from penstock_controller.workload.webhook_call import WebhookCall


@dataclass(frozen=True, order=True)
class ResourceKey:
    """Names one ModelDeployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ModelDeployment:
    """A ModelDeployment as read: parsed, and raw for the write that must carry its resourceVersion."""

    key: ResourceKey
    generation: int
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus
    words: Mapping[Verb, str] = field(default_factory=dict)
    """What a person says: each verb's annotation."""
    raw: dict[str, Any]


class RegistryReader(Protocol):
    """The model registry."""

    async def resolve(self, reference: RegistryRef) -> RegistryVersion:
        """The version a reference means now. Raises RegistryAway, VersionMissing."""
        ...


class RegistryWriter(Protocol):
    """The model registry, where it is written to."""

    async def record(self, entry: Entry, tag: Tag | None) -> None:
        """Make the registry show an entry, its outcome by this tag; what it shows already is not written again.

        Raises RegistryAway, RegistryRefused, VersionMissing.
        """
        ...


class Store(Protocol):
    """The model store."""

    async def ingest(self, reference: RegistryRef, version: RegistryVersion) -> IngestStatus:
        """Ask for a version's bytes to be fetched and checked; answers how far that is. Raises StoreAway."""
        ...

    async def card(self, digest: str) -> ModelCard | None:
        """What it found of a digest that it checked; None: it does not hold it. Raises StoreAway."""
        ...


class Shelf(Protocol):
    """The model store, as a place that is cleared of what nobody needs."""

    async def keep(self, named: frozenset[str]) -> None:
        """Say all digests that are needed, in place of what was said before. Raises StoreAway."""
        ...


class Monitor(Protocol):
    """The drift monitor."""

    async def ask(self, key: ResourceKey, wish: DriftWish) -> DriftReport:
        """Say whom it is to watch; answers what it knows of live data now. Raises MonitorAway."""
        ...

    async def labelled(self, key: ResourceKey) -> int:
        """Labelled rows that it has of the version that has most of them. Raises MonitorAway."""
        ...

    async def forget(self, key: ResourceKey) -> None:
        """Have it drop all that it keeps of a resource; one that it does not know is dropped. Raises MonitorAway."""
        ...


class PairCounter(Protocol):
    """The drift monitor, as it compares two versions on the same requests."""

    async def compare(self, key: ResourceKey, wish: DivergenceWish) -> DivergenceReport:
        """Say whose predictions it is to compare; answers what it has counted by now. Raises MonitorAway."""
        ...

    async def compare_quality(self, key: ResourceKey, wish: PairedQualityWish) -> PairedQualityReport:
        """Say whose quality it is to compare by labels; answers what it has counted by now. Raises MonitorAway."""
        ...


class Named(Protocol):
    """What resources name."""

    async def digests(self) -> frozenset[str]:
        """Every digest in any status, by one complete list. Raises ClusterAway."""
        ...


class ModelDeployments(Protocol):
    """The ModelDeployments."""

    async def keys(self) -> tuple[ResourceKey, ...]:
        """All that there are now. Raises ClusterAway."""
        ...

    async def read(self, key: ResourceKey) -> ModelDeployment | None:
        """The resource now; None: it is gone. Raises ClusterAway, Rejected (a spec that cannot be parsed)."""
        ...

    async def write_status(self, resource: ModelDeployment, status: ModelDeploymentStatus) -> None:
        """Replace the status of the resource as it was read. Raises WriteConflict, Rejected, ClusterAway."""
        ...

    async def tell(self, key: ResourceKey, trouble: PassTrouble, now: datetime) -> bool:
        """Have the status tell of it, also where it cannot be parsed; False: it does already, or the resource is gone.

        Raises WriteConflict, Rejected, ClusterAway.
        """
        ...


class Claims(Protocol):
    """Which release acts where: the one that claimed a namespace first."""

    async def holder(self, namespace: str) -> str:
        """The release that acts in a namespace: this one, where no other does. Raises ClusterAway, Rejected."""
        ...

    async def holder_of_all(self) -> str:
        """The release that serves all namespaces: this one, where no other does. Raises ClusterAway, Rejected."""
        ...

    async def tell(self, namespace: str, holder: str) -> None:
        """Say in the namespace that this release leaves it to another. Raises ClusterAway, Rejected."""
        ...


class Workloads(Protocol):
    """The Deployments and Services of revisions."""

    async def observe(self, resource: ModelDeployment) -> Children:
        """The objects of a resource's revisions, and where they are not as declared. Raises ClusterAway."""
        ...

    async def execute(self, resource: ModelDeployment, action: WorkloadAction) -> None:
        """Do one action; done before is done. Raises Rejected, WriteConflict, ClusterAway."""
        ...


class Autoscalers(Protocol):
    """The HorizontalPodAutoscalers of revisions."""

    async def execute(self, resource: ModelDeployment, action: AutoscalerAction) -> None:
        """Do one action; done before is done. Raises Rejected, WriteConflict, ClusterAway."""
        ...


class TrafficProvider(Protocol):
    """Whatever sends users' requests to revisions: the gateway pods."""

    @property
    def capabilities(self) -> TrafficCapabilities:
        """What it can do. It is never asked for anything else."""
        ...

    async def publish(self, resource: ModelDeployment, traffic: Traffic | None) -> None:
        """Have gateway pods take on the desired split, which stands in status by now; None: there is none.

        Each pass publishes, so that one which was cut short is made up for: what is published already is not written
        again. Raises Rejected, WriteConflict, ClusterAway.
        """
        ...

    async def observe(self, key: ResourceKey) -> tuple[GatewayPod, ...]:
        """The pods that may be sending users' requests, with the split that each has acknowledged. Raises ClusterAway.

        A pod without an acknowledgement is among them, and says why where it knows.
        """
        ...

    async def evidence(self, key: ResourceKey, attempt: int) -> tuple[Reading, ...]:
        """The counters of the pods that answer, for one attempt; empty where none can count. Raises ClusterAway."""
        ...


class Jobs(Protocol):
    """The Jobs that train."""

    async def check(self, resource: ModelDeployment) -> None:
        """Whether the API server would take one by the resource's template. Raises Rejected, ClusterAway."""
        ...

    async def look(self, resource: ModelDeployment, job: RetrainingJob) -> JobSighting:
        """How far a Job is. Raises Rejected, ClusterAway."""
        ...

    async def create(self, resource: ModelDeployment, job: StartJob) -> None:
        """Make a Job; made before is made. Raises Rejected, WriteConflict, ClusterAway."""
        ...


class Trainings(Protocol):
    """Whatever trains, Jobs and pipelines. What goes wrong with it breaks off no pass, so nothing raises here."""

    async def view(self, resource: ModelDeployment) -> JobView:
        """What is known of a resource's training now."""
        ...

    async def execute(self, resource: ModelDeployment, action: JobAction) -> float | None:
        """Start one; started before is started. Answers the seconds until a pass is to see it; None: no pass need."""
        ...

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        ...


class Pipelines(Protocol):
    """Pipelines of users' own that train, each behind a webhook."""

    async def start(self, call: WebhookCall, headers: Mapping[str, str]) -> str:
        """Have one started; started before by this name is started. Answers where it is shown; empty: it does not say.

        Raises WebhookAway, WebhookRefused.
        """
        ...


class Headers(Protocol):
    """Secrets whose keys are names of headers."""

    async def of(self, namespace: str, secret: str) -> dict[str, str]:
        """The headers in a Secret as it is now. Raises Rejected, ClusterAway."""
        ...


class Measurements(Protocol):
    """Services outside that know something of a version: Prometheus servers, and services that check."""

    def services(self) -> frozenset[str]:
        """All that may be asked; users' own are one of them."""
        ...

    def service(self, entry: OutsideGate) -> str:
        """Which of them a gate asks, unless that is refused."""
        ...

    def refusal(self, entry: OutsideGate, namespace: str) -> str:
        """Why the administrator's settings do not let a gate ask, naming the field; empty: they do."""
        ...

    async def fetch(self, question: OutsideQuestion, headers: Mapping[str, str], now: datetime) -> LookAnswer:
        """Ask once, within the time that it may take. What keeps an answer from coming is an answer, too."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReceiverAddress:
    """Where a receiver of notifications is. Whoever knows it may write there: it belongs into no message."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class ReceiverAddresses(Protocol):
    """Secrets that have the addresses of receivers."""

    async def of(self, namespace: str, secret: str) -> ReceiverAddress:
        """The address in a Secret as it is now. Raises Rejected, ClusterAway."""
        ...


class NotificationSender(Protocol):
    """Receivers of notifications."""

    async def deliver(self, post: NotificationPost, address: ReceiverAddress) -> None:
        """Send it once. Raises WebhookAway, WebhookRefused."""
        ...


class Announcer(Protocol):
    """Tells users of transitions."""

    async def announce(self, resource: ModelDeployment, announcement: Announcement) -> bool:
        """Make an Event, however often it is asked for; False: it was there. An attempt's end is one, whatever is said.

        Raises ClusterAway.
        """
        ...
