"""What is known of a resource at one moment, put together for whoever looks: no I/O, no clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock_cli.course import CourseView, course_view
from penstock_cli.gates import GateView, gate_view
from penstock_cli.kubernetes_objects import PredictorPod, ResourceEvent
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_cli.steps import StepView, step_views
from penstock_contracts.api.status import Completion, Condition, ModelDeploymentStatus, Phase, Refusal, Revision
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.traffic import TrafficSplit

_EVENTS = 6
"""Shown at most, the newest."""
_EVERYTHING = 100
"""Per cent of the requests: what a version gets that bakes."""


@dataclass(frozen=True, kw_only=True)
class RevisionView:
    """A version that has pods, or had them a moment ago."""

    role: str
    """stable, candidate, previous or leaving."""
    version: str
    revision: str
    digest: str
    weight: int | None
    """Per cent of the requests that every gateway pod is known to send to it; None: nothing is known yet."""
    mirror: int
    """Per cent of stable's requests that it answers copies of."""
    ready: int | None
    """Pods that are ready; None: pods could not be read."""
    pods: int | None
    since: str
    """RFC 3339: when it became what it is; empty: not known."""


@dataclass(frozen=True, kw_only=True)
class ConditionView:
    """A condition of the status."""

    type: str
    status: str
    reason: str
    message: str
    since: str


@dataclass(frozen=True, kw_only=True)
class EventView:
    """An Event on the resource."""

    type: str
    reason: str
    message: str
    at: str
    count: int


@dataclass(frozen=True, kw_only=True)
class RolloutReading:
    """What was read of one resource. None: it could not be, and `problems` says why."""

    resource: ModelDeploymentView
    pods: Sequence[PredictorPod] | None = None
    events: Sequence[ResourceEvent] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RolloutView:
    """One resource at one moment."""

    namespace: str
    name: str
    model: str
    phase: str
    ready: str
    """True, False or Unknown: whether users are answered; empty: not known yet."""
    reason: str
    """What matters most now, in a word."""
    message: str
    """What it waits for, or why it went back."""
    attempt: int
    url: str
    behind: bool
    """Whether the status speaks of an older spec than the one that stands."""
    next: str
    """The command that ends what it waits for, where a person is meant; else empty."""
    revisions: tuple[RevisionView, ...]
    steps: tuple[StepView, ...]
    gates: tuple[GateView, ...]
    course: CourseView | None
    """Of the attempt that goes on, or that was the last and ended without a promotion; None: there is none to show."""
    refused: str
    conditions: tuple[ConditionView, ...]
    events: tuple[EventView, ...]
    problems: tuple[str, ...]


def rollout_view(reading: RolloutReading) -> RolloutView:
    """Put together what was read."""
    resource = reading.resource
    metadata, spec, status = resource.metadata, resource.spec, resource.status
    gates = tuple(map(gate_view, status.gates))
    return RolloutView(
        namespace=metadata.namespace,
        name=metadata.name,
        model=_model(spec.registry),
        phase=resource.phase,
        ready=_ready(status),
        reason=status.reason,
        message=status.message or ("" if resource.observed else "the controller has not looked at it yet"),
        attempt=status.attempt,
        url=status.url or "",
        behind=resource.observed and status.observed_generation < metadata.generation,
        next=_next_command(resource),
        revisions=tuple(_revisions(status, reading.pods)),
        steps=step_views(spec.strategy, status.candidate),
        gates=gates,
        course=_course(status, gates),
        refused=_refused(status.refused) if status.refused else "",
        conditions=tuple(map(_condition, status.conditions)),
        events=_events(reading),
        problems=reading.problems,
    )


def _course(status: ModelDeploymentStatus, gates: Sequence[GateView]) -> CourseView | None:
    if gates:
        weight = status.candidate.weight if status.candidate else _EVERYTHING
        return course_view(status.course, status.attempt, gates, weight)
    last = status.history[0] if status.history else None
    ended_badly = last is not None and last.completion is not Completion.PROMOTED
    return last_course(status) if ended_badly and not status.candidate else None


def last_course(status: ModelDeploymentStatus) -> CourseView | None:
    """The course of the attempt that ended last; None: nothing is known of it any more."""
    if not status.history:
        return None
    last = status.history[0]
    return course_view(status.course, last.attempt, map(gate_view, last.gates))


def _ready(status: ModelDeploymentStatus) -> str:
    return next((each.status for each in status.conditions if each.type == "Ready"), "")


def _model(registry: RegistryRef) -> str:
    if registry.alias:
        return f"{registry.model}@{registry.alias}"
    return f"{registry.model} version {registry.version or ''}"


def _next_command(resource: ModelDeploymentView) -> str:
    if resource.phase != Phase.PAUSED:
        return ""
    if resource.spec.paused:
        return "set spec.paused to false"
    candidate = resource.status.candidate
    verb = "resume" if candidate and candidate.paused else "promote"
    return f"kubectl penstock {verb} {resource.metadata.name} -n {resource.metadata.namespace}"


def _revisions(status: ModelDeploymentStatus, pods: Sequence[PredictorPod] | None) -> Iterator[RevisionView]:
    applied = status.traffic.applied if status.traffic else None
    for role, revision, since in _roles(status):
        yield _revision(role, revision, since, applied, pods)


def _roles(status: ModelDeploymentStatus) -> Iterator[tuple[str, Revision, str]]:
    """Each revision that has pods or had them a moment ago, its role, and since when it has that."""
    if status.stable:
        yield "stable", status.stable, status.stable.since
    if status.candidate:
        yield "candidate", status.candidate, status.candidate.started_at
    if status.previous:
        yield "previous", status.previous, status.previous.baking_since
    for each in status.retiring:
        yield "leaving", each, each.unrouted_at or ""


def _revision(
    role: str, found: Revision, since: str, applied: TrafficSplit | None, pods: Sequence[PredictorPod] | None
) -> RevisionView:
    own_pods = None if pods is None else [pod for pod in pods if pod.revision == found.revision]
    return RevisionView(
        role=role,
        version=found.version,
        revision=found.revision,
        digest=found.digest,
        weight=_weight(applied, found.revision),
        mirror=_mirror(applied, found.revision),
        ready=None if own_pods is None else sum(pod.ready for pod in own_pods),
        pods=None if own_pods is None else len(own_pods),
        since=since,
    )


def _weight(applied: TrafficSplit | None, revision: str) -> int | None:
    if applied is None:
        return None
    return next((each.weight for each in applied.backends if each.revision == revision), 0)


def _mirror(applied: TrafficSplit | None, revision: str) -> int:
    mirror = applied.mirror if applied else None
    return mirror.percentage if mirror and mirror.revision == revision else 0


def _refused(refusal: Refusal) -> str:
    return f"version {refusal.version} is not tried again ({refusal.reason}): {refusal.message}"


def _condition(condition: Condition) -> ConditionView:
    return ConditionView(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        since=condition.last_transition_time,
    )


def _events(reading: RolloutReading) -> tuple[EventView, ...]:
    """The newest, oldest of them first. Those on an object that had this name before are left out."""
    uid = reading.resource.metadata.uid
    found = [_event(each) for each in reading.events or () if each.about_uid == uid]
    return tuple(sorted(found, key=lambda event: event.at)[-_EVENTS:])


def _event(event: ResourceEvent) -> EventView:
    return EventView(type=event.type, reason=event.reason, message=event.message, at=event.at, count=event.count or 1)
