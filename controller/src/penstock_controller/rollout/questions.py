"""What services outside are asked about the version that is judged: a question for each gate that asks them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import QueryGate, WebhookGate
from penstock_contracts.api.query_template import filled
from penstock_contracts.api.status import AttemptStage, ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.rollout import reading_times
from penstock_controller.rollout.steps import EVERYTHING, setting_at, steps_of
from penstock_controller.rollout.timestamps import moment, seconds_since

OutsideGate = QueryGate | WebhookGate
"""An entry of spec.analysis.gates that a service outside answers."""


@dataclass(frozen=True, kw_only=True)
class QuestionSubject:
    """The resource, and what of it is judged."""

    namespace: str
    name: str
    uid: str
    attempt: int
    stage: AttemptStage
    began_at: str
    """When the attempt began (RFC 3339)."""
    candidate: Revision
    """The version that is judged: in the bake, stable."""
    stable: Revision | None
    """The one beside it: in the bake, the one before. None: it is the first."""
    step: int
    """Steps that are done."""
    steps: int
    step_since: str
    """When the current step, or the bake, was reached (RFC 3339)."""
    weight: int
    """Per cent of users' requests that the judged version gets."""
    mirror: int


@dataclass(frozen=True, kw_only=True)
class QueryQuestion:
    """PromQL for one source."""

    entry: QueryGate
    subject: QuestionSubject
    interval: str
    """spec.analysis.interval."""

    def promql(self, now: datetime) -> str:
        """The query as it is asked at a time."""
        subject = self.subject
        values = {
            "namespace": subject.namespace,
            "name": subject.name,
            "candidateRevision": subject.candidate.revision,
            "candidateVersion": subject.candidate.version,
            "stableRevision": subject.stable.revision if subject.stable else "",
            "stableVersion": subject.stable.version if subject.stable else "",
            "attempt": str(subject.attempt),
            "attemptStart": f"{moment(subject.began_at).timestamp():.0f}",
            "attemptAge": _range(self.age(now)),
            "stepAge": _range(seconds_since(subject.step_since, now)),
            "interval": _range(duration.seconds(self.interval)),
        }
        return filled(self.entry.query, values)

    def age(self, now: datetime) -> float:
        """Seconds since the attempt began: what was measured before is of another one."""
        return seconds_since(self.subject.began_at, now)


@dataclass(frozen=True, kw_only=True)
class CheckQuestion:
    """A question for a service that says pass, fail or inconclusive."""

    entry: WebhookGate
    subject: QuestionSubject
    answers_at: str
    """Where the model answers users."""

    @property
    def seconds(self) -> float:
        """Within which it is to be answered."""
        return duration.seconds(self.entry.timeout)

    @property
    def document(self) -> dict[str, Any]:
        """What is sent, as JSON. Its id is the same as long as the same stage of the same attempt is judged."""
        subject = self.subject
        return {
            "id": f"{subject.uid}/{subject.attempt}/{subject.stage.value}/{self.entry.title}",
            "gate": self.entry.title,
            "resource": {"namespace": subject.namespace, "name": subject.name, "uid": subject.uid},
            "attempt": {"number": subject.attempt, "stage": subject.stage.value, "startedAt": subject.began_at},
            "step": {
                "done": subject.step,
                "of": subject.steps,
                "since": subject.step_since,
                "weight": subject.weight,
                "mirror": subject.mirror,
            },
            "candidate": _served(subject.candidate),
            "stable": _served(subject.stable) if subject.stable else None,
            "url": self.answers_at,
        }


OutsideQuestion = QueryQuestion | CheckQuestion


def entries(spec: ModelDeploymentSpec) -> tuple[OutsideGate, ...]:
    """The gates of a spec that ask a service outside."""
    return tuple(gate for gate in spec.analysis.gates or () if isinstance(gate, QueryGate | WebhookGate))


def questions(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, *, namespace: str, name: str, uid: str, url: str
) -> tuple[OutsideQuestion, ...]:
    """What is to be asked now; empty: no version is judged, or no gate asks outside. `url`: where the model answers."""
    asking = entries(spec)
    subject = _subject(spec, status, namespace, name, uid) if asking and reading_times.gathering(status) else None
    return tuple(_question(gate, spec, subject, url) for gate in asking) if subject else ()


def _question(gate: OutsideGate, spec: ModelDeploymentSpec, subject: QuestionSubject, url: str) -> OutsideQuestion:
    if isinstance(gate, QueryGate):
        return QueryQuestion(entry=gate, subject=subject, interval=spec.analysis.interval)
    return CheckQuestion(entry=gate, subject=subject, answers_at=url)


def are_about_the_same(one: OutsideQuestion, other: OutsideQuestion) -> bool:
    """Whether an answer to one may stand for the other's until that has come."""
    return one.entry == other.entry and _judged(one.subject) == _judged(other.subject)


def _judged(subject: QuestionSubject) -> tuple[object, ...]:
    return subject.uid, subject.attempt, subject.stage, subject.candidate.revision


def _subject(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, namespace: str, name: str, uid: str
) -> QuestionSubject | None:
    stable, candidate, previous = status.stable, status.candidate, status.previous
    steps = steps_of(spec.strategy)
    if candidate:
        setting = setting_at(steps, candidate.step)
        return QuestionSubject(
            namespace=namespace,
            name=name,
            uid=uid,
            attempt=status.attempt,
            stage=AttemptStage.TRIAL,
            began_at=candidate.started_at,
            candidate=_pointer(candidate),
            stable=_pointer(stable) if stable else None,
            step=candidate.step,
            steps=len(steps),
            step_since=candidate.step_since or candidate.started_at,
            weight=candidate.weight,
            mirror=setting.mirror,
        )
    if previous and stable:
        return QuestionSubject(
            namespace=namespace,
            name=name,
            uid=uid,
            attempt=status.attempt,
            stage=AttemptStage.BAKE,
            began_at=previous.started_at,
            candidate=_pointer(stable),
            stable=_pointer(previous),
            step=len(steps),
            steps=len(steps),
            step_since=previous.baking_since,
            weight=EVERYTHING,
            mirror=0,
        )
    return None


def _pointer(found: Revision) -> Revision:
    """Only which version it is: what else a pointer tells changes from pass to pass, and would ask anew."""
    return Revision(revision=found.revision, version=found.version, digest=found.digest)


def _served(pointer: Revision) -> dict[str, str]:
    return {"version": pointer.version, "digest": pointer.digest, "revision": pointer.revision}


def _range(seconds: float) -> str:
    """As PromQL writes a length of time; a range of none is no range."""
    return f"{max(1, round(seconds))}s"
