"""What is shown of each ModelDeployment: gauges made of the status that its last pass left.

They are made anew from each status, so nothing that a status does not name any more is shown, and no more series stand
than it names.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from penstock_contracts import metric_names
from penstock_contracts.api.status import GateResult, ModelDeploymentStatus, Phase, bounds_of
from penstock_contracts.metric_names import Metric
from penstock_contracts.traffic import TrafficSplit
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.timestamps import moment

_SHOWN = (
    metric_names.RESOURCE_PHASE,
    metric_names.RESOURCE_PHASE_SINCE,
    metric_names.RESOURCE_REASON,
    metric_names.RESOURCE_CONDITION,
    metric_names.RESOURCE_GENERATION_LAG,
    metric_names.RESOURCE_DESIRED_NUMBER,
    metric_names.RESOURCE_APPLIED_NUMBER,
    metric_names.RESOURCE_DESIRED_WEIGHT,
    metric_names.RESOURCE_APPLIED_WEIGHT,
    metric_names.RESOURCE_GATE_VERDICT,
    metric_names.RESOURCE_GATE_FIGURE,
    metric_names.RESOURCE_GATE_BOUND_VALUE,
    metric_names.RESOURCE_GATE_BOUND_LIMIT,
    metric_names.RESOURCE_GATE_BOUND_REACHED,
)
_SHOWN_AFTER = 300.0
"""Seconds for which the gates of an attempt that has ended are shown: the pass in which one fails may be the last of
its attempt, and whoever scrapes once a minute is to see it."""
_OF_TROUBLE = {"Reconciling": "False", "Stalled": "True"}
"""Conditions and what they say while passes fail."""


@dataclass(frozen=True)
class SeriesSample:
    """One series of a resource. `labels`: after namespace and name."""

    metric: Metric
    labels: tuple[str, ...]
    value: float
    until: float = inf
    """When it is not shown any more, in seconds since 1970."""


def samples(status: ModelDeploymentStatus) -> tuple[SeriesSample, ...]:
    """Everything that is shown of a status."""
    return (
        *_phase(status.phase, status.phase_since),
        SeriesSample(metric_names.RESOURCE_REASON, (status.reason,), 1),
        *(SeriesSample(metric_names.RESOURCE_CONDITION, (one.type, one.status), 1) for one in status.conditions),
        *_traffic(status),
        *_gates(status),
    )


def troubled(before: Iterable[SeriesSample], reason: str) -> tuple[SeriesSample, ...]:
    """What is shown once status tells that passes fail: all else stays as it was."""
    kept = tuple(
        one
        for one in before
        if one.metric is not metric_names.RESOURCE_REASON
        and not (one.metric is metric_names.RESOURCE_CONDITION and one.labels[0] in _OF_TROUBLE)
    )
    told = (SeriesSample(metric_names.RESOURCE_CONDITION, said, 1) for said in _OF_TROUBLE.items())
    return (*kept, SeriesSample(metric_names.RESOURCE_REASON, (reason,), 1), *told)


def _phase(phase: Phase, since: str | None) -> Iterator[SeriesSample]:
    yield SeriesSample(metric_names.RESOURCE_PHASE, (phase.value,), 1)
    if since:
        yield SeriesSample(metric_names.RESOURCE_PHASE_SINCE, (phase.value,), moment(since).timestamp())


def _traffic(status: ModelDeploymentStatus) -> Iterator[SeriesSample]:
    if status.traffic is None:
        return
    desired, applied = status.traffic.desired, status.traffic.applied
    yield SeriesSample(metric_names.RESOURCE_DESIRED_NUMBER, (), desired.number)
    yield SeriesSample(metric_names.RESOURCE_APPLIED_NUMBER, (), applied.number if applied else 0)
    pointers = (status.stable, status.candidate, status.previous, *status.retiring)
    versions = {pointer.revision: pointer.version for pointer in pointers if pointer}
    wanted, given = _weights(desired), _weights(applied)
    # Both have a series for whichever names a revision: so they can be compared.
    for revision in sorted(wanted.keys() | given.keys()):
        labels = (versions.get(revision, ""), revision)
        yield SeriesSample(metric_names.RESOURCE_DESIRED_WEIGHT, labels, wanted.get(revision, 0))
        yield SeriesSample(metric_names.RESOURCE_APPLIED_WEIGHT, labels, given.get(revision, 0))


def _weights(split: TrafficSplit | None) -> dict[str, int]:
    return {backend.revision: backend.weight for backend in split.backends} if split else {}


def _gates(status: ModelDeploymentStatus) -> Iterator[SeriesSample]:
    if status.gates or status.candidate or status.previous or not status.history:
        yield from (sample for gate in status.gates for sample in _gate(gate))
        return
    last = status.history[0]
    until = moment(last.ended_at).timestamp() + _SHOWN_AFTER
    yield from (replace(sample, until=until) for gate in last.gates for sample in _gate(gate))


def _gate(gate: GateResult) -> Iterator[SeriesSample]:
    yield SeriesSample(metric_names.RESOURCE_GATE_VERDICT, (gate.name, gate.stage, gate.verdict), 1)
    for figure in gate.figures:
        for version, value in (("candidate", figure.candidate), ("stable", figure.stable)):
            if value is not None:
                labels = (gate.name, gate.stage, figure.name, version)
                yield SeriesSample(metric_names.RESOURCE_GATE_FIGURE, labels, value)
    for bound in bounds_of(gate):
        labels = (gate.name, gate.stage, bound.name, bound.decides)
        if bound.value is not None:
            yield SeriesSample(metric_names.RESOURCE_GATE_BOUND_VALUE, labels, bound.value)
        yield SeriesSample(metric_names.RESOURCE_GATE_BOUND_LIMIT, labels, bound.limit)
        yield SeriesSample(metric_names.RESOURCE_GATE_BOUND_REACHED, labels, bound.reached)


class ResourceSeries(Collector):
    """The series of all resources. Read from another thread than the one that changes them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since 1970."""
        self._clock = clock
        self._samples: dict[ResourceKey, tuple[SeriesSample, ...]] = {}
        self._followed: dict[ResourceKey, int] = {}
        """The generation that the last pass came to its end with. A status that tells of trouble names a newer one."""
        self._lags: dict[ResourceKey, int] = {}

    def show(self, key: ResourceKey, status: ModelDeploymentStatus) -> None:
        """A pass came to its end and left this status."""
        self._samples[key] = samples(status)
        self._followed[key], self._lags[key] = status.observed_generation, 0

    def trouble(self, key: ResourceKey, reason: str) -> None:
        """Status tells that passes over the resource fail."""
        self._samples[key] = troubled(self._samples.get(key, ()), reason)

    def begin(self, key: ResourceKey, *, generation: int, observed: int) -> None:
        """A pass begins with a spec of this generation. `observed`: the one that status speaks of; below 1: none."""
        self._lags[key] = generation - self._followed.get(key, max(observed, 0))

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone."""
        for kept in (self._samples, self._followed, self._lags):
            kept.pop(key, None)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, without asking what there is."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The series as they stand."""
        families = {one.name: GaugeMetricFamily(one.name, one.meaning, labels=one.labels) for one in _SHOWN}
        now = self._clock()
        for key, shown in list(self._samples.items()):
            for sample in shown:
                if sample.until > now:
                    families[sample.metric.name].add_metric((key.namespace, key.name, *sample.labels), sample.value)
        lag = families[metric_names.RESOURCE_GENERATION_LAG.name]
        for key, generations in list(self._lags.items()):
            lag.add_metric((key.namespace, key.name), generations)
        yield from families.values()
