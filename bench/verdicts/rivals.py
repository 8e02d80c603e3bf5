"""What Flagger and Argo Rollouts decide on a trace, restated from their documentation.

Flagger: https://docs.flagger.app/tutorials/istio-progressive-delivery and /usage/how-it-works. Each interval the
success rate of the canary over the last interval is compared with a threshold. Below it, or without a value, the check
has failed and the weight stays; else the weight grows, and after the check at the largest weight the canary is
promoted. When the number of failed checks reaches `threshold` it is rolled back (its scheduler does so one interval
later, which is not charged here).

Argo Rollouts: https://argo-rollouts.readthedocs.io/en/stable/features/analysis/. Steps go by time; an analysis beside
them measures the success rate each interval and aborts when more than `failureLimit` measurements have failed. Its
query is an `irate`: over the last two scrapes, whatever the window in brackets. No value is an error, and the fifth
error in a row (`consecutiveErrorLimit` 4) aborts too.
"""

from dataclasses import dataclass

from bench.verdicts.traces import CANDIDATE, SECOND, Routed, TrafficTrace

PROMOTED, ROLLED_BACK = "Promoted", "RolledBack"


@dataclass(frozen=True, kw_only=True)
class RivalEnd:
    """How a rival's attempt ended."""

    end: str
    """Promoted or RolledBack."""
    seconds: float
    """From the first weight to the end."""
    tries: int
    """Requests that the canary answered until then."""
    failures: int
    """Of these, the failed ones."""


@dataclass(frozen=True, kw_only=True)
class FlaggerSettings:
    """`spec.analysis` of a Canary."""

    name: str
    interval: float
    """Seconds."""
    threshold: int
    step_weight: int
    max_weight: int
    least: float = 0.99
    """Success rate below which a check has failed."""

    def run(self, trace: TrafficTrace) -> RivalEnd:
        """From the first weight to promotion or rollback."""
        weight, failed, tries, failures = self.step_weight, 0, 0, 0
        slots = round(self.interval * SECOND)
        at = 0
        while True:
            found, wrong = _answered(trace, weight, at, at + slots)
            at, tries, failures = at + slots, tries + found, failures + wrong
            if not found or 1 - wrong / found < self.least:
                failed += 1
                if failed >= self.threshold:
                    return RivalEnd(end=ROLLED_BACK, seconds=at / SECOND, tries=tries, failures=failures)
            elif weight >= self.max_weight:
                return RivalEnd(end=PROMOTED, seconds=at / SECOND, tries=tries, failures=failures)
            else:
                weight = min(self.max_weight, weight + self.step_weight)


@dataclass(frozen=True, kw_only=True)
class ArgoSettings:
    """Steps of a Rollout with a background analysis."""

    name: str
    steps: tuple[tuple[int, float], ...]
    """Weight, and the pause after it in seconds."""
    interval: float
    """Seconds between measurements."""
    first: float
    """Seconds from the first weight to the first measurement."""
    failure_limit: int
    least: float = 0.95
    """Success rate from which on a measurement is a success."""
    scrape: float = 15.0
    """Seconds between two scrapes: what `irate` looks back."""
    error_limit: int = 4
    """Measurements in a row without a value that are let pass."""

    def run(self, trace: TrafficTrace) -> RivalEnd:
        """From the first weight to promotion or abort."""
        failed = errors = 0
        at = self.first
        while at < self.seconds:
            found, wrong = self._between(trace, max(0.0, at - self.scrape), at)
            errors = 0 if found else errors + 1
            failed += found > 0 and (found - wrong) / found < self.least
            if failed > self.failure_limit or errors > self.error_limit:
                return self._ended(trace, ROLLED_BACK, at)
            at += self.interval
        return self._ended(trace, PROMOTED, self.seconds)

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(pause for _, pause in self.steps)

    def _ended(self, trace: TrafficTrace, end: str, at: float) -> RivalEnd:
        tries, failures = self._between(trace, 0, at)
        return RivalEnd(end=end, seconds=at, tries=tries, failures=failures)

    def _between(self, trace: TrafficTrace, since: float, until: float) -> tuple[int, int]:
        tries = failures = 0
        begins = 0.0
        for weight, pause in self.steps:
            first, end = max(since, begins), min(until, begins + pause)
            if first < end:
                found, wrong = _answered(trace, weight, round(first * SECOND), round(end * SECOND))
                tries, failures = tries + found, failures + wrong
            begins += pause
        return tries, failures


Rival = FlaggerSettings | ArgoSettings


def _answered(trace: TrafficTrace, weight: int, first: int, end: int) -> tuple[int, int]:
    counts = trace.slots(Routed(weight=weight, candidate_pods=4, stable_pods=4), first, end)
    return int(counts.tries[CANDIDATE].sum()), int(counts.failures[CANDIDATE].sum())


FLAGGER = FlaggerSettings(name="Flagger, documented", interval=60, threshold=5, step_weight=10, max_weight=50)
FLAGGER_FASTEST = FlaggerSettings(name="Flagger, fastest", interval=10, threshold=1, step_weight=5, max_weight=50)
ARGO = ArgoSettings(
    name="Argo, documented",
    steps=((20, 600), (40, 600), (60, 600), (80, 600)),
    interval=300,
    first=600,
    failure_limit=3,
)
ARGO_FASTEST = ArgoSettings(
    name="Argo, fastest", steps=((5, 60), (25, 60), (50, 60)), interval=15, first=15, failure_limit=0
)
RIVALS: tuple[Rival, ...] = (FLAGGER, FLAGGER_FASTEST, ARGO, ARGO_FASTEST)
"""As documented: Flagger's tutorial for Istio, Argo's page on background analysis. Fastest: the shortest intervals that
the documentation allows for, with one failed look that decides, on weights like ours."""
