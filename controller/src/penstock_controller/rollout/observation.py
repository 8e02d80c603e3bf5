"""What one pass sees: frozen, with the clock in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from penstock_contracts.evidence import TryReason
from penstock_contracts.verbs import Verb
from penstock_controller.gates.evidence import MissingEvidence, TryCount
from penstock_controller.rollout.job_sighting import JobView
from penstock_controller.rollout.monitor_answer import Monitoring
from penstock_controller.rollout.notification_view import NotificationView
from penstock_controller.rollout.registry_entry import RegistryAnswer
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The registry's version, fetched and checked, with the revision it would run as."""

    version: str
    created_at_ms: int
    digest: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class RegistryVersion:
    """A version of the registry, as a reference names it."""

    version: str
    created_at_ms: int


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """What is wanted cannot be said now. It is no reason to touch what serves or what is on trial."""

    reason: str
    message: str
    permanent: bool = False
    """True: waiting does not help, a person must act (the alias does not exist)."""


@dataclass(frozen=True, kw_only=True)
class RefusedVersion:
    """The registry's version has an artifact that cannot be served."""

    version: str
    created_at_ms: int
    reason: str
    message: str


Target = Wanted | Unresolved | RefusedVersion


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which numbers of pods an autoscaler chooses, and by what."""

    floor: int
    ceiling: int
    target: int
    """Per cent of the requested cpu that it lets a pod use on average."""


@dataclass(frozen=True, kw_only=True)
class Autoscaler:
    """A revision's HorizontalPodAutoscaler."""

    bounds: Bounds
    utilization: int | None = None
    """Per cent of the requested cpu that its pods were seen to use on average; None: it has seen none."""
    declared: bool = True
    """Whether all else of it is as we declare it: what it scales, its labels, its owner."""


class ChildKind(StrEnum):
    """What a revision consists of, beside its autoscaler."""

    RECORD = "ControllerRevision"
    """Its pod template as it was made: spec.predictor may be another one today."""
    SERVICE = "Service"
    BUDGET = "PodDisruptionBudget"
    DEPLOYMENT = "Deployment"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An object of a revision is missing, or is not as declared."""

    kind: ChildKind
    field: str = ""
    """Where it differs; empty: it is missing."""
    manager: str = ""
    """Who wrote that, as the API server calls it; empty: nobody who is known."""

    @property
    def why(self) -> str:
        """What is wrong with it."""
        if not self.field:
            return "it is missing"
        return f"{self.field} is not as declared" + (f", {self.manager} wrote it" if self.manager else "")


@dataclass(frozen=True, kw_only=True)
class Hindrance:
    """Something that a pass wanted done, and that was not done or does not last."""

    revision: str
    reason: str
    """One word: Refused, Contested, ForeignObject, BeingDeleted, NotAnswered."""
    message: str
    """Which object, and what the API server said or who writes against us."""


@dataclass(frozen=True, kw_only=True)
class RevisionPod:
    """A pod of a revision's Deployment."""

    name: str
    uid: str
    addresses: tuple[str, ...] = ()
    leaving: bool = False
    """It is being deleted."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A revision's Deployment."""

    revision: str
    version: str
    digest: str
    replicas: int
    """Pods asked for."""
    ready: int
    """Pods that answered the golden request right and are not leaving."""
    promoted_attempt: int | None = None
    """The attempt in which it became stable; None: never."""
    problem: str = ""
    """Why pods are not ready, in the words of the pods."""
    ready_since: tuple[datetime, ...] = ()
    """Since when each of the pods that are ready has been so."""
    pods: tuple[RevisionPod, ...] = ()
    """All that are there, ready or not."""
    autoscaler: Autoscaler | None = None
    """None: its number of pods is ours to say."""
    other_autoscaler: str = ""
    """Somebody else's HorizontalPodAutoscaler that sets its number of pods; empty: there is none."""
    differences: tuple[Difference, ...] = ()
    """Its objects that are missing or not as declared."""


@dataclass(frozen=True, kw_only=True)
class Children:
    """The objects of a resource's revisions, as they were found."""

    workloads: tuple[Workload, ...] = ()
    remains: frozenset[str] = frozenset()
    """Revisions of which any object of ours is there, a Deployment or not."""
    foreign: tuple[str, ...] = ()
    """Objects that look like ours and are not: which they are, and why they are left alone."""


def why_not_ready(workload: Workload | None) -> str:
    """Why no pod of a workload is ready, for a person; None: the workload does not exist."""
    if workload is None:
        return "its Deployment is gone"
    return workload.problem or "its pods are starting"


@dataclass(frozen=True, kw_only=True)
class GatewayPod:
    """A gateway pod that may be sending users' requests: ready, or terminating and still serving."""

    name: str
    number: int | None
    """The traffic split that is active on it; None: it has none for this resource, or did not answer."""
    endpoints: Mapping[str, int] = field(default_factory=dict)
    """Revision to ready endpoints in its active configuration."""
    problem: str = ""
    """Why its newest configuration is not active, or why it did not answer."""


@dataclass(frozen=True, kw_only=True)
class ArmTries:
    """A revision's tries on one gateway pod since its counters began. An arm is why it was tried."""

    revision: str
    arm: TryReason
    tries: int
    failures: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by status code, or by timeout, reset, unreachable."""
    latencies: Mapping[int, int] = field(default_factory=dict)
    """How long tries took, by bucket of `latency_buckets`."""
    pods: Mapping[str, TryCount] = field(default_factory=dict)
    """The same tries by the pod's address; empty: the provider does not tell pods apart."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One gateway pod's counters for the attempt."""

    source: str
    """The pod, and when its counters began: another source begins at 0."""
    tries: tuple[ArmTries, ...]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One snapshot of the world around one ModelDeployment."""

    now: datetime
    """Aware, UTC."""
    resumed: bool = False
    """This process has not brought the resource on before: how long nobody looked at it is not known."""
    generation: int
    target: Target
    workloads: Mapping[str, Workload]
    """By revision."""
    gateways: tuple[GatewayPod, ...]
    capabilities: TrafficCapabilities
    """What the traffic provider can do."""
    registry_problem: str = ""
    """Why the registry did not answer; empty: it did."""
    registry_answers: tuple[RegistryAnswer, ...] = ()
    """What it said to entries that it is to show."""
    alias_mover: str = ""
    """The older resource that moves the same live alias, as namespace/name; empty: there is none."""
    turn: str = ""
    """Why an attempt with the same bytes in other pods must wait; empty: it need not."""
    pods: str = ""
    """What the administrator wants of every predictor pod, as a hash."""
    url: str = ""
    evidence: tuple[Reading, ...] | None = None
    """One reading of each gateway pod that answered; None: evidence was not asked for in this pass."""
    measured: tuple[object, ...] = ()
    """Parts of evidence beside these counters, for gates that need them: at most one of each class."""
    not_measured: Mapping[type, MissingEvidence] = field(default_factory=dict)
    """Classes of parts that were looked for in vain, and why."""
    outside_refusals: Mapping[str, str] = field(default_factory=dict)
    """Gates whose service the administrator's settings do not let them ask, and why."""
    named: RegistryVersion | None = None
    """The version that the resource names: the target, unless another one is held. None: not known."""
    words: Mapping[Verb, str] = field(default_factory=dict)
    """What a person says: each verb's annotation."""
    remains: frozenset[str] = frozenset()
    """Revisions of which any object of ours is there, a Deployment or not."""
    foreign: tuple[str, ...] = ()
    """Objects that look like ours and are not: which they are, and why they are left alone."""
    hindrances: tuple[Hindrance, ...] = ()
    """What earlier passes wanted done and is not."""
    monitoring: Monitoring = field(default_factory=Monitoring)
    """What is known of live data."""
    jobs: JobView = field(default_factory=JobView)
    """What is known of Jobs that train."""
    notified: NotificationView = field(default_factory=NotificationView)
    """What became of notifications."""
