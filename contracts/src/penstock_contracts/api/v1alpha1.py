"""ModelDeployment v1alpha1: the single source of the CRD, its reference page and the controller's own types.

What it names stands in `strategy`, `analysis`, `drift`, `retrain` and `status` beside it.

A line under a field is its help in `kubectl explain`. Cross-field rules stand in `x-kubernetes-validations` (CEL): the
API server enforces them, so nothing else needs to be up.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.drift import Drift
from penstock_contracts.api.features import FeatureOptions
from penstock_contracts.api.logger import Logger
from penstock_contracts.api.notify import Receivers
from penstock_contracts.api.pod_template import PodTemplate
from penstock_contracts.api.retrain import Retrain
from penstock_contracts.api.schema import ApiModel, Name, ResourceList, cel, duration_field
from penstock_contracts.api.strategy import Strategy
from penstock_contracts.base import evolve

Alias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        json_schema_extra=cel(
            (
                "self.lowerAscii() != 'latest' && !self.matches('^[vV][0-9]+$')",
                "MLflow reserves 'latest' and v<number>: choose another alias",
            )
        ),
    ),
]


class RegistryRef(ApiModel):
    """Which model, and which version of it."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.alias) != has(self.version)", "name exactly one of alias and version"),
            (
                "!has(self.alias) || !has(self.liveAlias) || self.alias.lowerAscii() != self.liveAlias.lowerAscii()",
                "liveAlias must differ from alias: you move alias, Penstock moves liveAlias",
            ),
        )
    )

    connection: Name = "default"
    """Name of a registry connection; the administrator defines connections in the chart's `registries`."""
    model: Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^/:\x00-\x1f]+$")]
    """Name of the registered model."""
    alias: Alias | None = None
    """Follow this alias: moving it in the registry starts a rollout."""
    version: Annotated[str, Field(max_length=12, pattern=r"^[1-9][0-9]*$")] | None = None
    """Stay at this version."""
    live_alias: Alias | None = None
    """Penstock points this alias at the version that is stable: at promotion, and back when the bake takes it back."""

    @property
    def wish(self) -> "RegistryRef":
        """What is looked up: the same for all who want the same."""
        return evolve(self, live_alias=None)


_KINDS = (
    "self.all(kind, kind in ['cpu', 'memory', 'ephemeral-storage'])",
    "only cpu, memory and ephemeral-storage: the predictor computes on processors, and its image has no other library",
)
Amounts = Annotated[ResourceList, Field(json_schema_extra=cel(_KINDS))]


def _between(resources: str, kind: str, low: str, high: str) -> tuple[str, str]:
    amount = f"quantity(string(self.{resources}['{kind}']))"
    rule = (
        f"!has(self.{resources}) || !('{kind}' in self.{resources}) || "
        f"({amount}.compareTo(quantity('{low}')) >= 0 && {amount}.compareTo(quantity('{high}')) <= 0)"
    )
    return rule, f"{resources}.{kind} must be from {low} to {high}"


class ResourceRequirements(ApiModel):
    """Compute resources of each predictor pod's container."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)"
                ),
                (
                    "a request must not be larger than its limit "
                    "(where no requests are named, they are cpu: 100m and memory: 256Mi)"
                ),
            ),
            _between("requests", "cpu", "0", "1024"),
            _between("requests", "memory", "1Mi", "64Ti"),
            _between("limits", "cpu", "10m", "1024"),
            _between("limits", "memory", "64Mi", "64Ti"),
        )
    )

    requests: Amounts = {"cpu": "100m", "memory": "256Mi"}
    """What the scheduler sets aside."""
    limits: Amounts = {"memory": "1Gi"}
    """What the container may use at most."""


class BatchingOptions(ApiModel):
    """Requests that meet in a pod are computed together, where the model can be batched."""

    max_batch_size: Annotated[int, Field(ge=1, le=1024)] = 256
    """Rows computed in one run at most; 1: every request by itself."""
    max_latency: Annotated[str, duration_field("0s", "1s")] = "0s"
    """How long a request may wait for others to join it; 0s: none waits, only what is there already is joined."""


class Predictor(ApiModel):
    """The pods that serve a version."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "duration(self.batcher.maxLatency) < duration(self.timeout)",
                "batcher.maxLatency must be shorter than timeout: a request would be late before it is computed",
            ),
            (
                "!has(self.features) || duration(self.features.timeout) < duration(self.timeout)",
                "features.timeout must be shorter than timeout: nothing would be left to compute in",
            ),
            (
                "!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas",
                "maxReplicas must not be smaller than minReplicas",
            ),
            (
                (
                    "!has(self.maxReplicas) || self.maxReplicas == self.minReplicas || "
                    "(has(self.resources.requests) && 'cpu' in self.resources.requests) || "
                    "(has(self.resources.limits) && 'cpu' in self.resources.limits)"
                ),
                "maxReplicas needs resources.requests.cpu: utilisation is measured against it",
            ),
        )
    )

    min_replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Pods of the stable version; with maxReplicas, the fewest."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Where larger than minReplicas, the number of pods follows the load, up to this many."""
    target_cpu_utilization: Annotated[int, Field(alias="targetCPUUtilization", ge=1, le=1000)] = 70
    """With maxReplicas: per cent of the requested cpu that a pod uses on average."""
    resources: ResourceRequirements = ResourceRequirements()
    """Compute resources of each pod."""
    timeout: Annotated[str, duration_field("100ms", "10m")] = "10s"
    """Time limit of one request; a candidate's first try gets a third of it."""
    batcher: BatchingOptions = BatchingOptions()
    """How requests are computed together."""
    workers: Annotated[int, Field(ge=1, le=16)] = 1
    """Predictor processes in each pod, which share its port, its processors and its memory."""
    logger: Logger | None = None
    """What is recorded of predictions. None: nothing."""
    features: FeatureOptions | None = None
    """Where columns are looked up that rows of POST /predict lack. None: rows must have them all."""
    pod_template: PodTemplate | None = None
    """What the pods of this cluster must have beside their program. It goes before the chart's, name by name."""


class Bake(ApiModel):
    """The time after promotion."""

    duration: Annotated[str, duration_field("0s", "168h")] = "10m"
    """The version before stays warm this long; while it does, a failing gate takes everything back to it."""


_EVIDENCE = (
    (
        "!has(self.strategy.canary) || !has(self.strategy.canary.steps) || "
        "(has(self.analysis.gates) && "
        "self.analysis.gates.all(gate, gate.name in ['preflight', 'prediction-divergence'])) || "
        "self.strategy.canary.steps.exists(step, "
        "(has(step.setWeight) && step.setWeight > 0) || (has(step.setMirror) && step.setMirror.percentage > 0))"
    ),
    (
        "without a step that sets a weight or a mirror, gates see no request and nothing is ever promoted: "
        "add such a step to strategy.canary.steps, or write analysis: {gates: [{name: preflight}]}"
    ),
)


_IN_TIME = (
    "!has(self.progressDeadline) || duration(self.analysis.interval) <= duration(self.progressDeadline)",
    "analysis.interval must not be longer than progressDeadline: time would be over before evidence is read once",
)


_RECORDED = (
    (
        "!has(self.drift) || (has(self.predictor.logger) && self.predictor.logger.mode == 'all' && "
        "self.predictor.logger.sampleRate > 0.0)"
    ),
    ("drift needs predictor.logger: {mode: all} with a sampleRate above 0: it is found in what predictor pods record"),
)


_NO_PAIRS_WANTED = (
    "!has(self.analysis.gates) || "
    "!self.analysis.gates.exists(gate, gate.name in ['prediction-divergence', 'live-quality']) || "
)
_PAIRING = "the gates prediction-divergence and live-quality need"
_PAIRS_RECORDED = (
    (
        f"{_NO_PAIRS_WANTED}(has(self.predictor.logger) && self.predictor.logger.mode == 'all' && "
        "self.predictor.logger.sampleRate >= 0.01)"
    ),
    (
        f"{_PAIRING} predictor.logger: {{mode: all}} with a sampleRate of at least 0.01: they compare what predictor "
        "pods record"
    ),
)
_PAIRS_MADE = (
    (
        f"{_NO_PAIRS_WANTED}has(self.strategy.blueGreen) || (has(self.strategy.canary) && "
        "(has(self.strategy.canary.stickiness) || (has(self.strategy.canary.steps) && "
        "self.strategy.canary.steps.exists(step, (has(step.setMirror) && step.setMirror.percentage > 0) || "
        "(has(step.setReplay) && !self.analysis.gates.exists(gate, gate.name == 'live-quality')) || "
        "(has(step.setWeight) && step.setWeight == 100)))))"
    ),
    (
        f"{_PAIRING} a step in which both versions answer the same requests: begin "
        "strategy.canary.steps with setMirror: {percentage: 100} and a pause, or set strategy.canary.stickiness"
    ),
)
_REPLAY_JUDGED = (
    (
        "!has(self.strategy.canary) || !has(self.strategy.canary.steps) || "
        "!self.strategy.canary.steps.exists(step, has(step.setReplay)) || (has(self.analysis.gates) && "
        "self.analysis.gates.exists(gate, gate.name == 'prediction-divergence'))"
    ),
    (
        "setReplay needs the gate prediction-divergence: no other gate judges what a candidate answers to recorded "
        "requests"
    ),
)


_WATCHED = (
    (
        "has(self.drift) || !has(self.analysis.gates) || "
        "!self.analysis.gates.exists(gate, gate.name in ['live-quality', 'drift'])"
    ),
    "the gates live-quality and drift need spec.drift, such as drift: {}: without it the drift monitor watches nothing",
)
_TRAINED = (
    "!has(self.drift) || self.drift.onDrift != 'Retrain' || has(self.retrain)",
    "drift.onDrift: Retrain needs retrain.jobTemplate or retrain.webhook: what trains",
)
_BY_ALIAS = (
    "!has(self.retrain) || has(self.registry.alias)",
    "retrain needs registry.alias: what trains moves it to the version that it registers",
)


class ModelDeploymentSpec(ApiModel):
    """What the user wants."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *(
                _EVIDENCE,
                _IN_TIME,
                _RECORDED,
                _PAIRS_RECORDED,
                _PAIRS_MADE,
                _REPLAY_JUDGED,
                _WATCHED,
                _TRAINED,
                _BY_ALIAS,
            )
        )
    )

    registry: RegistryRef
    """The model and its version."""
    predictor: Predictor = Predictor()
    """The pods that serve it."""
    strategy: Strategy = Strategy()
    """How a new version takes over."""
    analysis: Analysis = Analysis()
    """What it must prove."""
    bake: Bake = Bake()
    """The time after promotion."""
    drift: Drift | None = None
    """What counts as drift of live data. None: nobody watches them."""
    retrain: Retrain | None = None
    """What trains a new version, by drift.onDrift: Retrain, by schedule or by hand. None: there is nothing."""
    notify: Receivers | None = None
    """Who is told when an attempt begins, waits for a person, and ends. Not set: whom the administrator names."""
    progress_deadline: Annotated[str, duration_field("10s", "24h")] | None = None
    """A new version that waits this long in all, for its pods, the gateway or evidence, is taken back. Not set: 10m, or
    three times as long as the attempt is likely to take at the rate of requests that is seen, or three times
    analysis.interval, whichever is longer, and 24h at most."""
    revision_history_limit: Annotated[int, Field(ge=1, le=20)] = 5
    """Decision records kept in status. Attempts that failed leave before the two versions that served last."""
    paused: bool = False
    """While true, no new version is started, and one on trial stays at its step."""
