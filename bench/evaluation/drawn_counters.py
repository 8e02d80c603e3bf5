"""A gateway pod's counters, of tries that fail, and take their time, by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from penstock_contracts.latency_buckets import bucket_of
from penstock_controller.rollout.observation import ArmTries, Reading
from penstock_testing.rollout_counters import GatewayCounters, Pods, Slot

_MEDIAN_MS, _SIGMA = 12.0, 0.5
"""Of a log-normal distribution."""
_SAMPLE = 100_000
_BUCKETS, _TIMES = np.unique(
    [bucket_of(time) for time in np.random.default_rng(0).lognormal(np.log(_MEDIAN_MS), _SIGMA, _SAMPLE)],
    return_counts=True,
)


@dataclass
class DrawnCounters(GatewayCounters):
    """Draws from a seed what the tests' counters share out evenly."""

    drawn: np.random.Generator = field(default_factory=np.random.default_rng)
    times: dict[Slot, NDArray[np.int64]] = field(default_factory=dict)
    """Tries that did not fail, by bucket of latency."""

    def _count(self, slot: Slot, count: int, failing: Mapping[str, float], pods: Pods) -> int:
        if not count:
            return 0
        there = pods.get(slot[1]) or {"": failing.get(slot[1], 1.0)}
        spread = self.drawn.multinomial(count, [1 / len(there)] * len(there))
        lost = self.drawn.binomial(spread, list(there.values()))
        for address, tries, failures in zip(there, spread.tolist(), lost.tolist(), strict=True):
            if address and tries:
                self.pod_tries[slot, address] += tries
                self.pod_failures[slot, address] += failures
        failed = int(lost.sum())
        self.tries[slot] += count
        self.failures[slot] += failed
        times = self.drawn.multinomial(count - failed, _TIMES / _SAMPLE)
        self.times[slot] = self.times.get(slot, np.zeros_like(times)) + times
        return failed

    def reading(self, attempt: int, latencies: Mapping[str, Sequence[int]]) -> Reading:
        """What the pod answers about an attempt."""
        told = super().reading(attempt, latencies)
        return replace(told, tries=tuple(self._timed(attempt, arm) for arm in told.tries))

    def _timed(self, attempt: int, arm: ArmTries) -> ArmTries:
        counted = zip(_BUCKETS.tolist(), self.times[attempt, arm.revision, arm.arm].tolist(), strict=True)
        return replace(arm, latencies={bucket: count for bucket, count in counted if count})
