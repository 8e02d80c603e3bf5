"""Resources with one gate, with three, and with all, and what their gates find beside the gateways' counters."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.divergence import DIFFERENCE_BINS
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import PairedOutputs
from penstock_controller.gates.looks import CheckVerdict, MeasuredValue, OutsideLook, OutsideLooks

_Gate = dict[str, object]
_ERRORS: _Gate = {"name": "error-rate"}
_LATENCIES: list[_Gate] = [{"name": f"latency-{word}"} for word in ("p50", "p90", "p99")]
_DIVERGENCE: _Gate = {"name": "prediction-divergence"}
_PROMQL = (
    "histogram_quantile(0.99, sum by (le) "
    '(rate(request_seconds_bucket{revision="{{ candidateRevision }}"}[{{ stepAge }}])))'
)
_QUERY: _Gate = {
    "name": "query",
    "query": _PROMQL,
    "thresholdRange": {"max": 0.5},
}
_WEBHOOK: _Gate = {"name": "webhook", "service": "load-test"}
_STEPS = [
    {"setMirror": {"percentage": 100}},
    {"pause": {"duration": "1m"}},
    *(step for weight in (5, 25, 50) for step in ({"setWeight": weight}, {"pause": {"duration": "1m"}})),
]


@dataclass(frozen=True, kw_only=True)
class GateSet:
    """Gates, and a resource that has them. Preflight is judged beside them, before a pod starts."""

    name: str
    gates: tuple[_Gate, ...]

    @property
    def spec(self) -> ModelDeploymentSpec:
        """Steps of the defaults with a mirror step before them; all else is a default."""
        return ModelDeploymentSpec.model_validate(
            {
                "registry": {"model": "m", "alias": "champion"},
                "predictor": {"minReplicas": 2, "logger": {"mode": "all"}},
                "strategy": {"canary": {"steps": _STEPS}},
                "analysis": {"gates": list(self.gates)},
            }
        )


SETS = (
    GateSet(name="1: error-rate", gates=(_ERRORS,)),
    GateSet(name="3: with latency-p99 and query", gates=(_ERRORS, _LATENCIES[2], _QUERY)),
    GateSet(name="7: all kinds", gates=(_ERRORS, *_LATENCIES, _DIVERGENCE, _QUERY, _WEBHOOK)),
)


def found(answered: Callable[[], int]) -> Callable[[], tuple[object, ...]]:
    """What each look finds: the services outside say yes, and predictions are the same.

    `answered`: how many rows both versions have answered up to now.
    """
    looks = count(1)

    def measured() -> tuple[object, ...]:
        look = next(looks)
        at = f"2026-01-01T00:00:00.{look % 1000:03}Z"
        answers = {
            "query": OutsideLook(asked_at=at, answer=MeasuredValue(value=0.2 + look % 7 / 100), asked=_PROMQL),
            "webhook": OutsideLook(asked_at=at, answer=CheckVerdict(verdict=Verdict.PASS, figures={"p95": 0.25})),
        }
        rows = answered()
        pairs = PairedOutputs(
            since="2026-01-01T00:00:00.000Z",
            candidate_rows=rows,
            stable_rows=rows,
            pairs=rows,
            classified=rows,
            scored=rows,
            differences=(rows, *(0,) * (DIFFERENCE_BINS - 1)),
        )
        return (OutsideLooks(looks=answers), pairs)

    return measured
