"""Every series that a part exports: the one list that code, docs and alerts use."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """An exported series."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    part: Literal["predictor", "gateway", "model-store", "controller"]
    labels: tuple[str, ...] = ()
    meaning: str


_MODEL = ("model_name", "model_version", "digest")

PREDICTOR_REQUESTS = Metric(
    name="penstock_predictor_requests_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "route", "code"),
    meaning="Requests answered, by route and HTTP status code; version and digest are those that were loaded.",
)
PREDICTOR_LATENCY = Metric(
    name="penstock_predictor_request_seconds",
    kind="histogram",
    part="predictor",
    labels=(*_MODEL, "route"),
    meaning="Seconds from the first byte read to the answer ready to be written.",
)
PREDICTOR_INFERENCE = Metric(
    name="penstock_predictor_inference_seconds",
    kind="histogram",
    part="predictor",
    labels=_MODEL,
    meaning="Seconds inside onnxruntime.",
)
PREDICTOR_IN_FLIGHT = Metric(
    name="penstock_predictor_requests_in_flight",
    kind="gauge",
    part="predictor",
    labels=_MODEL,
    meaning="Requests accepted and not yet answered.",
)
PREDICTOR_WAITING = Metric(
    name="penstock_predictor_requests_waiting",
    kind="gauge",
    part="predictor",
    labels=_MODEL,
    meaning="Requests accepted that no run has taken yet: the queue before the model.",
)
PREDICTOR_BATCH = Metric(
    name="penstock_predictor_batch_rows",
    kind="histogram",
    part="predictor",
    labels=_MODEL,
    meaning="Rows computed in one run of onnxruntime, of one request or of several.",
)
PREDICTOR_REJECTED = Metric(
    name="penstock_predictor_rejected_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "reason"),
    meaning="Requests for which there was no room (429): too many `requests`, too many `bytes`, or too little `time`.",
)
PREDICTOR_READY = Metric(
    name="penstock_predictor_ready",
    kind="gauge",
    part="predictor",
    labels=_MODEL,
    meaning="1 when the golden request was answered right and the pod is not draining.",
)
GATEWAY_APPLIED_NUMBER = Metric(
    name="penstock_gateway_traffic_applied_number",
    kind="gauge",
    part="gateway",
    labels=("namespace", "name"),
    meaning="Number of the traffic split that this pod's Envoy has confirmed.",
)
GATEWAY_APPLY_SECONDS = Metric(
    name="penstock_gateway_apply_seconds",
    kind="histogram",
    part="gateway",
    meaning="Seconds from a change seen to Envoy's confirmation.",
)
GATEWAY_REJECTED = Metric(
    name="penstock_gateway_rejected_total",
    kind="counter",
    part="gateway",
    meaning="Configurations that the agent or Envoy refused.",
)
STORE_INGESTS = Metric(
    name="penstock_store_ingests_total",
    kind="counter",
    part="model-store",
    labels=("phase", "reason"),
    meaning="Ingests that ended, by outcome and reason.",
)
STORE_DIGESTS = Metric(
    name="penstock_store_digests",
    kind="gauge",
    part="model-store",
    meaning="Digests held.",
)
STORE_BYTES = Metric(
    name="penstock_store_bytes",
    kind="gauge",
    part="model-store",
    meaning="Bytes held.",
)
STORE_VOLUME_BYTES = Metric(
    name="penstock_store_volume_bytes",
    kind="gauge",
    part="model-store",
    meaning="Size of the volume that the store keeps everything on.",
)
STORE_VOLUME_FREE_BYTES = Metric(
    name="penstock_store_volume_free_bytes",
    kind="gauge",
    part="model-store",
    meaning="Bytes of that volume that are still free.",
)
STORE_REMOVED = Metric(
    name="penstock_store_removed_total",
    kind="counter",
    part="model-store",
    meaning="Digests removed because nobody had named them for the grace time.",
)
CONTROLLER_PASSES = Metric(
    name="penstock_controller_passes_total",
    kind="counter",
    part="controller",
    labels=("outcome",),
    meaning="Reconcile passes, by outcome: unchanged, written (a status write each), conflict, error.",
)
CONTROLLER_PASS_SECONDS = Metric(
    name="penstock_controller_pass_seconds",
    kind="histogram",
    part="controller",
    meaning="Seconds that one pass took.",
)
CONTROLLER_ATTEMPTS = Metric(
    name="penstock_controller_attempts_total",
    kind="counter",
    part="controller",
    labels=("namespace", "name", "completion", "reason"),
    meaning="Attempts that ended, by completion and reason.",
)
CONTROLLER_REGISTRY_ERRORS = Metric(
    name="penstock_controller_registry_errors_total",
    kind="counter",
    part="controller",
    labels=("registry",),
    meaning="Registry calls that failed.",
)
CONTROLLER_REGISTRY_WRITES = Metric(
    name="penstock_controller_registry_writes_total",
    kind="counter",
    part="controller",
    labels=("outcome",),
    meaning="Tries to write an attempt's outcome or the live alias: written, away, refused, impossible (given up).",
)

CONTROLLER_RESOURCES = Metric(
    name="penstock_controller_resources",
    kind="gauge",
    part="controller",
    labels=("phase",),
    meaning="ModelDeployments by phase, as their last passes left them.",
)
CONTROLLER_NAMESPACES_ELSEWHERE = Metric(
    name="penstock_controller_namespaces_elsewhere",
    kind="gauge",
    part="controller",
    meaning="Namespaces with ModelDeployments that this release leaves alone, because another one acts there.",
)
CONTROLLER_QUEUE = Metric(
    name="penstock_controller_queue_waiting",
    kind="gauge",
    part="controller",
    meaning="ModelDeployments whose next pass is due and waits for a worker.",
)
CONTROLLER_REGISTRY_REACHABLE = Metric(
    name="penstock_controller_registry_reachable",
    kind="gauge",
    part="controller",
    labels=("registry",),
    meaning="1 when the registry answered the last look-up, 0 when it did not; none before the first.",
)
CONTROLLER_EVIDENCE_FAILURES = Metric(
    name="penstock_controller_evidence_failures_total",
    kind="counter",
    part="controller",
    meaning="Gateway pods that did not answer when they were asked for evidence.",
)
CONTROLLER_ACTION_FAILURES = Metric(
    name="penstock_controller_action_failures_total",
    kind="counter",
    part="controller",
    labels=("reason",),
    meaning="Changes to objects of revisions that failed and are tried again, by Refused, ForeignObject, BeingDeleted, "
    "Changed or NotAnswered.",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
