"""A gate as a value: which evidence it needs, where it can gather it, and what it says of it.

The rollout knows gates by this class alone. docs/maintainer/adding-a-gate.md walks through a new one.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from penstock_contracts.api.analysis import OnInconclusive
from penstock_contracts.api.logger import LoggerMode
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.api.strategy import SetReplay
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence

EVERYTHING = 100
"""Per cent."""
MARGIN_REASONS = {
    Verdict.PASS: Reason.WITHIN_MARGIN,
    Verdict.FAIL: Reason.MARGIN_EXCEEDED,
    Verdict.INCONCLUSIVE: Reason.NOT_DECIDED,
}
"""What a gate with a margin says of each verdict, in one word."""


@dataclass(frozen=True, kw_only=True)
class StepConditions:
    """What there is to gather evidence from while a step lasts."""

    spec: ModelDeploymentSpec
    weight: int
    """Per cent of the users' requests that the candidate gets."""
    mirror: int
    """Per cent of stable's requests that the candidate answers too."""
    replay: SetReplay | None = None
    """The recorded requests that it answers; None: none."""

    @property
    def records(self) -> bool:
        """Whether predictions are recorded."""
        logger = self.spec.predictor.logger
        return logger is not None and logger.mode is not LoggerMode.NONE and logger.sample_rate > 0

    @property
    def makes_pairs(self) -> bool:
        """Whether requests are copied, so that both versions answer them, and both are recorded."""
        canary = self.spec.strategy.canary
        sticky = canary is not None and canary.stickiness is not None and self.weight > 0
        return self.records and (self.mirror > 0 or sticky or self.weight == EVERYTHING)


@dataclass(frozen=True, kw_only=True)
class GateMemory:
    """What a gate left in status at its last judgement, and goes on from."""

    samples: int = 0
    figures: tuple[Figure, ...] = ()
    bounds: tuple[Bound, ...] = ()
    """What its verdict hangs on, and how far each of that has come; empty: it has nothing of that kind."""
    query: str = ""
    """What a service outside was asked last; empty: none is asked in words."""
    state: str = ""
    """The running test, as the gate wrote it; empty: nothing was judged yet."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a gate says."""

    verdict: Verdict
    reason: str
    """Why, in one word."""
    message: str
    """Why, in a sentence with the numbers."""
    seen: GateMemory
    """What it has seen by now: samples, figures, bounds, and the state of its test."""


@dataclass(frozen=True, kw_only=True)
class Gate(ABC):
    """One of the conditions that a candidate must meet. Immutable: what it has seen is kept by the caller."""

    name: str
    """As spec.analysis.gates names it."""
    min_samples: int
    """Samples that the attempt must bring before it can pass."""
    min_step_samples: int = 0
    """Samples that each step which gathers evidence must bring before the next one begins."""
    config: str = ""
    """What its test depends on, such as a margin: another text begins a new test."""
    initial_delay: float = 0.0
    """Seconds from the first evidence of a stage in which nothing is counted."""
    dry_run: bool = False
    """It judges and is shown, but neither holds the candidate back nor fails it."""
    on_inconclusive: OnInconclusive | None = None
    """What happens when the last step is over and it cannot say; None: as the resource says for all gates."""

    deadline: float | None = None
    """Seconds from the candidate's first request for which the attempt waits for it, without spending
    spec.progressDeadline; None: it spends that like all else."""

    needs: ClassVar[tuple[type, ...]]
    """Classes of the parts of evidence without which it cannot judge."""
    statistical: ClassVar[bool]
    """Whether chance can make it fail a good candidate: only then it takes a share of the attempt's error budget."""
    sample: ClassVar[str]
    """What one sample is, in the plural: tries, labelled requests."""
    how_to_get_samples: ClassVar[str]
    """Why there may be none at all, and what to do, to be put behind a message."""

    @abstractmethod
    def gathers(self, during: StepConditions) -> bool:
        """Whether it can gather evidence on this resource in this step."""

    @abstractmethod
    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement of evidence that has every part it needs."""

    def samples_to_pass(self, seen: GateMemory, share: float) -> int | None:  # noqa: ARG002
        """How many samples it is likely to need in all before a good candidate passes; None: it cannot say.

        `share`: the candidate's part of what both versions answer, within (0, 1).
        """
        return None

    def samples_per_request(self, spec: ModelDeploymentSpec) -> float:  # noqa: ARG002
        """Samples for each request that can bring one, above 0: less than 1 where only some are recorded."""
        return 1.0

    def replayed(self, during: StepConditions) -> SetReplay | None:  # noqa: ARG002
        """The recorded requests of a step that bring it samples, one each; None: none do."""
        return None

    def how_to_need(self, samples: int) -> str:  # noqa: ARG002
        """What to write so that about so many samples are enough; empty: there is nothing of that kind."""
        return ""

    def edges(self, state: str) -> tuple[int, ...]:  # noqa: ARG002
        """Edges of latency buckets at which it wants the tries of the next interval counted, by the state it left."""
        return ()

    def judge(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """What it says now. Evidence that lacks a needed part changes nothing that was seen."""
        for kind in self.needs:
            if (found := evidence.why_missing(kind)) is not None:
                return Judgement(verdict=found.verdict, reason=found.reason, message=found.message, seen=seen)
        return self.assess(evidence, seen)
