"""Rules and dashboards of the chart, judged by Prometheus' own tool."""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from penstock_contracts.metric_names import METRICS, Metric
from penstock_testing.chart import Chart, RefusedError, Rendered
from penstock_testing.prometheus_server import debians

RUNBOOK = "https://git.example.com/ml/penstock/docs/operator/alerts.md"
RULES = ("prometheus.rules.enabled=true", f"prometheus.rules.runbookBase={RUNBOOK}")
MONITORS = ("prometheus.serviceMonitor.enabled=true",)
DASHBOARDS = ("prometheus.dashboards.enabled=true",)
KINDS = ("PrometheusRule", "ServiceMonitor", "PodMonitor")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Without one nothing is known of the rules, so their tests fail."""
    try:
        return debians("promtool")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.fail(f"no promtool on PATH, and Debian's package prometheus cannot be had (apt-get update?): {error}")


@pytest.fixture(scope="session")
def everything(chart: Chart) -> Rendered:
    return chart.render(*RULES, *MONITORS, *DASHBOARDS)


@pytest.fixture(scope="session")
def rule_files(everything: Rendered, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the chart's PrometheusRule says, as Prometheus reads it: by alert the group that it is in, and "all"."""
    folder = tmp_path_factory.mktemp("rules")
    groups = everything.one("PrometheusRule", "penstock")["spec"]["groups"]
    files = {"all": folder / "all.yaml"}
    files["all"].write_text(json.dumps({"groups": groups}))
    for group in groups:
        file = folder / f"{group['name']}.yaml"
        file.write_text(json.dumps({"groups": [group]}))
        files |= {rule["alert"]: file for rule in group["rules"] if "alert" in rule}
    return files


def of_promtool(promtool: Path, *arguments: str | Path) -> str:
    """What it says against the rules; empty: nothing."""
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@dataclass(frozen=True)
class Case:
    """Series as promtool writes them, and when the alert is looked at. `fires`: its labels; None: it does not."""

    alert: str
    scenario: str
    series: dict[str, str]
    at: str
    fires: dict[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.alert}: {self.scenario}"

    @property
    def every(self) -> str:
        """How often rules run: what takes days need not be looked at each minute."""
        return "30m" if int(self.at.removesuffix("m")) > 500 else "1m"


MODEL = {"namespace": "payments", "name": "fraud"}
POD = {"namespace": "payments", "model_name": "fraud"}


def series(name: str, /, **labels: str) -> str:
    return f"penstock_{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


def requests(code: str, revision: str = "a", name: str = "fraud") -> str:
    return series("gateway_requests_total", namespace="payments", name=name, revision=revision, code=code)


def answered(ok: float, failed: float, minutes: int) -> dict[str, str]:
    """So many requests a minute."""
    return {requests("200"): f"0+{ok}x{minutes}", requests("503"): f"0+{failed}x{minutes}"}


FAST, SLOW = "PenstockErrorBudgetBurnsFast", "PenstockErrorBudgetBurnsSlowly"
RETRIED, FULL_PODS = "PenstockRequestsRetried", "PenstockPredictorOverloaded"
BACK, STUCK, REFUSED, DEGRADED = (
    *("PenstockRolloutRolledBack", "PenstockRolloutStuck", "PenstockVersionRefused", "PenstockModelsDegraded"),
)
AWAY, NOT_WRITTEN = "PenstockRegistryAway", "PenstockRegistryWritesRefused"
BEHIND, LAGS = "PenstockControllerBehind", "PenstockGatewayNotApplied"
DRIFT, COLUMN, LOST, SLOW_MONITOR = (
    *("PenstockDatasetDrift", "PenstockColumnDrift", "PenstockRecordsDropped", "PenstockMonitorBehind"),
)

RETRIES = series("gateway_retried_requests_total", **MODEL)
TOO_MANY = series("predictor_rejected_total", **POD, reason="requests")
REACHED = series("predictor_requests_total", **POD, route="/predict", code="200")
ROLLED_BACK = series("controller_attempts_total", **MODEL, completion="RolledBack", reason="GateFailed")
PROMOTED = series("controller_attempts_total", **MODEL, completion="Promoted", reason="Promoted")
BAD = series("controller_refusals_total", **MODEL)
BAD_AFTER_RESTART = series("controller_refusals_total", **MODEL, pod="controller-b")
IS_DEGRADED = series("resource_phase", **MODEL, phase="Degraded")
IS_HEALTHY = series("resource_phase", **MODEL, phase="Healthy")
REACHABLE = series("controller_registry_reachable", registry="default")
QUEUE = series("controller_queue_waiting")
SPLIT = {pod: series("gateway_traffic_applied_number", **MODEL, pod=pod) for pod in ("g-0", "g-1")}
ASKED, CONFIRMED = (series(f"resource_traffic_{which}_number", **MODEL) for which in ("desired", "applied"))
FREE, SIZE = series("store_volume_free_bytes"), series("store_volume_bytes")
VOLUME = {"free": series("monitor_volume_free_bytes"), "size": series("monitor_volume_bytes")}
BROKEN = series("drift_reason", **MODEL, reason="DataQuality")
DATASET = series("drift_dataset", **MODEL)
COLUMNS = {name: series("drift_column", **MODEL, column=name) for name in ("amount", "hour")}
QUALITY, AUC_LABELS = "PenstockQualityFell", MODEL | {"version": "7", "figure": "roc_auc"}
AUC = series("monitor_quality", **AUC_LABELS)
DROPPED, SENT = (series(f"predictor_records_{what}_total", **POD) for what in ("dropped", "sent"))
DEFAULTS, SKEWED = "PenstockFeaturesDefaulted", "PenstockFeatureSkew"
FOUND, DEFAULTED, MISSING = (
    series(f"predictor_features_{what}_total", **POD, column="device") for what in ("looked_up", "defaulted", "missing")
)
DIFFERING = series("drift_skewed_features", **MODEL)
TURNED_AWAY = series("monitor_batches_total", outcome="refused")
COMMITS = {bound: series("monitor_commit_seconds_bucket", le=bound) for bound in ("0.1", "3.0", "+Inf")}


REPLICA_AWAY, SINK_BEHIND, SINK_LOST = "PenstockReplicaAway", "PenstockSinkBehind", "PenstockSinkLost"
SINK_LAG = series("monitor_sink_lag_seconds", sink="parquet")


def passed_on(outcome: str) -> str:
    return series("monitor_passed_on_total", replica="m-1", outcome=outcome)


def sink(outcome: str) -> str:
    return series("monitor_sink_rows_total", sink="parquet", outcome=outcome)


def stuck(phase: str) -> dict[str, str]:
    return MODEL | {"phase": phase}


def in_phase(phase: str) -> str:
    return series("resource_phase_since_timestamp_seconds", **MODEL, phase=phase)


def written(outcome: str) -> str:
    return series("controller_registry_writes_total", outcome=outcome)


CASES = [
    Case(FAST, "three in a hundred fail for an hour", answered(97, 3, 120), "90m", MODEL),
    Case(FAST, "one in a hundred fails for seven hours", answered(99, 1, 480), "450m", MODEL),
    Case(FAST, "one in two hundred fails", answered(199, 1, 480), "450m"),
    Case(FAST, "nobody fails", {requests("200"): "0+100x480"}, "450m"),
    Case(FAST, "nobody asks", {requests("200"): "100x480", requests("503"): "100x480"}, "450m"),
    Case(FAST, "it is over", {requests("200"): "0+50x120", requests("503"): "0+50x30 1500x90"}, "75m"),
    Case(FAST, "a few in a quiet hour", answered(0.5, 0.1, 120), "80m"),
    Case(FAST, "callers' own mistakes", {requests("200"): "0+90x120", requests("422"): "0+10x120"}, "90m"),
    Case(
        FAST,
        "only the model that fails is named",
        answered(97, 3, 120) | {requests("200", name="churn"): "0+100x120", requests("503", name="churn"): "0x120"},
        "90m",
        MODEL,
    ),
    Case(FAST, "no pod was tried", {requests("200"): "0+50x120", requests("503", ""): "0+5x120"}, "90m", MODEL),
    Case(SLOW, "one in two hundred fails for two days", answered(199, 1, 2880), "2880m", MODEL),
    Case(SLOW, "one in five hundred fails for four days", answered(499, 1, 5760), "5700m", MODEL),
    Case(SLOW, "one in two thousand fails for four days", answered(1999, 1, 5760), "5700m"),
    Case(SLOW, "it is over", {requests("200"): "0+199x2880", requests("503"): "0+1x2000 2000x880"}, "2700m"),
    Case(RETRIED, "one in ten", {requests("200"): "0+100x60", RETRIES: "0+10x60"}, "40m", MODEL),
    Case(RETRIED, "one in fifty", {requests("200"): "0+100x60", RETRIES: "0+2x60"}, "40m"),
    Case(RETRIED, "for some minutes", {requests("200"): "0+100x60", RETRIES: "0+20x5 100x50"}, "40m"),
    Case(FULL_PODS, "one in twenty", {REACHED: "0+100x60", TOO_MANY: "0+5x60"}, "30m", POD),
    Case(FULL_PODS, "one in two hundred", {REACHED: "0+200x60", TOO_MANY: "0+1x60"}, "30m"),
    Case(
        DEFAULTS,
        "one in ten is too old",
        {FOUND: "0+90x60", DEFAULTED: "0+10x60", MISSING: "0x60"},
        "30m",
        POD | {"column": "device"},
    ),
    Case(
        DEFAULTS,
        "the store gives nothing at all",
        {FOUND: "0x60", DEFAULTED: "0+100x60", MISSING: "0x60"},
        "30m",
        POD | {"column": "device"},
    ),
    Case(DEFAULTS, "new users are unknown", {FOUND: "0+50x60", DEFAULTED: "0+50x60", MISSING: "0+50x60"}, "30m"),
    Case(DEFAULTS, "nobody asks", {FOUND: "0x60", DEFAULTED: "0x60", MISSING: "0x60"}, "30m"),
    Case(BACK, "the first one, at once", {ROLLED_BACK: "0 0 1x20"}, "3m", MODEL | {"reason": "GateFailed"}),
    Case(BACK, "an hour ago", {ROLLED_BACK: "0 0 1x90"}, "62m"),
    Case(BACK, "promoted", {ROLLED_BACK: "0x20", PROMOTED: "0 0 1x20"}, "3m"),
    Case(BACK, "the controller started anew", {ROLLED_BACK: "3x10 0x20"}, "15m"),
    Case(STUCK, "on trial for more than a day", {in_phase("Progressing"): "0x2000"}, "1800m", stuck("Progressing")),
    Case(STUCK, "on trial overnight", {in_phase("Progressing"): "0x2000"}, "900m"),
    Case(STUCK, "a person is waited for", {in_phase("Paused"): "0x2000"}, "1800m", stuck("Paused")),
    Case(STUCK, "the gateway does not follow", {in_phase("RollingBack"): "0x60"}, "40m", stuck("RollingBack")),
    Case(STUCK, "promoting for some minutes", {in_phase("Promoting"): "0x60"}, "20m"),
    Case(STUCK, "a long bake is meant", {in_phase("Baking"): "0x2000"}, "1800m"),
    Case(
        STUCK,
        "another rollout began",
        {in_phase("Progressing"): "0x1000 _x20 61200x900", in_phase("Healthy"): "_x1000 60000x20 _x900"},
        "1800m",
    ),
    Case(REFUSED, "the first one", {BAD: "0x10 1x60"}, "15m", MODEL),
    Case(REFUSED, "the first one of a new resource", {BAD: "_x10 1x60"}, "15m", MODEL),
    Case(REFUSED, "one more", {BAD: "2x40 3x60"}, "45m", MODEL),
    Case(REFUSED, "an hour ago", {BAD: "_x10 1x90"}, "80m"),
    Case(REFUSED, "the controller started anew", {BAD: "1x50 _x40", BAD_AFTER_RESTART: "_x50 0x40"}, "60m"),
    Case(DEGRADED, "for ten minutes", {IS_DEGRADED: "1x20"}, "10m", MODEL),
    Case(DEGRADED, "for three minutes", {IS_DEGRADED: "_x5 1x3 _x20", IS_HEALTHY: "1x5 _x3 1x20"}, "9m"),
    Case(DEGRADED, "none", {IS_HEALTHY: "1x20"}, "10m"),
    Case(AWAY, "for twenty minutes", {REACHABLE: "0x30"}, "20m", {"registry": "default"}),
    Case(AWAY, "for ten minutes", {REACHABLE: "1x10 0x10 1x10"}, "19m"),
    Case(AWAY, "it answers", {REACHABLE: "1x30"}, "20m"),
    Case(NOT_WRITTEN, "refused", {written("refused"): "0+1x30"}, "20m", {"outcome": "refused"}),
    Case(NOT_WRITTEN, "impossible, once", {written("impossible"): "0 0 1x30"}, "10m", {"outcome": "impossible"}),
    Case(NOT_WRITTEN, "it is away", {written("refused"): "0x30", written("away"): "0+1x30"}, "20m"),
    Case("PenstockControllerAbsent", "no series", {}, "11m", {}),
    Case("PenstockControllerAbsent", "for five minutes", {QUEUE: "0x5 _x5 0x20"}, "12m"),
    Case("PenstockControllerAbsent", "it is there", {QUEUE: "0x30"}, "20m"),
    Case(BEHIND, "some always wait", {QUEUE: "3x40"}, "30m", {}),
    Case(BEHIND, "now and then", {QUEUE: "3 3 3 0 3 3 3 0 3 3 3 0 3 3 3 0 3 3 3 0 3 3 3 0 3 3 3 0 3 3 3 3"}, "30m"),
    Case(
        LAGS,
        "one pod, for ten minutes",
        {ASKED: "4x20", CONFIRMED: "4x20", SPLIT["g-0"]: "4x20", SPLIT["g-1"]: "3x20"},
        "10m",
        MODEL,
    ),
    Case(LAGS, "all pods", {ASKED: "4x20", CONFIRMED: "3x20", SPLIT["g-0"]: "3x20"}, "10m", MODEL),
    Case(LAGS, "no pod tells of it", {ASKED: "1x20", CONFIRMED: "0x20"}, "10m", MODEL),
    Case(
        LAGS,
        "for a minute",
        {ASKED: "3x3 4x20", CONFIRMED: "3x4 4x20", SPLIT["g-0"]: "3x3 4x20", SPLIT["g-1"]: "3x4 4x20"},
        "10m",
    ),
    Case(
        LAGS,
        "all are up to date",
        {ASKED: "4x20", CONFIRMED: "4x20", SPLIT["g-0"]: "4x20", SPLIT["g-1"]: "4x20"},
        "10m",
    ),
    Case("PenstockGatewayAbsent", "no series", {}, "6m", {}),
    Case("PenstockGatewayAbsent", "one pod of two", {series("gateway_rejected_total", pod="g-0"): "0x20"}, "10m"),
    Case("PenstockStoreNearlyFull", "a twentieth is free", {FREE: "5x30", SIZE: "100x30"}, "20m", {}),
    Case("PenstockStoreNearlyFull", "half is free", {FREE: "50x30", SIZE: "100x30"}, "20m"),
    Case(DRIFT, "for ten minutes", {DATASET: "1x20"}, "10m", MODEL),
    Case(DRIFT, "none", {DATASET: "0x20"}, "10m"),
    Case(DRIFT, "it cannot be said", {}, "10m"),
    Case(
        COLUMN, "not the data set", {DATASET: "0x90", COLUMNS["amount"]: "1x90", COLUMNS["hour"]: "0x90"}, "80m", MODEL
    ),
    Case(COLUMN, "nothing is said of the data set", {COLUMNS["amount"]: "1x90"}, "80m", MODEL),
    Case(COLUMN, "the data set too", {DATASET: "1x90", COLUMNS["amount"]: "1x90"}, "80m"),
    Case(COLUMN, "none", {DATASET: "0x90", COLUMNS["amount"]: "0x90"}, "80m"),
    Case("PenstockDataQuality", "for ten minutes", {BROKEN: "1x20"}, "10m", MODEL),
    Case("PenstockDataQuality", "no drift", {series("drift_reason", **MODEL, reason="NoDrift"): "1x20"}, "10m"),
    Case(
        "PenstockMonitorNearlyFull",
        "a twentieth is free",
        {VOLUME["free"]: "5x30", VOLUME["size"]: "100x30"},
        "20m",
        {},
    ),
    Case("PenstockMonitorNearlyFull", "half is free", {VOLUME["free"]: "50x30", VOLUME["size"]: "100x30"}, "20m"),
    Case(QUALITY, "by a tenth", {AUC: "0.9x3000 0.8x120"}, "3090m", AUC_LABELS),
    Case(QUALITY, "by a tenth, just now", {AUC: "0.9x3000 0.8x120"}, "3010m"),
    Case(QUALITY, "by three hundredths", {AUC: "0.9x3000 0.87x120"}, "3090m"),
    Case(QUALITY, "better", {AUC: "0.8x3000 0.9x120"}, "3090m"),
    Case(
        QUALITY,
        "another figure",
        {series("monitor_quality", **MODEL, version="7", figure="log_loss"): "3x3000 0.2x120"},
        "3090m",
    ),
    Case(SKEWED, "two features", {DIFFERING: "2x20"}, "10m", MODEL),
    Case(SKEWED, "none", {DIFFERING: "0x20"}, "10m"),
    Case(LOST, "one in twenty", {DROPPED: "0+5x60", SENT: "0+95x60"}, "40m", POD),
    Case(LOST, "all", {DROPPED: "0+5x60", SENT: "0x60"}, "40m", POD),
    Case(LOST, "one in two hundred", {DROPPED: "0+1x60", SENT: "0+199x60"}, "40m"),
    Case(LOST, "nothing is recorded", {DROPPED: "0x60", SENT: "0x60"}, "40m"),
    Case("PenstockMonitorAbsent", "no series", {}, "11m", {}),
    Case("PenstockMonitorAbsent", "it is there", {series("monitor_database_bytes"): "1x20"}, "15m"),
    Case(SLOW_MONITOR, "batches are refused", {TURNED_AWAY: "0+1x60"}, "40m", {}),
    Case(
        SLOW_MONITOR,
        "commits are slow",
        {series_: "0+60x60" for le, series_ in COMMITS.items() if le != "0.1"},
        "40m",
        {},
    ),
    Case(SLOW_MONITOR, "commits are quick", dict.fromkeys(COMMITS.values(), "0+60x60"), "40m"),
    Case(SLOW_MONITOR, "batches are kept", {series("monitor_batches_total", outcome="kept"): "0+60x60"}, "40m"),
    Case(REPLICA_AWAY, "for half an hour", {passed_on("away"): "0+1x40"}, "30m", {"replica": "m-1"}),
    Case(REPLICA_AWAY, "for some minutes", {passed_on("away"): "0+1x3 3x40"}, "30m"),
    Case(REPLICA_AWAY, "it answers", {passed_on("answered"): "0+9x40", passed_on("away"): "0x40"}, "30m"),
    Case(SINK_BEHIND, "for an hour", {SINK_LAG: "0+60x60"}, "40m", {"sink": "parquet"}),
    Case(SINK_BEHIND, "by the minute that it waits for", {SINK_LAG: "90x60"}, "40m"),
    Case(SINK_LOST, "some, once", {sink("evicted"): "0x10 500x30"}, "20m", {"sink": "parquet", "outcome": "evicted"}),
    Case(SINK_LOST, "all are sent", {sink("sent"): "0+500x40", sink("refused"): "0x40"}, "30m"),
]


@dataclass(frozen=True)
class Failing:
    """A counter of failures: growth is told, none is not. `brief` growth is no trouble yet."""

    alert: str
    series: str
    labels: dict[str, str] = field(default_factory=dict)
    brief: bool = True


FAILURES = [
    Failing("PenstockControllerPassesFail", series("controller_passes_total", outcome="error")),
    Failing(
        "PenstockControllerActionsFail",
        series("controller_action_failures_total", **MODEL, reason="Refused"),
        MODEL | {"reason": "Refused"},
    ),
    Failing("PenstockEvidenceMissing", series("controller_evidence_failures_total")),
    Failing("PenstockGatewayConfigurationRefused", series("gateway_rejected_total"), brief=False),
    Failing("PenstockMonitorCannotWrite", series("monitor_commit_failures_total"), brief=False),
    Failing("PenstockReferenceSampleFails", series("monitor_sample_failures_total")),
]
for one in FAILURES:
    CASES += [
        Case(one.alert, "again and again", {one.series: "0+1x90"}, "80m", one.labels),
        Case(one.alert, "long ago", {one.series: "7x90"}, "80m"),
        Case(one.alert, "once", {one.series: "0x60 1x60"}, "68m", None if one.brief else one.labels),
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_should_and_not_otherwise(
    promtool: Path, rule_files: dict[str, Path], everything: Rendered, tmp_path: Path, case: Case
) -> None:
    firing = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    severity = alerts(everything)[case.alert]["labels"]["severity"]
    labels = {"alertname": case.alert, "alertstate": "firing", "severity": severity} | (case.fires or {})
    sample = {
        "labels": "ALERTS{" + ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items()) + "}",
        "value": 1,
    }
    looked = {"expr": firing, "eval_time": case.at, "exp_samples": [sample] if case.fires is not None else []}
    file = rule_files[case.alert]
    assert judged(promtool, file, tmp_path, case.series, {"promql_expr_test": [looked]}, every=case.every) == ""


def judged(
    promtool: Path,
    rules: Path | None,
    folder: Path,
    given: dict[str, str],
    expected: dict[str, Any],
    *,
    every: str = "1m",
) -> str:
    """What promtool says against what is expected of these series, one value a minute; rules run so often."""
    inputs = [{"series": name, "values": values} for name, values in given.items()]
    test = {
        "rule_files": [str(rules)] if rules else [],
        "evaluation_interval": every,
        "tests": [{"interval": "1m", "input_series": inputs, **expected}],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(test))
    return of_promtool(promtool, "test", "rules", file)


def alerts(rendered: Rendered) -> dict[str, dict[str, Any]]:
    groups = rendered.one("PrometheusRule", "penstock")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(everything: Rendered) -> None:
    assert {case.alert for case in CASES if case.fires is not None} == alerts(everything).keys()
    assert {case.alert for case in CASES if case.fires is None} == alerts(everything).keys()


def test_prometheus_takes_the_rules(promtool: Path, rule_files: dict[str, Path]) -> None:
    assert of_promtool(promtool, "check", "rules", "--lint=all", "--lint-fatal", rule_files["all"]) == ""


def test_a_person_reads_which_model_and_how_much(promtool: Path, rule_files: dict[str, Path], tmp_path: Path) -> None:
    told = {
        "summary": "Pods of payments/fraud fail; the gateway tries again on others.",
        "description": "10% of users' requests needed more than one pod. "
        "Where no other pod answers, users see the failure.",
        "runbook_url": f"{RUNBOOK}#penstockrequestsretried",
    }
    alert = {"exp_labels": {"severity": "warning", **MODEL}, "exp_annotations": told}
    looked = {"alertname": RETRIED, "eval_time": "40m", "exp_alerts": [alert]}
    given = {requests("200"): "0+100x60", RETRIES: "0+10x60"}
    assert judged(promtool, rule_files[RETRIED], tmp_path, given, {"alert_rule_test": [looked]}) == ""


def test_each_alert_links_to_its_paragraph_where_the_page_is_known(chart: Chart, everything: Rendered) -> None:
    assert {name: rule["annotations"]["runbook_url"] for name, rule in alerts(everything).items()} == {
        name: f"{RUNBOOK}#{name.lower()}" for name in alerts(everything)
    }
    unknown = alerts(chart.render(RULES[0]))
    assert unknown.keys() == alerts(everything).keys()
    assert all("runbook_url" not in rule["annotations"] for rule in unknown.values())


def test_alerts_of_drift_link_to_the_model_and_its_report_where_the_monitor_is_known(
    chart: Chart, everything: Rendered
) -> None:
    told = alerts(chart.render(RULES[0], "prometheus.rules.monitorBase=https://drift.example.com"))
    model = "{{ $labels.namespace }}/{{ $labels.name }}"
    assert told["PenstockDatasetDrift"]["annotations"].items() >= {
        ("model_page", f"https://drift.example.com/models/{model}"),
        ("report_url", f"https://drift.example.com/v1/reports/{model}"),
    }
    # What speaks of the monitor itself, or of what is not drift, has no report.
    assert not {"PenstockMonitorAbsent", RETRIED} & {
        name for name, rule in told.items() if "report_url" in rule["annotations"]
    }
    assert not [rule for rule in alerts(everything).values() if "report_url" in rule["annotations"]]


def test_the_objective_is_the_budget_that_alerts_count_with(chart: Chart, everything: Rendered) -> None:
    factors = {
        name: set(re.findall(r"> [\d.]+ \* ([\d.]+)", alerts(everything)[name]["expr"])) for name in (FAST, SLOW)
    }
    assert factors == {FAST: {"0.001"}, SLOW: {"0.001"}}
    changed = alerts(chart.render(*RULES, "prometheus.rules.objective=99.5"))
    for name in (FAST, SLOW):
        assert changed[name]["expr"] == alerts(everything)[name]["expr"].replace("* 0.001", "* 0.005")


def values_of(metric: Metric, **fixed: str) -> dict[str, str]:
    """The series of a metric that grow, for a model payments/fraud."""
    known = {**MODEL, "model_name": "fraud", "code": "200", **fixed}
    labels = {label: known.get(label, "some") for label in ("namespace", "pod", *metric.labels)}
    name = metric.name.removeprefix("penstock_")
    if metric.kind != "histogram":
        return {series(name, **labels): "0+1x60"}
    buckets = {series(f"{name}_bucket", **labels, le=le): "0+60x60" for le in ("0.1", "1.0", "+Inf")}
    return buckets | {series(f"{name}_{end}", **labels): "0+60x60" for end in ("sum", "count")}


def has_points(expression: str) -> dict[str, Any]:
    """As promtool asks it: whether an expression of a panel has an answer, with all that Grafana fills in."""
    filled = {"$__rate_interval": "5m", "$namespace": "payments", "$name": "fraud"}
    for variable, value in filled.items():
        expression = expression.replace(variable, value)
    one = {"labels": "{}", "value": 1}
    return {"expr": f"count({expression}) > bool 0", "eval_time": "30m", "exp_samples": [one]}


def boards(rendered: Rendered) -> dict[str, dict[str, Any]]:
    """By the name of the file in its ConfigMap."""
    maps = [item for item in rendered.of("ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]]
    return {name: json.loads(text) for item in maps for name, text in item["data"].items()}


GROWING = {name: values for metric in METRICS for name, values in values_of(metric).items()}


@pytest.mark.parametrize("board", ["fleet", "model", "rollout"])
def test_every_query_of_every_panel_returns_points(
    promtool: Path, everything: Rendered, tmp_path: Path, board: str
) -> None:
    panels = boards(everything)[f"penstock-{board}.json"]["panels"]
    asked = [has_points(target["expr"]) for panel in panels for target in panel["targets"]]
    assert len(asked) >= len(panels) > 0
    assert judged(promtool, None, tmp_path, GROWING, {"promql_expr_test": asked}) == ""


def test_a_query_for_a_series_that_nobody_exports_is_found_out(promtool: Path, tmp_path: Path) -> None:
    asked = has_points("sum(rate(penstock_gateway_answers_total[$__rate_interval]))")
    said = judged(promtool, None, tmp_path, GROWING, {"promql_expr_test": [asked]})
    assert "penstock_gateway_answers_total" in said
    assert "FAILED" in said


def test_dashboards_are_labelled_for_grafanas_sidecar(everything: Rendered) -> None:
    assert boards(everything).keys() == {"penstock-fleet.json", "penstock-model.json", "penstock-rollout.json"}
    for item in everything.of("ConfigMap"):
        assert item["metadata"]["labels"].get("grafana_dashboard", "1") == "1"


def test_nothing_of_it_is_there_unless_asked_for(chart: Chart, defaults: Rendered) -> None:
    assert defaults.of(*KINDS) == []
    assert boards(defaults) == {}
    assert {item["kind"] for item in chart.render(*RULES).of(*KINDS)} == {"PrometheusRule"}
    assert {item["kind"] for item in chart.render(*MONITORS).of(*KINDS)} == {"ServiceMonitor", "PodMonitor"}
    assert chart.render(*DASHBOARDS).of(*KINDS) == []


def test_what_is_there_by_default_is_the_same_with_it(defaults: Rendered, everything: Rendered) -> None:
    assert all(item in everything.objects for item in defaults.objects)


def test_without_a_drift_monitor_nothing_waits_for_one(chart: Chart) -> None:
    rendered = chart.render(*RULES, *MONITORS, "driftMonitor.enabled=false")
    assert "PenstockMonitorAbsent" not in alerts(rendered)
    assert FAST in alerts(rendered)
    assert [item["metadata"]["name"] for item in rendered.of("ServiceMonitor")] == ["penstock-model-store"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("prometheus.rules.enabled=perhaps", "/prometheus/rules/enabled"),
        ("prometheus.rules.runbookBase=http://git.example.com/alerts.md", "/prometheus/rules/runbookBase"),
        ("prometheus.rules.runbookBase=https://git.example.com/alerts.md#top", "/prometheus/rules/runbookBase"),
        ("prometheus.rules.monitorBase=https://drift.example.com/", "/prometheus/rules/monitorBase"),
        ("prometheus.rules.objective=100", "/prometheus/rules/objective"),
        ("prometheus.rules.objective=0.999", "/prometheus/rules/objective"),
        ("prometheus.rules.additionalLabels.release=1", "/prometheus/rules/additionalLabels/release"),
        ("prometheus.serviceMonitor.interval=30", "/prometheus/serviceMonitor/interval"),
        ("prometheus.serviceMonitors.enabled=true", "'serviceMonitors' not allowed"),
        ("prometheus.dashboards.enable=true", "'enable' not allowed"),
    ],
)
def test_a_mistaken_value_is_refused_by_name(chart: Chart, setting: str, told: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(told)):
        chart.render(setting)
