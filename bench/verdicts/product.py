"""The product's own rules, as a simulated attempt asks for them: all that is bound to its code stands here.

A pass of the whole engine costs too much for thousands of attempts. So here are only the calls that decide: when
counters are read, what is compared, what the gates say of it, when a step and the bake end.
tests/unit/bench/test_attempts.py shows that the engine comes to the same ends at the same times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import OnInconclusive
from penstock_contracts.api.status import Candidate, EvidenceStatus, ModelDeploymentStatus, Previous, Stable
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.traffic import Backend, Traffic, TrafficSplit
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.error_rate import FALSE_ROLLBACK
from penstock_controller.gates.catalogue import STAGES, gates_of
from penstock_controller.gates.evidence import ComparedTries, Evidence, TryCount
from penstock_controller.gates.gate import Gate, GateMemory, StepConditions
from penstock_controller.rollout import evidence
from penstock_controller.rollout.splits import CONTROL
from penstock_controller.rollout.steps import size_at, steps_of
from penstock_controller.rollout.timestamps import exact_stamp

ALPHA = FALSE_ROLLBACK / STAGES
"""The error level of one gate that is alone, in one stage."""
MARGIN = 0.005
"""What the gate lets pass by default, as a share of the tries."""
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_STABLE = Stable(revision="s", version="1", digest="sha256:1", since="2026-01-01T00:00:00Z")


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A weight and the pause after it."""

    weight: int
    """Per cent."""
    pause: float
    """Seconds."""
    pods: int
    """Of the candidate."""


@dataclass(frozen=True, kw_only=True)
class RolloutPlan:
    """What a resource asks of its attempts. Weights that are each followed by a pause, and nothing else."""

    spec: ModelDeploymentSpec
    gates: tuple[Gate, ...]
    """Those that decide."""
    steps: tuple[PlannedStep, ...]
    replicas: int
    bake: float
    """Seconds."""
    deadline: float
    """Seconds that may be spent on waiting."""

    @classmethod
    def of(cls, fields: Mapping[str, object] | None = None, *, replicas: int = 4, sticky: bool = False) -> Self:
        """The defaults, but for these fields of the spec. Raises ValueError for steps that it does not know."""
        canary = {"strategy": {"canary": {"stickiness": {"header": "x-user"}}}} if sticky else {}
        registry = {"registry": {"model": "m", "alias": "champion"}, "predictor": {"minReplicas": replicas}}
        spec = ModelDeploymentSpec.model_validate({**registry, **canary, **(fields or {})})
        steps = steps_of(spec.strategy)
        if spec.analysis.on_inconclusive is not OnInconclusive.PAUSE or len(steps) % 2:
            raise ValueError("a simulated attempt has onInconclusive: Pause, and a pause after each weight")
        planned = []
        for index in range(0, len(steps), 2):
            weight, pause = steps[index].set_weight, steps[index + 1].pause
            if weight is None or pause is None or pause.duration is None:
                raise ValueError("a simulated attempt has steps of setWeight, each followed by a pause of some length")
            pods = size_at(steps, index, replicas)
            planned.append(PlannedStep(weight=weight, pause=duration.seconds(pause.duration), pods=pods))
        return cls(
            spec=spec,
            gates=tuple(gate for gate in gates_of(spec.analysis) if not gate.dry_run),
            steps=tuple(planned),
            replicas=replicas,
            bake=duration.seconds(spec.bake.duration),
            deadline=duration.seconds(spec.progress_deadline),
        )

    def copies(self, weight: int) -> int:
        """Per cent of the candidate's requests that stable answers too while this weight holds."""
        return CONTROL if weight == 100 else 0  # noqa: PLR2004


@dataclass(frozen=True)
class ArmCount:
    """Tries, and the failed ones of them."""

    tries: int = 0
    failures: int = 0

    def __add__(self, other: "ArmCount") -> "ArmCount":
        return ArmCount(self.tries + other.tries, self.failures + other.failures)

    def as_evidence(self) -> TryCount:
        """As gates take it."""
        return TryCount(tries=self.tries, failures=self.failures)


@dataclass(frozen=True)
class Gathered:
    """Counts since the last reading."""

    candidate: ArmCount = ArmCount()
    stable: ArmCount = ArmCount()
    copies: ArmCount = ArmCount()
    """Of the candidate's requests, at stable."""

    def __add__(self, other: "Gathered") -> "Gathered":
        return Gathered(self.candidate + other.candidate, self.stable + other.stable, self.copies + other.copies)

    def on_trial(self) -> ComparedTries:
        """What the rollout compares before the promotion: users and copies alike."""
        return ComparedTries(
            candidate=self.candidate.as_evidence(),
            stable=(self.stable + self.copies).as_evidence(),
        )

    def in_bake(self) -> ComparedTries:
        """And in the bake: users with copies."""
        return ComparedTries(candidate=self.candidate.as_evidence(), stable=self.copies.as_evidence())


@dataclass
class Judges:
    """The gates of one attempt with what they have seen, and the clock of their readings. Times are seconds."""

    plan: RolloutPlan
    status: ModelDeploymentStatus
    seen: dict[str, GateMemory] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    before_step: dict[str, int] = field(default_factory=dict)
    """Samples of each gate when the step began."""

    @classmethod
    def begun(cls, plan: RolloutPlan) -> Self:
        """At the first reading, at 0 s: what the counters say belongs to no attempt yet."""
        candidate = Candidate(revision="c", version="2", digest="sha256:2", attempt=1, started_at=_stamp(0))
        backends = (Backend(revision="c", weight=0), Backend(revision="s", weight=100))
        split = TrafficSplit(number=1, attempt=1, backends=backends, timeout_seconds=10)
        status = ModelDeploymentStatus(
            attempt=1,
            stable=_STABLE,
            candidate=candidate,
            traffic=Traffic(desired=split, applied=split),
            evidence=EvidenceStatus(attempt=1, taken_at=_stamp(0)),
        )
        return cls(plan=plan, status=status)

    def next_reading(self, at: float) -> float:
        """Seconds until the counters are to be read."""
        left = evidence.next_due(self.plan.spec, self.status, _moment(at))
        if left is None:
            raise LookupError("an attempt that is under way is read")
        return left

    def read(self, at: float, gathered: Gathered) -> None:
        """Judge what came since the last reading."""
        found = gathered.in_bake() if self.status.previous else gathered.on_trial()
        part = Evidence(parts=(found,))
        for gate in self.plan.gates:
            judgement = gate.judge(part, self.seen.get(gate.name, GateMemory()))
            self.seen[gate.name], self.verdicts[gate.name] = judgement.seen, judgement.verdict
        before = self.status.evidence
        if before is None:
            raise LookupError("an attempt begins with a reading")
        self.status = evolve(self.status, evidence=evidence.next_reading(before, (), _moment(at), found))

    def begin_step(self) -> None:
        """The pause after a weight begins."""
        self.before_step = {name: seen.samples for name, seen in self.seen.items()}

    def promote(self, at: float) -> None:
        """The bake begins: the gates begin anew."""
        self.seen, self.verdicts = {}, {}
        previous = Previous(
            revision="s",
            version="1",
            digest="sha256:1",
            stable_since=_stamp(0),
            attempt=1,
            started_at=_stamp(0),
            baking_since=_stamp(at),
        )
        self.status = evolve(self.status, candidate=None, previous=previous)

    def fails(self) -> bool:
        """Whether a gate says fail."""
        return Verdict.FAIL in self.verdicts.values()

    def lacks(self, weight: int) -> bool:
        """Whether a gate lacks samples of this step."""
        during = StepConditions(spec=self.plan.spec, weight=weight, mirror=0)
        return any(gate.gathers(during) and self._samples(gate) < gate.min_samples for gate in self.plan.gates)

    def _samples(self, gate: Gate) -> int:
        return self.seen.get(gate.name, GateMemory()).samples - self.before_step.get(gate.name, 0)

    def undecided(self) -> bool:
        """Whether a gate has not passed."""
        return any(self.verdicts.get(gate.name) is not Verdict.PASS for gate in self.plan.gates)


def _moment(at: float) -> datetime:
    return _BEGINNING + timedelta(seconds=at)


def _stamp(at: float) -> str:
    return exact_stamp(_moment(at))
