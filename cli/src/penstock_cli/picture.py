"""What is known of a resource at one moment, put together for whoever looks: no I/O, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_cli.steps import StepView, views
from penstock_contracts.names import LABEL_REVISION

Object = Mapping[str, Any]

_EVENTS = 6
"""Shown at most, the newest."""


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
class FigureView:
    """A number that a gate judges by."""

    name: str
    candidate: float
    stable: float | None

    def __str__(self) -> str:
        beside = "" if self.stable is None else f" / {self.stable:g}"
        return f"{self.name} {self.candidate:g}{beside}"


@dataclass(frozen=True, kw_only=True)
class GateView:
    """What a gate says, with the numbers that it judges by."""

    name: str
    stage: str
    verdict: str
    message: str
    figures: tuple[FigureView, ...]

    @property
    def main_figures(self) -> tuple[FigureView, ...]:
        """Those that are no part of another one, as `failures: 503` is."""
        return tuple(figure for figure in self.figures if ":" not in figure.name)


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
class Seen:
    """What was read. None: it could not be, and `problems` says why."""

    resource: Object
    pods: Sequence[Object] | None = None
    events: Sequence[Object] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
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
    refused: str
    conditions: tuple[ConditionView, ...]
    events: tuple[EventView, ...]
    problems: tuple[str, ...]


def picture(seen: Seen) -> Picture:
    """Put together what was read."""
    metadata, spec = seen.resource["metadata"], seen.resource["spec"]
    status = seen.resource.get("status") or {}
    return Picture(
        namespace=metadata["namespace"],
        name=metadata["name"],
        model=_model(spec["registry"]),
        phase=status.get("phase", "Pending"),
        ready=_ready(status),
        reason=status.get("reason") or "",
        message=status.get("message") or ("" if status else "the controller has not looked at it yet"),
        attempt=status.get("attempt", 0),
        url=status.get("url") or "",
        behind=bool(status) and status.get("observedGeneration", 0) < metadata.get("generation", 0),
        next=_next(metadata, spec, status),
        revisions=tuple(_revisions(status, seen.pods)),
        steps=views(spec, status.get("candidate")),
        gates=tuple(gate_view(gate) for gate in status.get("gates", ())),
        refused=_refused(status.get("refused")),
        conditions=tuple(_condition(item) for item in status.get("conditions", ())),
        events=_events(seen),
        problems=seen.problems,
    )


def _ready(status: Object) -> str:
    conditions = status.get("conditions", ())
    return next((str(item["status"]) for item in conditions if item["type"] == "Ready"), "")


def _model(registry: Object) -> str:
    if registry.get("alias"):
        return f"{registry['model']}@{registry['alias']}"
    return f"{registry['model']} version {registry.get('version', '')}"


def _next(metadata: Object, spec: Object, status: Object) -> str:
    if status.get("phase") != "Paused":
        return ""
    if spec.get("paused"):
        return "set spec.paused to false"
    verb = "resume" if (status.get("candidate") or {}).get("paused") else "promote"
    return f"kubectl penstock {verb} {metadata['name']} -n {metadata['namespace']}"


def _revisions(status: Object, pods: Sequence[Object] | None) -> list[RevisionView]:
    times = {"stable": "since", "candidate": "startedAt", "previous": "bakingSince"}
    named = [
        (role, status[role], str(status[role].get(field, ""))) for role, field in times.items() if status.get(role)
    ]
    leaving = [("leaving", item, str(item.get("unroutedAt") or "")) for item in status.get("retiring", ())]
    return [_revision(status, role, found, since, pods) for role, found, since in (*named, *leaving)]


def _revision(status: Object, role: str, found: Object, since: str, pods: Sequence[Object] | None) -> RevisionView:
    revision = found["revision"]
    applied = (status.get("traffic") or {}).get("applied")
    mirror = (applied or {}).get("mirror") or {}
    mine = None if pods is None else [pod for pod in pods if _is_of(pod, revision)]
    return RevisionView(
        role=role,
        version=found["version"],
        revision=revision,
        digest=found["digest"],
        weight=_weight(applied, revision),
        mirror=mirror.get("percentage", 0) if mirror.get("revision") == revision else 0,
        ready=None if mine is None else sum(map(_is_ready, mine)),
        pods=None if mine is None else len(mine),
        since=since,
    )


def _weight(applied: Object | None, revision: str) -> int | None:
    if applied is None:
        return None
    backends = applied.get("backends", ())
    return next((int(item["weight"]) for item in backends if item["revision"] == revision), 0)


def _is_of(pod: Object, revision: str) -> bool:
    return bool(pod["metadata"].get("labels", {}).get(LABEL_REVISION) == revision)


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def gate_view(gate: Object) -> GateView:
    """A gate of the status or of a decision record."""
    return GateView(
        name=gate["name"],
        stage=gate["stage"],
        verdict=gate["verdict"],
        message=gate["message"],
        figures=tuple(
            FigureView(name=figure["name"], candidate=figure["candidate"], stable=figure.get("stable"))
            for figure in gate.get("figures", ())
        ),
    )


def _refused(refused: Object | None) -> str:
    if not refused:
        return ""
    return f"version {refused['version']} is not tried again ({refused['reason']}): {refused['message']}"


def _condition(item: Object) -> ConditionView:
    return ConditionView(
        type=item["type"],
        status=item["status"],
        reason=item["reason"],
        message=item["message"],
        since=item["lastTransitionTime"],
    )


def _events(seen: Seen) -> tuple[EventView, ...]:
    """The newest, oldest of them first. Those on an object that had this name before are left out."""
    uid = seen.resource["metadata"].get("uid")
    found = [_event(item) for item in seen.events or () if item["involvedObject"].get("uid") == uid]
    return tuple(sorted(found, key=lambda event: event.at)[-_EVENTS:])


def _event(item: Object) -> EventView:
    return EventView(
        type=item.get("type") or "Normal",
        reason=item.get("reason") or "",
        message=item.get("message") or "",
        at=item.get("lastTimestamp") or item.get("eventTime") or item["metadata"].get("creationTimestamp") or "",
        count=item.get("count") or 1,
    )
