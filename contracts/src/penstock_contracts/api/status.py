"""The status of a ModelDeployment: what is known to be."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema

from penstock_contracts.api.attempt_course import AttemptCourse
from penstock_contracts.api.drift import DriftStatus
from penstock_contracts.api.notify import NotificationState
from penstock_contracts.api.registry_write import RegistryWrite
from penstock_contracts.api.retrain import RetrainingStatus
from penstock_contracts.api.schema import Number, StatusModel
from penstock_contracts.traffic import Traffic
from penstock_contracts.verdict import Verdict

LONGEST_ANSWER = 1024
"""Characters of the message of an answer."""
LONGEST_FAILURE = 1024
"""Characters of the message of a failure that other resources show."""
LONGEST_QUERY = 2048
"""Characters of a query as it was asked."""
MOST_RESULTS = 32
"""What gates of all stages of an attempt say: up to 8 on trial, as many in the bake, and preflight."""


class Phase(StrEnum):
    """Where the resource stands."""

    PENDING = "Pending"
    """The version is not known or not fetched yet; nothing serves."""
    INITIALIZING = "Initializing"
    """The first version is starting."""
    HEALTHY = "Healthy"
    """Stable serves; nothing is on trial."""
    PROGRESSING = "Progressing"
    """A candidate is on trial."""
    PAUSED = "Paused"
    """A candidate is on trial and waits for a person."""
    PROMOTING = "Promoting"
    """The gateway pods are moving all requests to the candidate."""
    BAKING = "Baking"
    """Promoted; the version before stays warm, and a failing gate still goes back to it."""
    ROLLING_BACK = "RollingBack"
    """The candidate is being taken away."""
    DEGRADED = "Degraded"
    """Nothing serves, or no pod of stable is ready."""

    @classmethod
    def _missing_(cls, value: object) -> "Phase | None":
        """Of a newer controller: each pass finds the phase anew."""
        return cls.PENDING if isinstance(value, str) else None


class OpenWord(StrEnum):
    """A word of a newer controller stays what it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


class Completion(OpenWord):
    """How an attempt ended."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    ABORTED = "Aborted"
    REFUSED = "Refused"
    """It ended before a pod of it started."""


class CommandOutcome(OpenWord):
    """What became of a person's command."""

    ACCEPTED = "Accepted"
    DENIED = "Denied"


class CommandResult(StatusModel):
    """What became of a command that status.handledCommands has."""

    # No enum in the CRD: it is written back as it was read, also by a controller older than the one that said it.
    outcome: Annotated[CommandOutcome, WithJsonSchema({"type": "string", "maxLength": 32})]
    """Accepted (it was done) or Denied (nothing was)."""
    message: Annotated[str, Field(max_length=LONGEST_ANSWER)]
    """In which phase; what it does, or why it is refused."""


class Revision(StatusModel):
    """A version as it runs."""

    revision: str
    """Hash of model digest and pod template; its workload is named `<resource>-<revision>`."""
    version: str
    """The registry's version number."""
    digest: str
    """Digest of the bytes that run."""


class Stable(Revision):
    """The revision that serves users."""

    since: str
    """When it was promoted (RFC 3339)."""
    generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    """The generation of the spec that it was last known to be wanted under; 0: not known."""


class Ending(StatusModel):
    """How an attempt is going to end, as soon as no gateway pod sends requests to its revision."""

    completion: Completion
    """How it ends."""
    generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    """The generation of the spec when this was decided: an edit after it allows another try."""
    reason: str
    """Why, in one word."""
    message: str
    """Why, in a sentence with the numbers."""


class Forecast(StatusModel):
    """How long an attempt is likely to take, where the candidate is as good as stable."""

    requests_per_second: float
    """The rate of users' requests that was seen."""
    seconds: int
    """From its beginning to its promotion."""
    message: str
    """The same in a sentence, and what to write if that is too long."""


class Candidate(Revision):
    """The revision on trial."""

    attempt: int
    """Number of this attempt."""
    created_at_ms: int = 0
    """Creation time of the version in the registry, in milliseconds since 1970."""
    started_at: str
    """When the attempt began (RFC 3339)."""
    weight: int = 0
    """Per cent of the users' requests that every gateway pod is known to send to it."""
    step: int = 0
    """Steps that are done; so also the index of the current one."""
    step_since: str | None = None
    """When everything that the current step asks for was there (RFC 3339): its pause counts from here."""
    waited_seconds: int = 0
    """Seconds of spec.progressDeadline that are used up."""
    waiting_since: str | None = None
    """Since when they are being used up (RFC 3339)."""
    unavailable_since: str | None = None
    """Since when no pod of it is ready, though it gets requests (RFC 3339)."""
    ending: Ending | None = None
    """Set once it is decided that the attempt ends without a promotion."""
    paused: bool = False
    """A person said pause: it stays at its step."""
    pause_ended: bool = False
    """A person said promote: the current step's pause is over."""
    promote_full: bool = False
    """A person said promote-full: steps and gates are not waited for."""
    promoting: bool = False
    """Steps and gates are behind it: every gateway pod is asked to send it all requests."""
    forecast: Forecast | None = None
    """How long the attempt is likely to take; not set: too few requests were seen yet to know."""


class Previous(Revision):
    """The stable revision before, during the bake, with what is known of the attempt that replaced it."""

    stable_since: str
    """When it was promoted (RFC 3339)."""
    stable_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    """The generation of the spec that it was last known to be wanted under; 0: not known."""
    attempt: int
    """Number of the attempt that bakes."""
    created_at_ms: int = 0
    """Creation time, in the registry, of the version that bakes."""
    started_at: str
    """When that attempt began (RFC 3339)."""
    baking_since: str
    """When the bake began (RFC 3339)."""
    promote_full: bool = False
    """A person said promote-full: what bakes was promoted without its gates' pass."""
    unavailable_since: str | None = None
    """Since when no pod of stable is ready (RFC 3339)."""


class Retiring(Revision):
    """A revision that gets no requests any more and whose pods finish what they have."""

    unrouted_at: str | None = None
    """When every gateway pod had stopped sending it requests (RFC 3339); its drain time counts from here."""


class Refusal(StatusModel):
    """The version that is not tried again until the alias's target or the resource's generation changes."""

    version: str
    revision: str | None = None
    """None: it was refused before it had one."""
    created_at_ms: int
    """Creation time of the refused version in the registry, in milliseconds since 1970."""
    generation: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    """The generation of the spec it was refused under."""
    reason: str
    """Why, in one word."""
    message: str
    """Why, with the field or file, and what to do."""


class UpgradeFailure(StatusModel):
    """Stable's own bytes failed in other predictor pods, which the administrator wants: others wait for it.

    It outlasts a retry until that has ended, and stays as long as such pods are wanted.
    """

    pods: Annotated[str, Field(max_length=32)]
    """What the administrator had decided about predictor pods, as a hash."""
    message: Annotated[str, Field(max_length=LONGEST_FAILURE)]
    """Why they failed."""
    failed_at: str
    """When that attempt ended (RFC 3339)."""
    passed_at: str | None = None
    """When, after that, the resource was seen to be served by such pods (RFC 3339). None: it was not."""


class Hold(StatusModel):
    """A person said undo: the version that is served instead of the one that the resource names."""

    version: str
    """The registry's version number."""
    created_at_ms: int
    """Creation time of that version in the registry, in milliseconds since 1970."""
    digest: str
    """Digest of its bytes."""
    refused_version: str
    """The version that served when it was said."""
    refused_digest: str
    """Digest of that version's bytes."""
    alias_version: str | None = None
    """The version that the resource named then. Another one ends the hold. None: the registry had not told."""
    alias_created_at_ms: int | None = None
    """Its creation time in the registry, in milliseconds since 1970."""
    generation: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    """The generation of the spec then. Another one ends the hold."""


class AttemptStage(StrEnum):
    """Each stage of an attempt has tests of its own."""

    PREFLIGHT = "preflight"
    """No pod of the version has started."""
    TRIAL = "trial"
    """The candidate gets its steps' shares."""
    BAKE = "bake"
    """It was promoted, and the version before stays warm."""


class Figure(StatusModel):
    """A number that a gate judges by, of the version that is judged and, where it compares, of the one beside it."""

    name: Annotated[str, Field(max_length=64)]
    """What it counts or measures, such as tries, failures, `failures: 503`."""
    candidate: Number
    """Of the version on trial (in the bake: of stable)."""
    stable: Number | None = None
    """Of stable (in the bake: of previous, on copies) over the same intervals. None: nothing is compared."""


class Bound(StatusModel):
    """A number that speaks for a verdict the more, the nearer it comes to its limit."""

    name: Annotated[str, Field(max_length=64)]
    """What it is, such as `odds of harm`."""
    decides: Verdict
    """What the gate says where this and all else that it takes is there."""
    value: Number | None = None
    """None: it is not known yet."""
    limit: Number
    """How far it must come."""
    reached: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much of the way to the limit it has come; 1: it is there. The way of odds is measured by their logarithm."""
    error_level: float | None = None
    """Probability that it gets there, at any of all looks, though the opposite is true. None: no test of statistics."""


class GateResult(StatusModel):
    """What a gate says."""

    name: str
    """Which gate."""
    stage: AttemptStage
    """In which stage of the attempt."""
    verdict: Verdict
    """No evidence is inconclusive: neither success nor failure."""
    reason: Annotated[str, Field(max_length=128)] = ""
    """Why, in one word."""
    message: str
    """Why, with the numbers."""
    samples: int = 0
    """What it has seen of the version that is judged, in the gate's own unit: for error-rate, tries."""
    min_samples: int | None = None
    """Samples that it must see before it can pass; not set: it counts none."""
    config: Annotated[str, Field(max_length=256)] = ""
    """What its test depends on, such as a margin; another text begins a new test."""
    figures: Annotated[tuple[Figure, ...], Field(max_length=64)] = ()
    """The numbers that it judges by."""
    bounds: Annotated[tuple[Bound, ...], Field(max_length=8)] = ()
    """What its verdict hangs on: how far each number has come, where it decides, and by which error level."""
    query: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""
    """What was asked of a service outside, as it was asked last."""
    dry_run: bool | None = None
    """The gate is only shown: it neither holds the candidate back nor fails it."""


def bounds_of(gate: GateResult) -> Iterator[Bound]:
    """The gate's bounds, and its samples on their way to the number that it needs, which every gate has that counts."""
    yield from gate.bounds
    if gate.min_samples:
        reached = int(100 * min(1.0, gate.samples / gate.min_samples)) / 100
        yield Bound(name="samples", decides=Verdict.PASS, value=gate.samples, limit=gate.min_samples, reached=reached)


class GateStatus(GateResult):
    """What a gate says, and what it needs to go on from there."""

    step_samples: int = 0
    """Samples that came since the current step was reached."""
    state: Annotated[str, Field(max_length=1024)] = ""
    """The running test, for the gate alone."""


class SickPod(StatusModel):
    """A pod that fails far more often than its siblings: its tries do not count for its version any more."""

    name: Annotated[str, Field(max_length=253)]
    """The pod's."""
    revision: Annotated[str, Field(max_length=63)]
    """The revision that it is of."""
    since: str
    """When this was found (RFC 3339)."""
    message: Annotated[str, Field(max_length=256)]
    """Its tries in the attempt, and those of its siblings."""


class EvidenceStatus(StatusModel):
    """Where the next interval begins."""

    attempt: int
    """The attempt that the counters belong to."""
    stage: AttemptStage = AttemptStage.TRIAL
    """The stage of it."""
    taken_at: str
    """When they were read (RFC 3339, milliseconds)."""
    shares: Annotated[str, Field(max_length=512)] = ""
    """Who got what while they were counted, as in `8c1f 5, 03ab 95`: an interval within which it changes compares
    nothing."""
    shares_since: str | None = None
    """When they were first read with these shares."""
    since: str | None = None
    """When the first request or copy of the stage could reach the version that is judged; not set: none could yet."""
    readings: Annotated[dict[str, Annotated[str, Field(max_length=8192)]], Field(max_length=400)] = Field(
        default_factory=dict
    )
    """The last reading of each gateway pod, by pod and when its counters began: for each revision and arm, tries,
    failures, and failures by kind, as in `8c1f users 1200 3 503=2,timeout=1; 8c1f shadow 40 0`."""
    asked: int = 0
    """Users' requests of the attempt that were counted."""
    asked_since: str | None = None
    """From when on."""
    edges: Annotated[tuple[Annotated[int, Field(ge=0, le=511)], ...], Field(max_length=24)] = ()
    """Edges of latency buckets at which this interval's tries are counted, as the gates on latencies asked."""
    timings: Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=400)] = Field(
        default_factory=dict
    )
    """Where a gate is on latencies, of each gateway pod: for each revision and arm, tries that took a known time, and
    how many of them took longer than each of the edges, as in `8c1f users 1190 14`."""
    pods: Annotated[dict[str, Annotated[str, Field(max_length=2048)]], Field(max_length=256)] = Field(
        default_factory=dict
    )
    """Of each pod that was tried: its address, how likely it is sick (the natural logarithm of odds; from 13.8 on it
    is), and its counters over all gateway pods at the last reading, as in `10.0.0.7 -0.5; 8c1f users 300 1 503=1`."""
    pod_sources: Annotated[str, Field(max_length=64)] = ""
    """A hash of the gateway pods that those counters are from."""
    sick_pods: Annotated[tuple[SickPod, ...], Field(max_length=16)] = ()
    """The pods that were found sick in this attempt."""
    candidate_worse: bool | None = None
    """The version that is judged failed more often in the last interval, or a pod may be sick: the next interval is a
    quarter as long."""
    sample_ratio: Annotated[str, Field(max_length=256)] = ""
    """The running test whether tries come in the shares that are applied."""


class DecisionRecord(StatusModel):
    """How an attempt ended, and why."""

    attempt: int
    """Number of the attempt."""
    version: str
    """The registry's version number."""
    digest: str
    """Digest of the bytes that ran."""
    revision: str
    """The revision that was tried."""
    completion: Completion
    """How it ended."""
    reason: str
    """Why, in one word; Event, log line and metric carry the same word."""
    message: str
    """Why, in a sentence with the numbers."""
    started_at: str
    """RFC 3339."""
    ended_at: str
    """RFC 3339."""
    gates: Annotated[tuple[GateResult, ...], Field(max_length=MOST_RESULTS)] = ()
    """What each gate said at the end."""
    created_at_ms: int = 0
    """Creation time of the version in the registry, in milliseconds since 1970. 0: not known."""


class Condition(StatusModel):
    """As in Kubernetes' API conventions; read by kstatus."""

    type: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})]
    reason: Annotated[str, Field(max_length=128)]
    message: Annotated[str, Field(max_length=4096)]
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    observed_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})]


class ModelDeploymentStatus(StatusModel):
    """What is known to be."""

    observed_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    """The generation of the spec that this status speaks of."""
    phase: Phase = Phase.PENDING
    """Where the resource stands."""
    phase_since: Annotated[str, Field(max_length=32)] | None = None
    """Since when it stands there (RFC 3339)."""
    reason: Annotated[str, Field(max_length=128)] = ""
    """The reason that matters most: of what needs you, else of what users lack, else of what is under way."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """What it waits for, or why it went back."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Ready, Reconciling, Stalled, RegistryReachable, ChildrenApplied; DriftDetected, MonitorReachable, Retraining;
    TrafficSupported, MeasurementsAvailable, SharesObserved, PodsHealthy."""
    attempt: int = 0
    """Number of the latest attempt."""
    stable: Stable | None = None
    """The revision that serves users."""
    candidate: Candidate | None = None
    """The revision on trial."""
    previous: Previous | None = None
    """In the bake: the stable revision before, still warm."""
    gates: Annotated[tuple[GateStatus, ...], Field(max_length=MOST_RESULTS)] = ()
    """What each gate says of the current attempt."""
    course: AttemptCourse | None = None
    """How the gates went over the attempt, until the next one begins."""
    evidence: EvidenceStatus | None = None
    """Counters as they were read last."""
    retiring: Annotated[tuple[Retiring, ...], Field(max_length=16)] = ()
    """Revisions that finish what they have."""
    min_pods: int | None = None
    """Where the number of pods follows the load: pods that are kept for all requests until the attempt ends."""
    refused: Refusal | None = None
    """The version that is not tried again."""
    upgrade_failure: UpgradeFailure | None = None
    """How predictor pods failed here that the administrator wants everywhere."""
    hold: Hold | None = None
    """The version that a person went back to, until the alias's target or the spec changes, or on retry."""
    handled_commands: Annotated[dict[str, Annotated[str, Field(max_length=64)]], Field(max_length=16)] = Field(
        default_factory=dict
    )
    """Verb to the command that was done or denied: it has no effect again while the annotation stays as it is."""
    command_results: Annotated[dict[str, CommandResult], Field(max_length=16)] = Field(default_factory=dict)
    """Verb to what became of that command. None for a command that was there before this status was."""
    traffic: Traffic | None = None
    """What the gateway is told, and what every gateway pod is known to do."""
    history: Annotated[tuple[DecisionRecord, ...], Field(max_length=20)] = ()
    """Decision records, newest first."""
    registry_write: RegistryWrite = RegistryWrite()
    """What the registry is to show of them."""
    drift: DriftStatus | None = None
    """What the drift monitor said of live data."""
    retraining: RetrainingStatus | None = None
    """Jobs that train new versions."""
    notifications: NotificationState | None = None
    """What receivers of spec.notify are still to be told."""
    url: str | None = None
    """Where the model answers inside the cluster."""
