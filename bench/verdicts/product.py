"""The product's own rules, as a simulated attempt asks for them: all that is bound to its code stands here.

A pass of the whole engine costs too much for thousands of attempts. So here are only the functions that decide, on a
real status: when counters are read, what is compared, what the gates say of it, what a step lacks.
tests/unit/bench/test_attempts.py shows that the engine comes to the same ends at the same times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from bench.verdicts.traces import CANDIDATE, COPIES, STABLE
from penstock_contracts.api import duration
from penstock_contracts.api.status import Candidate, ModelDeploymentStatus, Previous, Stable
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import Traffic
from penstock_controller.analysis.error_rate import FALSE_ROLLBACK
from penstock_controller.gates.catalogue import STAGES, gates_of
from penstock_controller.gates.error_rate import ErrorRate
from penstock_controller.gates.evidence import TryCount
from penstock_controller.gates.gate import Gate
from penstock_controller.rollout import forecast, reading_times, sick_pods, splits, verdicts
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.observation import ArmTries, Observation, Reading, RevisionPod, Unresolved, Workload
from penstock_controller.rollout.steps import EVERYTHING, Setting, size_at, steps_of
from penstock_controller.rollout.timestamps import exact_stamp
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities

ALPHA = FALSE_ROLLBACK / STAGES
"""The error level of one gate that is alone, in one stage."""
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_OUR_GATEWAY = TrafficCapabilities(mirror=True, stickiness=True, header_match=True, rescue=True, evidence=True)
_CANDIDATE, _STABLE = "c", "s"
"""Revisions."""
_ARMS = {
    CANDIDATE: (_CANDIDATE, TryReason.USERS),
    STABLE: (_STABLE, TryReason.USERS),
    COPIES: (_STABLE, TryReason.SHADOW),
}


def tolerated(errors: float) -> float:
    """The harm that the default gate lets pass where stable's failure rate is known to be this one."""
    (gate,) = RolloutPlan.of().gates
    if not isinstance(gate, ErrorRate):
        raise TypeError(f"the default gate is error-rate, not {gate.name}")
    return gate.limits.margin.at(errors)


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A weight and the pause after it."""

    index: int
    """Of the weight, in the strategy's steps."""
    weight: int
    """Per cent."""
    pause: float
    """Seconds."""
    pods: int
    """Of the candidate, in the pause."""


@dataclass(frozen=True, kw_only=True)
class RolloutPlan:
    """What a resource asks of its attempts. Weights that are each followed by a pause, and nothing else."""

    spec: ModelDeploymentSpec
    gates: tuple[Gate, ...]
    steps: tuple[PlannedStep, ...]
    replicas: int
    bake: float
    """Seconds."""

    @classmethod
    def of(cls, fields: Mapping[str, object] | None = None, *, replicas: int = 4, sticky: bool = False) -> Self:
        """The defaults, but for these fields of the spec. Raises ValueError for steps that it does not know."""
        canary = {"strategy": {"canary": {"stickiness": {"header": "x-user"}}}} if sticky else {}
        registry = {"registry": {"model": "m", "alias": "champion"}, "predictor": {"minReplicas": replicas}}
        spec = ModelDeploymentSpec.model_validate({**registry, **canary, **(fields or {})})
        steps = steps_of(spec.strategy)
        planned = []
        for index in range(0, len(steps), 2):
            weight = steps[index].set_weight
            pause = steps[index + 1].pause if index + 1 < len(steps) else None
            if weight is None or pause is None or pause.duration is None:
                raise ValueError("a simulated attempt has steps of setWeight, each followed by a pause of some length")
            pods = size_at(steps, index + 1, replicas)
            planned.append(PlannedStep(index=index, weight=weight, pause=duration.seconds(pause.duration), pods=pods))
        return cls(
            spec=spec,
            gates=gates_of(spec.analysis),
            steps=tuple(planned),
            replicas=replicas,
            bake=duration.seconds(spec.bake.duration),
        )


@dataclass
class CountedAtPods:
    """What the gateways have counted: at each pod, users' requests and copies, and the failed ones of them."""

    at_pods: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    """By arm (CANDIDATE, STABLE, COPIES) and name of the pod."""

    def add(self, arm: int, pod: str, tries: int, failures: int) -> None:
        """Count some more."""
        before = self.at_pods.get((arm, pod), (0, 0))
        self.at_pods[arm, pod] = (before[0] + tries, before[1] + failures)

    def of(self, arm: int) -> tuple[int, int]:
        """Tries and failures of an arm."""
        found = [count for (whose, _), count in self.at_pods.items() if whose == arm]
        return sum(tries for tries, _ in found), sum(failures for _, failures in found)

    def as_reading(self) -> Reading:
        """As a gateway pod answers."""
        return Reading(source="gateway/0", tries=tuple(self._arm(arm) for arm in _ARMS if self.of(arm)[0]))

    def _arm(self, arm: int) -> ArmTries:
        revision, reason = _ARMS[arm]
        tries, failures = self.of(arm)
        pods = {
            pod: TryCount(tries=count, failures=failed)
            for (whose, pod), (count, failed) in self.at_pods.items()
            if whose == arm and count
        }
        return ArmTries(revision=revision, arm=reason, tries=tries, failures=failures, pods=pods)


@dataclass
class AttemptStatus:
    """The status of an attempt, moved on by the product's functions. Times are seconds from the first weight."""

    context: RolloutContext
    pods: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    """The names of the candidate's pods and of stable's, by their places."""

    @classmethod
    def begun(cls, plan: RolloutPlan) -> Self:
        """The gateway knows the candidate, and its counters are read for the first time."""
        stamp = exact_stamp(_BEGINNING)
        status = ModelDeploymentStatus(
            attempt=1,
            stable=Stable(revision=_STABLE, version="1", digest="sha256:1", since=stamp),
            candidate=Candidate(revision=_CANDIDATE, version="2", digest="sha256:2", attempt=1, started_at=stamp),
        )
        nothing_known = Unresolved(reason="Unknown", message="")
        seen = Observation(
            now=_BEGINNING,
            generation=1,
            target=nothing_known,
            workloads={},
            gateways=(),
            capabilities=_OUR_GATEWAY,
        )
        context = RolloutContext(spec=plan.spec, status=status, observation=seen, gates=plan.gates)
        begun = cls(context=context)
        begun.have_pods(plan.steps[0].pods if plan.steps else plan.replicas, plan.replicas)
        begun._ask(splits.only(context, _STABLE, _CANDIDATE))
        begun.acknowledge()
        begun.read(0, CountedAtPods())
        return begun

    def have_pods(self, *numbers: int) -> None:
        """So many of the candidate and of stable are ready."""
        for revision, names, number in zip((_CANDIDATE, _STABLE), self.pods, numbers, strict=True):
            names += [f"{revision}-{place}" for place in range(len(names), number)]
        self._show_pods()

    def _show_pods(self) -> None:
        workloads = {
            revision: Workload(
                revision=revision,
                version="",
                digest="",
                replicas=len(names),
                ready=len(names),
                pods=tuple(RevisionPod(name=name, uid=name, addresses=(name,)) for name in names),
            )
            for revision, names in zip((_CANDIDATE, _STABLE), self.pods, strict=True)
        }
        self.context = replace(self.context, observation=replace(self.context.observation, workloads=workloads))

    def replace_sick_pod(self) -> tuple[int, int] | None:
        """Replace the pod that is to be replaced now. Answers its version and place; None: none is."""
        for action in sick_pods.replacements(self.status, self.context.observation):
            version = (_CANDIDATE, _STABLE).index(action.revision)
            place = self.pods[version].index(action.pod)
            self.pods[version][place] += "+"
            self._show_pods()
            return version, place
        return None

    @property
    def status(self) -> ModelDeploymentStatus:
        """As it stands now."""
        return self.context.status

    def _write(self, status: ModelDeploymentStatus) -> None:
        self.context = self.context.with_status(status)

    def _ask(self, traffic: Traffic) -> None:
        self._write(evolve(self.status, traffic=traffic))

    def ask(self, weight: int) -> int:
        """Ask for a weight. Answers how many per cent of the candidate's requests stable is to answer too."""
        status = self.status
        if status.candidate is None or status.stable is None:
            raise LookupError("a weight is asked for on trial")
        self._ask(splits.trial(self.context, status.candidate, status.stable, Setting(weight=weight)))
        mirror = self.status.traffic.desired.mirror if self.status.traffic else None
        if mirror is None:
            return 0
        if mirror.revision != _STABLE or (weight != EVERYTHING and mirror.source != _CANDIDATE):
            raise ValueError(f"a simulated attempt knows copies of the candidate's requests at stable, not {mirror}")
        return mirror.percentage

    def acknowledge(self) -> None:
        """Every gateway pod does what it is asked."""
        traffic = self.status.traffic
        if traffic and traffic.applied is not traffic.desired:
            self._ask(Traffic(desired=traffic.desired, applied=traffic.desired))

    def begin_pause(self, step: PlannedStep, at: float) -> None:
        """The weight holds, and the pause behind it begins."""
        candidate = self.status.candidate
        begun = evolve(candidate, step=step.index + 1, step_since=_stamp(at)) if candidate else None
        self._write(verdicts.begin_step(evolve(self.status, candidate=begun)))

    def end_pause(self) -> None:
        """And is over."""
        candidate = self.status.candidate
        self._write(
            evolve(self.status, candidate=candidate and evolve(candidate, step=candidate.step + 1, step_since=None))
        )

    def next_reading(self, at: float) -> float:
        """Seconds until the counters are to be read."""
        left = reading_times.next_due(self.context.spec, self.status, _moment(at))
        if left is None:
            raise LookupError("an attempt that is under way is read")
        return left

    def read(self, at: float, counted: CountedAtPods) -> None:
        """Judge what was counted since the last reading."""
        seen = replace(self.context.observation, now=_moment(at), evidence=(counted.as_reading(),))
        self.context = replace(self.context, observation=seen)
        self._write(verdicts.judge(self.context))
        self._write(forecast.update(self.context))

    def fails(self) -> bool:
        """Whether a gate says fail, or pods of the version keep falling sick."""
        return verdicts.shown_worse(self.context) is not None

    def lacks(self, step: PlannedStep) -> bool:
        """Whether a gate lacks samples of this step."""
        return bool(verdicts.lacking(self.context, Setting(weight=step.weight)))

    def deadline(self) -> float:
        """Seconds that may be spent on waiting, as it is known by now."""
        return forecast.deadline(self.context)

    def may_promote(self) -> bool:
        """Whether the gates let it be promoted."""
        return verdicts.may_promote(self.context)

    def promote(self, at: float) -> None:
        """The pointer moves and the bake begins."""
        previous = Previous(
            revision=_STABLE,
            version="1",
            digest="sha256:1",
            stable_since=_stamp(0),
            attempt=1,
            started_at=_stamp(0),
            baking_since=_stamp(at),
        )
        stable = Stable(revision=_CANDIDATE, version="2", digest="sha256:2", since=_stamp(at))
        self._write(evolve(self.status, stable=stable, candidate=None, previous=previous))
        self._ask(splits.bake(self.context, _CANDIDATE, _STABLE))


def _moment(at: float) -> datetime:
    return _BEGINNING + timedelta(seconds=at)


def _stamp(at: float) -> str:
    return exact_stamp(_moment(at))
