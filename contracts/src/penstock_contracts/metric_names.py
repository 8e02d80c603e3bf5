"""Every series that a part exports: the one list that code, docs and alerts use."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """An exported series."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    part: Literal["predictor", "gateway", "model-store", "controller", "drift-monitor", "every"]
    """Who exports it; `every`: each of the others."""
    labels: tuple[str, ...] = ()
    meaning: str


_MODEL = ("model_name", "model_version", "digest")
_RESOURCE = ("namespace", "name")

BUILD_INFO = Metric(
    name="penstock_build_info",
    kind="info",
    part="every",
    labels=("part", "version", "revision", "python"),
    meaning="1: the part, Penstock's version, the commit that its image was made from (empty: not told), and Python's "
    "version.",
)
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
PREDICTOR_RECORDS_SENT = Metric(
    name="penstock_predictor_records_sent_total",
    kind="counter",
    part="predictor",
    labels=_MODEL,
    meaning="Rows that the drift monitor has acknowledged.",
)
PREDICTOR_RECORDS_DROPPED = Metric(
    name="penstock_predictor_records_dropped_total",
    kind="counter",
    part="predictor",
    labels=_MODEL,
    meaning="Rows that were to be recorded and are lost: the queue was full, or the drift monitor refused them.",
)
PREDICTOR_SPANS_SENT = Metric(
    name="penstock_predictor_spans_sent_total",
    kind="counter",
    part="predictor",
    labels=_MODEL,
    meaning="Spans of traces that the collector has taken.",
)
PREDICTOR_SPANS_DROPPED = Metric(
    name="penstock_predictor_spans_dropped_total",
    kind="counter",
    part="predictor",
    labels=_MODEL,
    meaning="Spans that are lost: the queue was full, or the collector did not take them.",
)
PREDICTOR_FEATURES_LOOKED_UP = Metric(
    name="penstock_predictor_features_looked_up_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "column"),
    meaning="Values that rows lacked and the feature store had. The first 50 columns of the version's `features.json` "
    "have their names, all others are `_other`.",
)
PREDICTOR_FEATURES_DEFAULTED = Metric(
    name="penstock_predictor_features_defaulted_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "column"),
    meaning="Values that rows lacked and for which the column's default, or null, was taken: they are stale, "
    "missing, or the feature store gave nothing.",
)
PREDICTOR_FEATURES_STALE = Metric(
    name="penstock_predictor_features_stale_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "column"),
    meaning="Those of them that the feature store had, but older than the column's maxAge.",
)
PREDICTOR_FEATURES_MISSING = Metric(
    name="penstock_predictor_features_missing_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "column"),
    meaning="Those of them that the feature store does not have.",
)
PREDICTOR_FEATURE_CALLS = Metric(
    name="penstock_predictor_feature_calls_total",
    kind="counter",
    part="predictor",
    labels=(*_MODEL, "outcome"),
    meaning="Calls of the feature store, each for all rows that waited: `answered`, or why it gave nothing: `timeout`, "
    "`connection`, `status`, `answer` (not in its form), or `open` (it was not asked: the calls before failed).",
)
PREDICTOR_FEATURE_CALL = Metric(
    name="penstock_predictor_feature_call_seconds",
    kind="histogram",
    part="predictor",
    labels=_MODEL,
    meaning="Seconds of a call of the feature store.",
)
MONITOR_SKEWED_FEATURES = Metric(
    name="penstock_drift_skewed_features",
    kind="gauge",
    part="drift-monitor",
    labels=_RESOURCE,
    meaning="Looked-up features of which more served values than may be differ from what training would see, when they "
    "were last compared.",
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
GATEWAY_REQUESTS = Metric(
    name="penstock_gateway_requests_total",
    kind="counter",
    part="gateway",
    labels=("namespace", "name", "revision", "code"),
    meaning="Users' requests, each once however many pods were tried: by the revision tried last (empty: none) and the "
    "HTTP status code that the user got.",
)
GATEWAY_RETRIED = Metric(
    name="penstock_gateway_retried_requests_total",
    kind="counter",
    part="gateway",
    labels=("namespace", "name"),
    meaning="Users' requests that were tried on more than one pod: rescued, or failed all the same.",
)
GATEWAY_REQUEST_SECONDS = Metric(
    name="penstock_gateway_request_seconds",
    kind="histogram",
    part="gateway",
    labels=("namespace", "name", "revision"),
    meaning="Seconds from a user's request to the end of its answer; brought up to date every five seconds.",
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
CONTROLLER_TRANSITIONS = Metric(
    name="penstock_controller_transitions_total",
    kind="counter",
    part="controller",
    labels=("namespace", "name", "reason"),
    meaning="What attempts came through before their end, by the reason of the Event: RolloutStarted, StepDone, "
    "Paused, Resumed, Promoting, Baking, RollingBack.",
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

CONTROLLER_RETRAINING = Metric(
    name="penstock_controller_retraining_total",
    kind="counter",
    part="controller",
    labels=("namespace", "name", "reason"),
    meaning="Changes of condition Retraining, by its new reason: Running is one started, others an end or a brake.",
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
    labels=(*_RESOURCE, "reason"),
    meaning="Changes to objects of revisions that failed and are tried again, by Refused, ForeignObject, BeingDeleted, "
    "Changed or NotAnswered.",
)
CONTROLLER_NOTIFICATIONS = Metric(
    name="penstock_controller_notifications_total",
    kind="counter",
    part="controller",
    labels=(*_RESOURCE, "outcome"),
    meaning="Notifications by outcome: delivered, away (a try that is made again), failed (a receiver was never told: "
    "refused, too old, or too many waited).",
)
CONTROLLER_REFUSALS = Metric(
    name="penstock_controller_refusals_total",
    kind="counter",
    part="controller",
    labels=_RESOURCE,
    meaning="Versions that were refused before they were tried: their artifact is bad.",
)
RESOURCE_PHASE = Metric(
    name="penstock_resource_phase",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "phase"),
    meaning="1 for the phase that the resource is in.",
)
RESOURCE_PHASE_SINCE = Metric(
    name="penstock_resource_phase_since_timestamp_seconds",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "phase"),
    meaning="Unix time at which that phase began.",
)
RESOURCE_REASON = Metric(
    name="penstock_resource_reason",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "reason"),
    meaning="1 for the reason that matters most, as status.reason has it.",
)
RESOURCE_CONDITION = Metric(
    name="penstock_resource_condition",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "type", "status"),
    meaning="1 for the status, True, False or Unknown, that the condition of this type has.",
)
RESOURCE_GENERATION_LAG = Metric(
    name="penstock_resource_generation_lag",
    kind="gauge",
    part="controller",
    labels=_RESOURCE,
    meaning="Generations of the spec that no pass has come to its end with; more than 0 for long: its passes fail.",
)
RESOURCE_DESIRED_NUMBER = Metric(
    name="penstock_resource_traffic_desired_number",
    kind="gauge",
    part="controller",
    labels=_RESOURCE,
    meaning="Number of the traffic split that every gateway pod is asked for.",
)
RESOURCE_APPLIED_NUMBER = Metric(
    name="penstock_resource_traffic_applied_number",
    kind="gauge",
    part="controller",
    labels=_RESOURCE,
    meaning="Number of the newest traffic split that every gateway pod has confirmed; 0: none yet.",
)
RESOURCE_DESIRED_WEIGHT = Metric(
    name="penstock_resource_desired_weight",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "version", "revision"),
    meaning="Per cent of users' requests that the gateway is asked to send to a revision.",
)
RESOURCE_APPLIED_WEIGHT = Metric(
    name="penstock_resource_applied_weight",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "version", "revision"),
    meaning="Per cent of users' requests that every gateway pod is known to send to a revision.",
)
RESOURCE_GATE_VERDICT = Metric(
    name="penstock_resource_gate_verdict",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "gate", "stage", "verdict"),
    meaning="1 for what a gate of the attempt says: pass, fail, inconclusive or error. All series of gates stay for "
    "five minutes after an attempt has ended.",
)
RESOURCE_GATE_FIGURE = Metric(
    name="penstock_resource_gate_figure",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "gate", "stage", "figure", "version"),
    meaning="A number that a gate judges by, such as tries or failures, of the version that it judges (candidate) and "
    "of the one beside it (stable).",
)
RESOURCE_GATE_BOUND_VALUE = Metric(
    name="penstock_resource_gate_bound_value",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "gate", "stage", "bound", "verdict"),
    meaning="A number that a gate's verdict hangs on, such as odds of harm or samples, while it is known.",
)
RESOURCE_GATE_BOUND_LIMIT = Metric(
    name="penstock_resource_gate_bound_limit",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "gate", "stage", "bound", "verdict"),
    meaning="How far that number must come for this verdict: the gate's threshold.",
)
RESOURCE_GATE_BOUND_REACHED = Metric(
    name="penstock_resource_gate_bound_reached",
    kind="gauge",
    part="controller",
    labels=(*_RESOURCE, "gate", "stage", "bound", "verdict"),
    meaning="How much of the way to that limit it has come, from 0 to 1; the way of odds is measured by their "
    "logarithm.",
)

MONITOR_BATCHES = Metric(
    name="penstock_monitor_batches_total",
    kind="counter",
    part="drift-monitor",
    labels=("outcome",),
    meaning="Batches of records, by outcome: kept, repeated (sent again, counted once), unreadable, refused (no room).",
)
MONITOR_ROWS = Metric(
    name="penstock_monitor_rows_total",
    kind="counter",
    part="drift-monitor",
    labels=("namespace", "name"),
    meaning="Rows kept, shadow copies included.",
)
MONITOR_ROWS_WITHOUT_ID = Metric(
    name="penstock_monitor_rows_without_id_total",
    kind="counter",
    part="drift-monitor",
    labels=("namespace", "name"),
    meaning="Rows that no label can name: their request has no id, or one too long, or the model has no prediction.",
)
MONITOR_DROPPED = Metric(
    name="penstock_monitor_rows_dropped_total",
    kind="counter",
    part="drift-monitor",
    labels=("namespace", "name"),
    meaning="Rows that predictors sampled and could not send.",
)
MONITOR_LABELS = Metric(
    name="penstock_monitor_labels_total",
    kind="counter",
    part="drift-monitor",
    labels=("namespace", "name", "outcome"),
    meaning="Labels, by outcome: joined, waiting, repeated, conflicting, too_late, no_room, invalid.",
)
MONITOR_LABELS_WAITING = Metric(
    name="penstock_monitor_labels_waiting",
    kind="gauge",
    part="drift-monitor",
    meaning="Labels whose record has not come.",
)
MONITOR_REMOVED = Metric(
    name="penstock_monitor_removed_total",
    kind="counter",
    part="drift-monitor",
    labels=("reason",),
    meaning="Answers removed because of their age or the database's size; unmatched: labels whose record never came.",
)
MONITOR_REPLAYS = Metric(
    name="penstock_monitor_replays_total",
    kind="counter",
    part="drift-monitor",
    labels=("outcome",),
    meaning="Recorded requests that were sent to a candidate, by outcome: answered; failed; not now (busy, too slow or "
    "broken off: tried again); unreached (no pod got it: tried again).",
)
MONITOR_BYTES = Metric(
    name="penstock_monitor_database_bytes",
    kind="gauge",
    part="drift-monitor",
    meaning="Bytes of the database in use.",
)
MONITOR_COMMIT_SECONDS = Metric(
    name="penstock_monitor_commit_seconds",
    kind="histogram",
    part="drift-monitor",
    meaning="Seconds of a transaction that was committed, its judging included.",
)
MONITOR_COMMIT_FAILURES = Metric(
    name="penstock_monitor_commit_failures_total",
    kind="counter",
    part="drift-monitor",
    meaning="Transactions that the disk did not take; nothing of them was acknowledged.",
)
MONITOR_PASSED_ON = Metric(
    name="penstock_monitor_passed_on_total",
    kind="counter",
    part="drift-monitor",
    labels=("replica", "outcome"),
    meaning="Requests for a resource that another replica holds, by that replica and outcome: answered, away, busy.",
)
MONITOR_SAMPLE_FAILURES = Metric(
    name="penstock_monitor_sample_failures_total",
    kind="counter",
    part="drift-monitor",
    meaning="Tries to load a reference sample that failed.",
)
MONITOR_SINK_ROWS = Metric(
    name="penstock_monitor_sink_rows_total",
    kind="counter",
    part="drift-monitor",
    labels=("sink", "outcome"),
    meaning="Rows that a sink (cloud-events, parquet) is done with, by outcome: sent, refused (the receiver will never "
    "take them), evicted (too old or too many before they were sent).",
)
MONITOR_SINK_FAILURES = Metric(
    name="penstock_monitor_sink_failures_total",
    kind="counter",
    part="drift-monitor",
    labels=("sink",),
    meaning="Tries to send records to a sink that failed and are made again.",
)
MONITOR_SINK_LAG = Metric(
    name="penstock_monitor_sink_lag_seconds",
    kind="gauge",
    part="drift-monitor",
    labels=("sink",),
    meaning="Seconds since the oldest records came that a sink does not have; 0: it has all. Parquet waits for the end "
    "of each minute.",
)
MONITOR_SINK_WAITING = Metric(
    name="penstock_monitor_sink_rows_waiting",
    kind="gauge",
    part="drift-monitor",
    labels=("sink",),
    meaning="Rows that a sink does not have yet.",
)
MONITOR_QUALITY = Metric(
    name="penstock_monitor_quality",
    kind="gauge",
    part="drift-monitor",
    labels=("namespace", "name", "version", "figure"),
    meaning="Live quality from labels: roc_auc, pr_auc, f1, accuracy, log_loss, brier, mae or rmse; renewed some "
    "seconds after labels came.",
)
MONITOR_DATASET_DRIFT = Metric(
    name="penstock_drift_dataset",
    kind="gauge",
    part="drift-monitor",
    labels=("namespace", "name"),
    meaning="1 when the data set drifts, 0 when it does not; none while it cannot be said.",
)
MONITOR_REASON = Metric(
    name="penstock_drift_reason",
    kind="gauge",
    part="drift-monitor",
    labels=("namespace", "name", "reason"),
    meaning="1 for the reason of the last verdict, as condition DriftDetected has it.",
)
MONITOR_VOLUME_BYTES = Metric(
    name="penstock_monitor_volume_bytes",
    kind="gauge",
    part="drift-monitor",
    meaning="Size of the volume that the monitor keeps everything on.",
)
MONITOR_VOLUME_FREE_BYTES = Metric(
    name="penstock_monitor_volume_free_bytes",
    kind="gauge",
    part="drift-monitor",
    meaning="Bytes of that volume that are still free.",
)
MONITOR_COLUMN_LOG_ODDS = Metric(
    name="penstock_drift_log_odds",
    kind="gauge",
    part="drift-monitor",
    labels=("namespace", "name", "column"),
    meaning="Natural logarithm of the odds against no drift, for the 50 columns where it is nearest its threshold.",
)
MONITOR_COLUMN_DRIFTED = Metric(
    name="penstock_drift_column",
    kind="gauge",
    part="drift-monitor",
    labels=("namespace", "name", "column"),
    meaning="1 when the column drifts, for the 50 columns nearest their threshold.",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
