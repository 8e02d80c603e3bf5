"""Which gates a resource has: from its spec to gates that can judge."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import assert_never

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import (
    Analysis,
    DriftGate,
    ErrorRateGate,
    GateSpec,
    LatencyGate,
    LiveQualityGate,
    PredictionDivergenceGate,
    PreflightGate,
    QueryGate,
    WebhookGate,
)
from penstock_controller.analysis.error_rate import FALSE_ROLLBACK
from penstock_controller.gates.error_rate import ErrorRate
from penstock_controller.gates.gate import Gate
from penstock_controller.gates.latency import LatencyQuantile
from penstock_controller.gates.live_data import LiveDataCheck
from penstock_controller.gates.live_quality import LabelledQuality
from penstock_controller.gates.prediction_divergence import PredictionDivergence
from penstock_controller.gates.preflight import Preflight
from penstock_controller.gates.threshold_query import ThresholdQuery
from penstock_controller.gates.webhook_check import WebhookCheck

STAGES = 2
"""An attempt is judged on trial and again in its bake."""

GateCatalogue = Callable[[Analysis], tuple[Gate, ...]]
"""From spec.analysis to the gates of an attempt."""


_Entry = ErrorRateGate | LatencyGate | PredictionDivergenceGate | LiveQualityGate | DriftGate | QueryGate | WebhookGate


def _kind(entry: _Entry) -> tuple[type[Gate], Callable[[float], Gate]]:
    """The kind of gate that an entry names, and how one is made, from its share of the error budget."""
    kind: type[Gate]
    make: Callable[[float], Gate]
    match entry:
        case ErrorRateGate():
            kind, make = ErrorRate, partial(ErrorRate.of, entry)
        case LatencyGate():
            kind, make = LatencyQuantile, partial(LatencyQuantile.of, entry)
        case PredictionDivergenceGate():
            kind, make = PredictionDivergence, partial(PredictionDivergence.of, entry)
        case LiveQualityGate():
            kind, make = LabelledQuality, partial(LabelledQuality.of, entry)
        case DriftGate():
            kind, make = LiveDataCheck, lambda _: LiveDataCheck.of(entry)
        case QueryGate():
            kind, make = ThresholdQuery, lambda _: ThresholdQuery.of(entry)
        case WebhookGate():
            kind, make = WebhookCheck, lambda _: WebhookCheck.of(entry)
        case never:
            assert_never(never)
    return kind, make


def gates_of(analysis: Analysis) -> tuple[Gate, ...]:
    """The gates of a spec: the error rate where it names none. Those that are statistical share the error budget."""
    named = (ErrorRateGate(name="error-rate"),) if analysis.gates is None else analysis.gates
    kinds = [(entry, *_kind(entry)) for entry in named if not isinstance(entry, PreflightGate)]
    alpha = error_budget(sum(kind.statistical and not entry.dry_run for entry, kind, _ in kinds))
    return tuple(_with_common_fields(make(alpha), entry) for entry, _, make in kinds)


def _with_common_fields(gate: Gate, entry: GateSpec) -> Gate:
    return replace(
        gate,
        initial_delay=duration.seconds(entry.initial_delay),
        dry_run=entry.dry_run,
        on_inconclusive=entry.on_inconclusive,
    )


def preflight_of(analysis: Analysis) -> Preflight | None:
    """What a version must be like before a pod of it starts; None: nothing needs to be proven."""
    if analysis.gates == ():
        return None
    named = (entry for entry in analysis.gates or () if isinstance(entry, PreflightGate))
    return Preflight(entry=next(named, PreflightGate(name="preflight")))


def error_budget(statistical: int) -> float:
    """One gate's share of the probability that an attempt fails a good candidate, where so many can by chance."""
    return FALSE_ROLLBACK / (STAGES * max(1, statistical))
