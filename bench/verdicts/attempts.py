"""A whole attempt on a trace: steps, promotion and bake, with the product's gates and schedule."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import ceil

import numpy as np

from bench.verdicts.product import AttemptStatus, CountedAtPods, PlannedStep, RolloutPlan
from bench.verdicts.traces import CANDIDATE, CHUNK, COPIES, SECOND, STABLE, Counts, Routed, TrafficTrace
from penstock_contracts.api.status import ModelDeploymentStatus

_MOVES = 1
"""Slots from a wish to the gateways' acknowledgement: it is a matter of milliseconds, looked at after 0.2 s."""
_LOOKS = SECOND
"""Slots between two looks while something is waited for."""


class AttemptEnd(StrEnum):
    """How a simulated attempt ended."""

    PROMOTED = "promoted"
    """And its bake went by."""
    FAILED = "failed on trial"
    """A gate said fail before the promotion."""
    FAILED_IN_BAKE = "failed in the bake"
    """A gate said fail after it."""
    DEADLINE_SAMPLES = "deadline, samples"
    """Too long was waited for a step's samples."""
    DEADLINE_VERDICT = "deadline, undecided"
    """Too long was waited for a pass."""


@dataclass(frozen=True, kw_only=True)
class EndedAttempt:
    """What became of an attempt."""

    end: AttemptEnd
    seconds: float
    """From the first weight until the promotion, or until it was decided that there is none, or that it is undone."""
    tries: int
    """Of the candidate until then."""
    failures: int
    """Of these, the failed ones."""
    readings: int
    """Until the very end."""


@dataclass
class SimulatedAttempt:
    """One attempt under way. Times are slots."""

    plan: RolloutPlan
    trace: TrafficTrace
    at: int = 0
    counted: CountedAtPods = field(default_factory=CountedAtPods)
    waited: int = 0
    """Seconds of the deadline that are used up."""
    readings: int = 0
    judged: AttemptStatus = field(init=False)
    routed: Routed = field(init=False)
    _places: dict[tuple[int, int], int] = field(default_factory=dict)
    """When a new pod took the place of another: by version and place, the slot."""
    _due: int = 0
    _due_in: ModelDeploymentStatus | None = None
    _sums: Counts | None = None
    """Since slot `_sums_from`, up to each slot: tries of each pod, then failures."""
    _sums_from: int = 0

    def __post_init__(self) -> None:
        self.judged = AttemptStatus.begun(self.plan)

    def run(self) -> EndedAttempt:
        """From the first weight to the end of the bake."""
        for step in self.plan.steps:
            ended = self._step(step)
            if ended:
                return self._ended(ended)
        ended = self._decide()
        if ended:
            return self._ended(ended)
        self._route(weight=100, pods=self.plan.replicas)
        if self._moved():
            return self._ended(AttemptEnd.FAILED)
        self.judged.promote(self._seconds)
        promoted = self._ended(AttemptEnd.PROMOTED)
        self._judge()
        ends = self.at + round(self.plan.bake * SECOND)
        while self.at < ends:
            if self._pass(min(ends, self._next_reading())):
                return self._ended(AttemptEnd.FAILED_IN_BAKE)
            self.judged.acknowledge()
        return EndedAttempt(
            end=AttemptEnd.PROMOTED,
            seconds=promoted.seconds,
            tries=promoted.tries,
            failures=promoted.failures,
            readings=self.readings,
        )

    def _step(self, step: PlannedStep) -> AttemptEnd | None:
        self._route(weight=step.weight, pods=step.pods)
        if self._moved():
            return AttemptEnd.FAILED
        self.judged.begin_pause(step, self._seconds)
        self._judge()
        ends = self.at + round(step.pause * SECOND)
        while self.at < ends:
            if self._pass(min(ends, self._next_reading())):
                return AttemptEnd.FAILED
        since = self.at
        while self.judged.lacks(step):
            if self._too_late(since):
                return AttemptEnd.DEADLINE_SAMPLES
            if self._pass(min(self.at + _LOOKS, self._next_reading())):
                return AttemptEnd.FAILED
        self.waited += self._spent(since)
        self.judged.end_pause()
        return None

    def _decide(self) -> AttemptEnd | None:
        since = self.at
        while not self.judged.may_promote():
            if self._too_late(since):
                return AttemptEnd.DEADLINE_VERDICT
            if self._pass(min(self.at + _LOOKS, self._next_reading())):
                return AttemptEnd.FAILED
        return None

    def _spent(self, since: int) -> int:
        """Seconds of waiting that began with slot `since`. As in status, its stamp has whole seconds."""
        return (self.at - since // SECOND * SECOND) // SECOND if self.at > since else 0

    def _too_late(self, since: int) -> bool:
        return self.waited + self._spent(since) > self.judged.deadline()

    def _route(self, *, weight: int, pods: int) -> None:
        copies = self.judged.ask(weight)
        self.judged.have_pods(pods, self.plan.replicas)
        self.routed = Routed(
            weight=weight,
            copies=copies,
            candidate_pods=pods,
            stable_pods=self.plan.replicas,
            replaced=self.trace.replaced_by(self._places),
        )
        self._sums = None

    def _moved(self) -> bool:
        """Every gateway pod has the new weight. Whether a gate fails by what is read before that is known."""
        self._count(self.at + _MOVES)
        failed = self._judge()
        self.judged.acknowledge()
        return failed

    def _pass(self, until: int) -> bool:
        """Let time pass, then read the counters if they are due. Whether a gate fails."""
        # A pass is never in the past, and a reading that is due at once waits for the next look.
        self._count(max(until, self.at + 1))
        return self._judge()

    def _count(self, until: int) -> None:
        self._add(self._counts(self.at, until))
        self.at = until

    def _add(self, found: Sequence[int]) -> None:
        """Count tries of each pod, then failures, that came since."""
        candidates, stables = self.judged.pods
        rows = [
            (arm, pod) for arm, pods in ((CANDIDATE, candidates), (STABLE, stables), (COPIES, stables)) for pod in pods
        ]
        for (arm, pod), tries, failures in zip(rows, found[: len(rows)], found[len(rows) :], strict=True):
            if tries:
                self.counted.add(arm, pod, tries, failures)

    def _judge(self) -> bool:
        if self.at < self._next_reading():
            return False
        self.judged.read(self._seconds, self.counted)
        self.readings += 1
        self._replace_sick_pod()
        return self.judged.fails()

    def _replace_sick_pod(self) -> None:
        """As soon as it is wanted another pod has taken its place."""
        place = self.judged.replace_sick_pod()
        if place:
            self._places[place] = self.at
            self.routed = replace(self.routed, replaced=self.trace.replaced_by(self._places))
            self._sums = None

    def _next_reading(self) -> int:
        """The first slot at which they are due. It stays the same as long as the status does."""
        status = self.judged.status
        if self._due_in is not status:
            self._due_in, left = status, self.judged.next_reading(self._seconds)
            self._due = self.at + ceil(left * SECOND)
        return self._due

    def _counts(self, first: int, end: int) -> Sequence[int]:
        """Tries of each pod, then failures, of the slots from `first` up to `end`."""
        sums = self._sums
        if sums is None or end >= self._sums_from + len(sums):
            self._sums_from = first
            sums = self._sums = self._ahead(first, max(end, first + CHUNK))
        at = first - self._sums_from
        found: list[int] = (sums[at + end - first] - sums[at]).tolist()
        return found

    def _ahead(self, first: int, end: int) -> Counts:
        """Of the current routing, drawn far ahead."""
        counts = self.trace.slots(self.routed, first, min(self.trace.horizon, end))
        each = np.concatenate((counts.pod_tries, counts.pod_failures)).T
        return np.concatenate((np.zeros_like(each[:1]), np.cumsum(each, axis=0)))

    @property
    def _seconds(self) -> float:
        return self.at / SECOND

    def _ended(self, end: AttemptEnd) -> EndedAttempt:
        tries, failures = self.counted.of(CANDIDATE)
        return EndedAttempt(
            end=end,
            seconds=self._seconds,
            tries=tries,
            failures=failures,
            readings=self.readings,
        )


def run(plan: RolloutPlan, trace: TrafficTrace) -> EndedAttempt:
    """The whole attempt."""
    return SimulatedAttempt(plan=plan, trace=trace).run()
