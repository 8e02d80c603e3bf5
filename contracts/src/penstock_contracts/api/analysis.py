"""What a candidate must prove: `spec.analysis`."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from penstock_contracts.api import byte_size
from penstock_contracts.api.query_template import TEMPLATE
from penstock_contracts.api.schema import ApiModel, LongName, Name, WebAddress, cel, duration_field
from penstock_contracts.quality import QualityMetric

_PER_CENT = r"^[0-9]{1,2}(\.[0-9]{1,4})?%$"
_PER_CENT_ABOVE_0 = r"^([1-9][0-9]?(\.[0-9]{1,4})?|0\.[1-9][0-9]{0,3})%$"
_PER_CENT_OF = r"^[0-9]{1,4}(\.[0-9]{1,4})?%$"
_PER_CENT_OF_LOSS = r"^([1-9][0-9]{0,2}(\.[0-9]{1,4})?|0\.[1-9][0-9]{0,3})%$"
_PER_CENT_OF_LATENCY = r"^([5-9]|[1-9][0-9]{1,2})(\.[0-9]{1,2})?%$"
"""From 5 %: what is less lies within one bucket."""
_EACH_ONCE = (
    (
        "self.all(gate, self.exists_one(other, other.name == gate.name && "
        "(has(other.id) ? other.id : '') == (has(gate.id) ? gate.id : '')))"
    ),
    "name each gate once: several named query, or webhook, need an id each",
)
_OWN_HEADERS = (
    "self.all(gate, !has(gate.headersSecret) || has(gate.url))",
    "headersSecret goes with url: what a service of the administrator's is sent stands in the chart",
)
_ONE_ADDRESS = (
    "self.all(gate, gate.name != 'webhook' || has(gate.service) != has(gate.url))",
    "webhook needs exactly one of service and url",
)


_ONE_MARGIN = (
    (
        "self.all(gate, gate.name != 'live-quality' || !has(gate.margin) || (gate.metric in ['roc_auc', 'accuracy'] ? "
        "!has(gate.margin.relative) : !has(gate.margin.absolute)))"
    ),
    (
        "the margin of live-quality is absolute for roc_auc and accuracy, and relative, a share of stable's, for "
        "log_loss, brier, mae and rmse"
    ),
)
_SCALED = (
    "self.all(gate, gate.name != 'live-quality' || !has(gate.scale) || gate.metric in ['mae', 'rmse'])",
    "the scale of live-quality goes with mae and rmse: other metrics need none",
)


class OnInconclusive(StrEnum):
    """What happens when the last step is over and a gate cannot say yet."""

    PAUSE = "Pause"
    """Wait for more evidence, until spec.progressDeadline."""
    PROMOTE = "Promote"
    """Promote, once minSamples are seen."""
    ROLLBACK = "Rollback"
    """Roll back, once minSamples are seen."""


class GateSpec(ApiModel):
    """What every gate has."""

    initial_delay: Annotated[str, duration_field("0s", "1h")] = "0s"
    """The gate does not count what happens in this time after the candidate got its first request, and again after
    its promotion: long enough for a new version to warm up."""
    dry_run: bool = False
    """The gate judges and is shown, but neither holds the candidate back nor fails it."""
    on_inconclusive: OnInconclusive | None = None
    """What happens when the last step is over and this gate cannot say yet. Not set: spec.analysis.onInconclusive."""


class MarginSpec(ApiModel):
    """A difference of failure rates: the larger of both parts."""

    absolute: Annotated[str, Field(max_length=10, pattern=_PER_CENT)] = "0%"
    """In percentage points."""
    relative: Annotated[str, Field(max_length=10, pattern=_PER_CENT_OF)] = "0%"
    """A share of stable's failure rate, as it was seen up to then: at 100%, twice as many."""


class ErrorRateGate(GateSpec):
    """The candidate's tries fail at most `margin` more often than stable's over the same time."""

    name: Annotated[Literal["error-rate"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    margin: MarginSpec = MarginSpec(absolute="0.1%", relative="50%")
    """How much more often the candidate may fail. The gate fails when it is shown to fail more often than that."""
    pass_margin: MarginSpec = MarginSpec(absolute="0.5%", relative="100%")
    """The gate passes when more failures than this are excluded. A smaller one needs more requests; what is smaller
    than `margin` counts as large as that."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Tries of the candidate that the attempt must see before the gate can pass."""
    min_step_samples: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Tries of the candidate that each step must see before the next one begins, where it gets requests or copies."""


class OnIncompatible(StrEnum):
    """What happens to a version that takes or answers something else than stable."""

    REFUSE = "Refuse"
    """It is refused before a pod of it starts."""
    ACCEPT = "Accept"
    """It is tried; the verdict says what changes."""


class PreflightGate(GateSpec):
    """Before a pod of a version starts: it takes and answers what stable does, and is not too large or too slow."""

    name: Annotated[Literal["preflight"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    on_incompatible: OnIncompatible = OnIncompatible.REFUSE
    """What happens where a request that stable answers would be refused or mean something else."""
    accept_version: Annotated[str, Field(max_length=12, pattern=r"^[1-9][0-9]*$")] | None = None
    """This version may take and answer something else: its change is wanted."""
    golden_tolerance: Annotated[str, Field(max_length=10, pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?%$")] | None = None
    """How far its golden answer may be from stable's: numbers by this share of stable's (of 1 where that is smaller),
    and this share of labels may be others. None: golden answers are not compared."""
    max_size: Annotated[str, Field(max_length=16, pattern=byte_size.PATTERN)] | None = None
    """Bytes of its files, such as 500Mi, at most."""
    max_size_ratio: Annotated[float, Field(ge=0.01, le=1000)] | None = None
    """Its files may have so many times the bytes of stable's."""
    max_memory: Annotated[str, Field(max_length=16, pattern=byte_size.PATTERN)] | None = None
    """Memory that the model may take in the model store's check, such as 1Gi: what loading it and answering its golden
    request adds to a process. A pod needs some 150Mi beside that."""
    max_latency: Annotated[str, duration_field("1ms", "10m")] | None = None
    """Time that its golden request may take in the model store's check: one thread, the best of several runs."""


class ComparedPart(StrEnum):
    """What of two predictions is compared."""

    CLASSES = "Classes"
    """The classes that the model names: they are the same, or they differ."""
    SCORES = "Scores"
    """The numbers that it predicts, such as the probability of the last class."""


class PredictionDivergenceGate(GateSpec):
    """The candidate predicts what stable predicts for the same inputs: both answer the same requests.

    It needs spec.predictor.logger, the drift monitor, and a step in which requests are copied or replayed.
    """

    name: Annotated[Literal["prediction-divergence"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    max: Annotated[str, Field(max_length=10, pattern=_PER_CENT_ABOVE_0)] = "1%"
    """Share of the predictions whose class may differ; of numbers, the mean difference, as a part of `scale`. From
    0.1%. The gate fails when more than this is shown, and passes when less is."""
    compare: ComparedPart | None = None
    """Classes or Scores. Not set: classes where the model names them, numbers otherwise."""
    scale: Annotated[float, Field(ge=0.0001)] | None = None
    """The difference of two numbers that counts as 100 %, as larger ones do. Not set: 1 for probabilities; for other
    numbers, what lies between the 1st and the 99th percentile of the predictions in stable's reference sample."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Pairs of predictions that the attempt must see before the gate can pass."""
    min_step_samples: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Pairs that each step in which requests are copied must see before the next one begins. A step with setReplay
    alone lasts until the gate has decided, or until every recorded request is answered."""


class QualityMarginSpec(ApiModel):
    """A difference of quality."""

    absolute: Annotated[str, Field(max_length=10, pattern=_PER_CENT)] | None = None
    """For roc_auc and accuracy, in percentage points: 2%, which is the default, lets 0.90 pass beside 0.92."""
    relative: Annotated[str, Field(max_length=10, pattern=_PER_CENT_OF_LOSS)] | None = None
    """For log_loss, brier, mae and rmse, a share of stable's: 5%, which is the default, lets 0.21 pass beside 0.20."""


class LiveQualityGate(GateSpec):
    """By the labels that come for live requests, the candidate predicts as well as stable: both answer the same ones.

    It needs spec.drift, spec.predictor.logger, and a step in which requests are copied.
    """

    name: Annotated[Literal["live-quality"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    metric: QualityMetric
    """What is compared: roc_auc, accuracy, log_loss, brier, mae or rmse."""
    margin: QualityMarginSpec = QualityMarginSpec()
    """How much worse the candidate may be. The gate fails when more than this is shown, and passes when less is."""
    scale: Annotated[float, Field(ge=0.0001)] | None = None
    """For mae and rmse: an error of this size counts as the largest, as larger ones do. Not set: twice stable's largest
    error for the first 50 labels, which are not compared then."""
    positive: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The class that scores are the probability of. Not set: the last of two classes, and 1 of 0 and 1."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """Labelled pairs of predictions that the attempt must see before the gate can pass."""
    coverage: Annotated[str, Field(max_length=10, pattern=_PER_CENT_ABOVE_0)] = "50%"
    """Share of the older half of the requests for which labels must have come before the gate can say anything."""
    deadline: Annotated[str, duration_field("10s", "720h")] = "24h"
    """How long the attempt waits for this gate, from the candidate's first request. spec.progressDeadline stands still
    meanwhile."""


class DriftGate(GateSpec):
    """No promotion while live data are broken, or while the candidate's predictions drift from its reference sample.

    It never fails a candidate. It needs spec.drift.
    """

    name: Annotated[Literal["drift"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    deadline: Annotated[str, duration_field("10s", "720h")] = "48h"
    """How long the attempt waits for this gate, from the candidate's first request. spec.progressDeadline stands still
    meanwhile."""


class LatencyMarginSpec(ApiModel):
    """A difference of latencies."""

    relative: Annotated[str, Field(max_length=10, pattern=_PER_CENT_OF_LATENCY)] = "20%"
    """A share of stable's latency: 20% lets 60 ms pass beside 50 ms."""


class LatencyGate(GateSpec):
    """That percentile of the candidate's latencies is at most `margin` above stable's, over the same time.

    They are the latencies of tries at servers, measured at the gateway in buckets of 4.66 %.
    """

    name: Annotated[Literal["latency-p50", "latency-p90", "latency-p99"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    margin: LatencyMarginSpec = LatencyMarginSpec()
    """How much slower the candidate may be. The gate fails when it is shown to be slower than that."""
    pass_margin: LatencyMarginSpec | None = None
    """The gate passes when more than this is excluded. A larger one than `margin`, its default, needs fewer requests;
    what is smaller counts as large as that."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Tries of the candidate that the attempt must see before the gate can pass."""
    min_step_samples: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Tries of the candidate that each step must see before the next one begins, where it gets requests or copies."""


class ThresholdRange(ApiModel):
    """The values that a query may have."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.min) || has(self.max)", "name at least one of min and max"),
            ("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be larger than max"),
        )
    )

    min: float | None = None
    """Not less than this. None: no value is too small."""
    max: float | None = None
    """Not more than this. None: no value is too large."""

    @property
    def words(self) -> str:
        """Both bounds, in a few characters."""
        bounds = (("min", self.min), ("max", self.max))
        return " ".join(f"{name} {bound:g}" for name, bound in bounds if bound is not None)


class OnNoData(StrEnum):
    """What it means that a query has no value."""

    PAUSE = "Pause"
    """Nothing: the attempt waits for one, until spec.progressDeadline."""
    FAIL = "Fail"
    """As a value outside the range."""
    PASS = "Pass"  # noqa: S105
    """As a value within the range."""


class QueryGate(GateSpec):
    """The value of a PromQL query lies within `thresholdRange`."""

    name: Annotated[Literal["query"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    id: Name | None = None
    """Tells several gates of one name apart: status shows name/id."""
    source: Name = "default"
    """Which Prometheus is asked: the administrator defines sources in the chart's `measurements.prometheus`."""
    query: Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra=cel(TEMPLATE))]
    """PromQL with one value, asked anew every spec.analysis.interval. Variables such as {{ candidateRevision }}."""
    threshold_range: ThresholdRange
    """Where the value must lie."""
    on_no_data: OnNoData = OnNoData.PAUSE
    """What no value means: Pause, Fail or Pass. A source that does not answer is never taken for that."""
    consecutive: Annotated[int, Field(ge=1, le=100)] = 2
    """Looks in a row that must agree: so many outside the range fail, so many within it pass."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Looks with a value that the attempt must see before the gate can pass."""
    min_step_samples: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """Looks with a value that each step must see before the next one begins, where it gets requests or copies."""

    @property
    def title(self) -> str:
        """What status calls it."""
        return f"{self.name}/{self.id}" if self.id else self.name


class WebhookGate(GateSpec):
    """A service that is asked by HTTP POST answers `{"verdict": "pass"}`, `fail` or `inconclusive`."""

    name: Annotated[Literal["webhook"], Field(json_schema_extra={"type": "string"})]
    """Which gate."""
    id: Name | None = None
    """Tells several gates of one name apart: status shows name/id."""
    service: Name | None = None
    """Which service is asked: the administrator defines them in the chart's `measurements.webhooks`."""
    url: WebAddress | None = None
    """A service of your own, where the chart's `measurements.allowUrls` lets you. Redirects are not followed."""
    headers_secret: LongName | None = None
    """With url: a Secret of this namespace, each key the name of a header. The controller must be allowed to get it."""
    timeout: Annotated[str, duration_field("1s", "30s")] = "10s"
    """Within which it answers; otherwise nothing was learnt, and it is asked again."""
    min_step_samples: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """Answers of pass or fail that each step must see before the next one begins."""

    @property
    def title(self) -> str:
        """What status calls it."""
        return f"{self.name}/{self.id}" if self.id else self.name


GateEntry = Annotated[
    ErrorRateGate
    | LatencyGate
    | PredictionDivergenceGate
    | LiveQualityGate
    | DriftGate
    | PreflightGate
    | QueryGate
    | WebhookGate,
    Field(discriminator="name"),
]


class Analysis(ApiModel):
    """Gates on evidence."""

    interval: Annotated[str, duration_field("500ms", "1h")] = "10s"
    """Evidence is read once in this time."""
    gates: (
        Annotated[
            tuple[GateEntry, ...],
            Field(
                max_length=8,
                # Atomic: of an empty list by keys, server-side apply owns nothing, and it would vanish.
                json_schema_extra={
                    "x-kubernetes-list-type": "atomic",
                    **cel(_EACH_ONCE, _ONE_ADDRESS, _OWN_HEADERS, _ONE_MARGIN, _SCALED),
                },
            ),
        ]
        | None
    ) = None
    """All must pass before a promotion. None: error-rate. Empty: nothing needs to be proven. Unless it is empty,
    preflight is judged too: an entry of that name changes what it asks for."""
    on_inconclusive: OnInconclusive = OnInconclusive.PAUSE
    """What happens when the last step is over and a gate cannot say yet."""
