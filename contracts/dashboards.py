"""Renders charts/penstock/files/dashboards/ below the folder given as argument (default: here): Grafana's dashboards.

Grafana's JSON model of version 10 and newer, as much of it as these need.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from penstock_contracts import metric_names as m
from penstock_contracts.metric_names import Metric

FOLDER: Final = "charts/penstock/files/dashboards"
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _A_ROW = 8, 8, 3
"""Of a panel in Grafana's grid, 24 wide; and how many lie side by side."""
_MODEL: Final = 'namespace="$namespace", name="$name"'
_PREDICTOR: Final = 'namespace="$namespace", model_name="$name"'
_BY_MODEL: Final = "namespace, name"
_LEGEND: Final = "{{namespace}}/{{name}}"
"""Of a line for each model."""


@dataclass(frozen=True)
class Query:
    """PromQL, and what its lines are called: text in which `{{label}}` stands for a label's value."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A graph over time. `unit` is one of Grafana's: reqps, s, percentunit, bytes, short."""

    title: str
    meaning: str
    unit: str
    queries: tuple[Query, ...]
    stacked: bool = False
    lowest: float | None = 0
    highest: float | None = None
    """Of the axis; None: Grafana chooses."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What a person chooses above the panels: values of a label of a series."""

    label: str
    series: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """`uid` is what links to it are made of."""

    uid: str
    title: str
    meaning: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = ()


def rate(metric: Metric, by: str, where: str = "") -> str:
    """Return PromQL for a counter's growth a second, by these labels."""
    return _sum_of_rates(metric.name, by, where)


def share(metric: Metric, by: str, where: str = "", *, part: str) -> str:
    """Return PromQL for what share of a counter's growth matches `part`; none where it does not grow."""
    some = ", ".join(filter(None, (where, part)))
    whole = rate(metric, by, where)
    return f"({rate(metric, by, some)} or 0 * {whole}) / ({whole} > 0)"


def quantile(metric: Metric, by: str, where: str = "", *, of: float) -> str:
    """Return PromQL for a histogram's quantile, by these labels."""
    labels = ", ".join(filter(None, (by, "le")))
    return f"histogram_quantile({of}, {_sum_of_rates(f'{metric.name}_bucket', labels, where)})"


def mean(metric: Metric, by: str, where: str = "") -> str:
    """Return PromQL for the mean of what a histogram observed, by these labels."""
    total, number = (_sum_of_rates(f"{metric.name}_{suffix}", by, where) for suffix in ("sum", "count"))
    return f"{total} / ({number} > 0)"


def _sum_of_rates(series: str, by: str, where: str) -> str:
    selector = f"{{{where}}}" if where else ""
    grouping = f" by ({by}) " if by else ""
    return f"sum{grouping}(rate({series}{selector}[$__rate_interval]))"


def _one(expression: str, legend: str) -> tuple[Query, ...]:
    return (Query(expression, legend),)


def fleet() -> Dashboard:
    """Return the dashboard of all models and of the parts."""
    return Dashboard(
        uid="penstock-fleet",
        title="Penstock / Fleet",
        meaning="All models, and the parts of Penstock.",
        panels=(
            *_fleet_user_panels(),
            *_fleet_model_panels(),
            *_fleet_pod_panels(),
            *_fleet_control_panels(),
            *_fleet_store_panels(),
        ),
    )


def _fleet_user_panels() -> tuple[Panel, ...]:
    """What users of all models get."""
    return (
        Panel(
            "Users' requests",
            "By model, each request once.",
            "reqps",
            _one(rate(m.GATEWAY_REQUESTS, _BY_MODEL), _LEGEND),
        ),
        Panel(
            "Requests that fail",
            "Share of users' requests that were answered 5xx.",
            "percentunit",
            _one(share(m.GATEWAY_REQUESTS, _BY_MODEL, part='code=~"5.."'), _LEGEND),
        ),
        Panel(
            "Time of a request, p99",
            "From a user's request to the end of its answer.",
            "s",
            _one(quantile(m.GATEWAY_REQUEST_SECONDS, _BY_MODEL, of=0.99), _LEGEND),
        ),
    )


def _fleet_model_panels() -> tuple[Panel, ...]:
    """How models are: their phases, attempts and live data."""
    return (
        Panel(
            "ModelDeployments by phase",
            "As the controller's last passes left them.",
            "short",
            _one(f"sum by (phase) ({m.CONTROLLER_RESOURCES.name})", "{{phase}}"),
            stacked=True,
        ),
        Panel(
            "Models that are not Healthy",
            "1 for the phase that they are in.",
            "short",
            _one(
                f'max by ({_BY_MODEL}, phase) ({m.RESOURCE_PHASE.name}{{phase!="Healthy"}})',
                f"{_LEGEND}: {{{{phase}}}}",
            ),
            highest=1,
        ),
        Panel(
            "Attempts that ended, in an hour",
            "New versions that were promoted, rolled back, aborted or superseded.",
            "short",
            _one(f"sum by (completion) (increase({m.CONTROLLER_ATTEMPTS.name}[1h]))", "{{completion}}"),
        ),
        Panel(
            "Models whose live data have drifted",
            "1: the data set drifts. None: it cannot be said.",
            "short",
            _one(f"max by ({_BY_MODEL}) ({m.MONITOR_DATASET_DRIFT.name})", _LEGEND),
            highest=1,
        ),
    )


def _fleet_pod_panels() -> tuple[Panel, ...]:
    """What pods could not do."""
    return (
        Panel(
            "Requests that needed more than one pod",
            "Rescued by another pod, or failed all the same.",
            "reqps",
            _one(rate(m.GATEWAY_RETRIED, _BY_MODEL), _LEGEND),
        ),
        Panel(
            "Requests for which pods had no room",
            "Answered 429 by a predictor pod, by reason.",
            "reqps",
            _one(rate(m.PREDICTOR_REJECTED, "reason"), "{{reason}}"),
        ),
    )


def _fleet_control_panels() -> tuple[Panel, ...]:
    """What the controller and the gateway work on, and what may hold them up."""
    lag = (
        f"max by ({_BY_MODEL}) ({m.RESOURCE_DESIRED_NUMBER.name})"
        f" - min by ({_BY_MODEL}) ({m.GATEWAY_APPLIED_NUMBER.name} or {m.RESOURCE_APPLIED_NUMBER.name})"
    )
    return (
        Panel(
            "Registries",
            "1: the registry answered the last look-up.",
            "short",
            _one(f"min by (registry) ({m.CONTROLLER_REGISTRY_REACHABLE.name})", "{{registry}}"),
            highest=1,
        ),
        Panel(
            "Gateway pods behind",
            "Changes of traffic that the last of them has still to apply. More than 0 for long holds rollouts up.",
            "short",
            _one(lag, _LEGEND),
        ),
        Panel(
            "The controller's work",
            "Passes a second by outcome, and resources that wait for one.",
            "short",
            (
                Query(rate(m.CONTROLLER_PASSES, "outcome"), "{{outcome}}"),
                Query(f"sum({m.CONTROLLER_QUEUE.name})", "waiting"),
            ),
        ),
        _BUILDS,
    )


def _fleet_store_panels() -> tuple[Panel, ...]:
    """The model store and the drift monitor: what they hold and do."""
    return (
        Panel(
            "Volumes and databases",
            "Free on the model store's volume, taken by models, and taken by the monitor's database.",
            "bytes",
            (
                Query(f"sum({m.STORE_VOLUME_FREE_BYTES.name})", "store: free"),
                Query(f"sum({m.STORE_BYTES.name})", "store: models"),
                Query(f"sum({m.MONITOR_BYTES.name})", "monitor: database"),
            ),
        ),
        Panel(
            "Ingests that ended, in an hour",
            "Versions that the model store took, refused or could not fetch.",
            "short",
            _one(f"sum by (phase, reason) (increase({m.STORE_INGESTS.name}[1h]))", "{{phase}} {{reason}}"),
        ),
        Panel(
            "Prediction records",
            "Rows that predictors sent to the drift monitor and rows that were lost.",
            "short",
            (
                Query(rate(m.PREDICTOR_RECORDS_SENT, ""), "sent"),
                Query(rate(m.PREDICTOR_RECORDS_DROPPED, ""), "lost"),
            ),
        ),
        Panel(
            "The drift monitor's work",
            "Batches a second by outcome, and the time of a transaction (p90, in seconds).",
            "short",
            (
                Query(rate(m.MONITOR_BATCHES, "outcome"), "{{outcome}}"),
                Query(quantile(m.MONITOR_COMMIT_SECONDS, "", of=0.9), "seconds"),
            ),
        ),
    )


def model() -> Dashboard:
    """Return the dashboard of one model: its users, its pods and its live data."""
    return Dashboard(
        uid="penstock-model",
        title="Penstock / One model",
        meaning="What users of one ModelDeployment get, how its pods are, and whether its live data drift.",
        variables=_MODELS,
        panels=(*_model_state_panels(), *_model_user_panels(), *_model_pod_panels(), *_model_data_panels()),
    )


def _model_state_panels() -> tuple[Panel, ...]:
    """What the resource's status says."""
    return (
        _PHASE,
        Panel(
            "Conditions",
            "1 for the status that each has.",
            "short",
            _one(
                f"max by (type, status) ({m.RESOURCE_CONDITION.name}{{{_MODEL}}})",
                "{{type}}: {{status}}",
            ),
            highest=1,
        ),
        Panel(
            "What matters most",
            "The reason that status shows: what needs a person, else what users lack, else what is under way.",
            "short",
            _one(f"max by (reason) ({m.RESOURCE_REASON.name}{{{_MODEL}}})", "{{reason}}"),
            highest=1,
        ),
    )


def _model_user_panels() -> tuple[Panel, ...]:
    """What users of the model get."""
    return (
        Panel(
            "Users' requests by status code",
            "Each request once, however many pods were tried.",
            "reqps",
            _one(rate(m.GATEWAY_REQUESTS, "code", _MODEL), "{{code}}"),
            stacked=True,
        ),
        Panel(
            "Requests that fail",
            "Share of users' requests that were answered 5xx.",
            "percentunit",
            _one(share(m.GATEWAY_REQUESTS, "", _MODEL, part='code=~"5.."'), "failed"),
        ),
        Panel(
            "Time of a request",
            "From a user's request to the end of its answer.",
            "s",
            tuple(
                Query(quantile(m.GATEWAY_REQUEST_SECONDS, "", _MODEL, of=of), f"p{of * 100:g}")
                for of in (0.5, 0.9, 0.99)
            ),
        ),
    )


def _model_pod_panels() -> tuple[Panel, ...]:
    """What its pods do, and what they could not do."""
    return (
        Panel(
            "Where the time goes, p99",
            "In the predictor, by version: the whole request, and the model alone.",
            "s",
            tuple(
                Query(quantile(metric, "model_version", _PREDICTOR, of=0.99), f"version {{{{model_version}}}}: {what}")
                for metric, what in ((m.PREDICTOR_LATENCY, "request"), (m.PREDICTOR_INFERENCE, "model"))
            ),
        ),
        Panel(
            "Requests in the pods",
            "Accepted and not yet answered, and those of them that wait for the model.",
            "short",
            (
                Query(f"sum({m.PREDICTOR_IN_FLIGHT.name}{{{_PREDICTOR}}})", "in flight"),
                Query(f"sum({m.PREDICTOR_WAITING.name}{{{_PREDICTOR}}})", "waiting"),
            ),
        ),
        Panel(
            "Rows in a run of the model",
            "Mean, by version: more than one where requests are computed together.",
            "short",
            _one(mean(m.PREDICTOR_BATCH, "model_version", _PREDICTOR), "version {{model_version}}"),
        ),
        Panel(
            "Requests for which there was no room",
            "Answered 429 by a predictor pod, by reason.",
            "reqps",
            _one(rate(m.PREDICTOR_REJECTED, "reason", _PREDICTOR), "{{reason}}"),
        ),
        _RETRIED,
        _READY,
    )


def _model_data_panels() -> tuple[Panel, ...]:
    """What its live data and their labels say."""
    return (
        Panel(
            "Live data have drifted",
            "The data set, and each column nearest its threshold: 1 where it drifts.",
            "short",
            (
                Query(f"max({m.MONITOR_DATASET_DRIFT.name}{{{_MODEL}}})", "data set"),
                Query(f"max by (column) ({m.MONITOR_COLUMN_DRIFTED.name}{{{_MODEL}}})", "{{column}}"),
            ),
            highest=1,
        ),
        Panel(
            "Odds against no drift",
            "Natural logarithm, by column, of the 50 columns nearest their threshold.",
            "short",
            _one(f"max by (column) ({m.MONITOR_COLUMN_LOG_ODDS.name}{{{_MODEL}}})", "{{column}}"),
            lowest=None,
        ),
        Panel(
            "Prediction records",
            "Rows a second that the drift monitor keeps, and those that predictors lost.",
            "short",
            (
                Query(rate(m.MONITOR_ROWS, "", _MODEL), "kept"),
                Query(rate(m.PREDICTOR_RECORDS_DROPPED, "", _PREDICTOR), "lost"),
                Query(rate(m.MONITOR_ROWS_WITHOUT_ID, "", _MODEL), "kept, no label can name them"),
            ),
        ),
        Panel(
            "Live quality",
            "From labels, by version: 1 is the best, but for log_loss, brier, mae and rmse, where 0 is.",
            "short",
            _one(f"max by (version, figure) ({m.MONITOR_QUALITY.name}{{{_MODEL}}})", "{{figure}} of {{version}}"),
        ),
        Panel(
            "Labels",
            "A second, by what became of them.",
            "short",
            _one(rate(m.MONITOR_LABELS, "outcome", _MODEL), "{{outcome}}"),
        ),
    )


def rollout() -> Dashboard:
    """Return the dashboard of one model's rollout: its revisions beside each other."""
    return Dashboard(
        uid="penstock-rollout",
        title="Penstock / Rollout",
        meaning="The revisions of one ModelDeployment beside each other, and what a rollout waits for.",
        variables=_MODELS,
        panels=(
            *_rollout_progress_panels(),
            *_rollout_revision_panels(),
            *_rollout_gateway_panels(),
            *_rollout_attempt_panels(),
        ),
    )


def _rollout_progress_panels() -> tuple[Panel, ...]:
    """How far the rollout is, and what gates say."""
    return (
        _PHASE,
        Panel(
            "Weight by version",
            "Per cent of users' requests that the gateway is asked to send to it, and that all its pods send.",
            "percent",
            (
                Query(f"sum by (version) ({m.RESOURCE_DESIRED_WEIGHT.name}{{{_MODEL}}})", "{{version}}: desired"),
                Query(f"sum by (version) ({m.RESOURCE_APPLIED_WEIGHT.name}{{{_MODEL}}})", "{{version}}: applied"),
            ),
            highest=100,
        ),
        Panel(
            "What gates say",
            "1 for the verdict that each gate of the attempt has. It goes when the attempt has ended for five minutes.",
            "short",
            _one(
                f"max by (gate, stage, verdict) ({m.RESOURCE_GATE_VERDICT.name}{{{_MODEL}}})",
                "{{gate}}, {{stage}}: {{verdict}}",
            ),
            highest=1,
        ),
        Panel(
            "How near gates are to a verdict",
            "Of each number that a verdict hangs on, how much of the way to its limit it has come: at 1 it is there.",
            "percentunit",
            _one(
                f"max by (gate, stage, bound, verdict) ({m.RESOURCE_GATE_BOUND_REACHED.name}{{{_MODEL}}})",
                "{{gate}}, {{stage}}: {{bound}}, {{verdict}} at 100 %",
            ),
            highest=1,
        ),
        Panel(
            "What gates have seen",
            "The figures of each gate, of the version that is judged and of the one beside it.",
            "short",
            _one(
                f"max by (gate, stage, figure, version) ({m.RESOURCE_GATE_FIGURE.name}{{{_MODEL}}})",
                "{{gate}}, {{stage}}: {{figure}} of {{version}}",
            ),
        ),
    )


def _rollout_revision_panels() -> tuple[Panel, ...]:
    """What users get of each revision."""
    requests = rate(m.GATEWAY_REQUESTS, "revision", _MODEL)
    return (
        Panel(
            "Share of users' requests by revision",
            "As the gateway sent them: the weight that users felt.",
            "percentunit",
            _one(
                f"{requests} / ignoring (revision) group_left () ({rate(m.GATEWAY_REQUESTS, '', _MODEL)} > 0)",
                "{{revision}}",
            ),
            stacked=True,
            highest=1,
        ),
        Panel(
            "Requests that fail, by revision",
            "Share answered 5xx of the requests that the revision was tried last for.",
            "percentunit",
            _one(share(m.GATEWAY_REQUESTS, "revision", _MODEL, part='code=~"5.."'), "{{revision}}"),
        ),
        Panel(
            "Time of a request by revision, p99",
            "From a user's request to the end of its answer.",
            "s",
            _one(quantile(m.GATEWAY_REQUEST_SECONDS, "revision", _MODEL, of=0.99), "{{revision}}"),
        ),
    )


def _rollout_gateway_panels() -> tuple[Panel, ...]:
    """When the gateway's pods take over a change."""
    applied = f"max by (pod) ({m.GATEWAY_APPLIED_NUMBER.name}{{{_MODEL}}})"
    return (
        Panel(
            "Split that each gateway pod has applied",
            "Its number, beside the one that is asked for: pods that lag show lower lines.",
            "short",
            (
                Query(applied, "{{pod}}"),
                Query(f"max({m.RESOURCE_DESIRED_NUMBER.name}{{{_MODEL}}})", "asked for"),
            ),
        ),
        Panel(
            "Time until Envoy confirms a change, p99",
            "Of all gateway pods.",
            "s",
            _one(quantile(m.GATEWAY_APPLY_SECONDS, "", of=0.99), "p99"),
        ),
    )


def _rollout_attempt_panels() -> tuple[Panel, ...]:
    """How attempts ended, and what they wait for."""
    ends = f"sum by (completion, reason) (increase({m.CONTROLLER_ATTEMPTS.name}{{{_MODEL}}}[1h]))"
    return (
        Panel(
            "Attempts that ended, in an hour",
            "By completion and reason.",
            "short",
            _one(ends, "{{completion}}: {{reason}}"),
        ),
        _RETRIED,
        Panel(
            "Answers of the pods by version and code",
            "Copies and second tries included.",
            "reqps",
            _one(rate(m.PREDICTOR_REQUESTS, "model_version, code", _PREDICTOR), "version {{model_version}}: {{code}}"),
        ),
        _READY,
        Panel(
            "What holds rollouts up",
            "Of all models, a second: evidence that is missing, changes and look-ups that failed.",
            "short",
            (
                Query(rate(m.CONTROLLER_EVIDENCE_FAILURES, ""), "no evidence"),
                Query(rate(m.CONTROLLER_ACTION_FAILURES, "reason"), "object: {{reason}}"),
                Query(rate(m.CONTROLLER_REGISTRY_ERRORS, "registry"), "registry: {{registry}}"),
            ),
        ),
    )


_RETRIED: Final = Panel(
    "Requests that needed more than one pod",
    "Rescued by another pod, or failed all the same. A failing candidate shows here: stable answers its users.",
    "reqps",
    _one(rate(m.GATEWAY_RETRIED, "", _MODEL), "retried"),
)
_READY: Final = Panel(
    "Pods that are ready",
    "By version.",
    "short",
    _one(f"sum by (model_version) ({m.PREDICTOR_READY.name}{{{_PREDICTOR}}})", "version {{model_version}}"),
)
_PHASE: Final = Panel(
    "Time in the phase",
    "Since the phase that the resource is in began.",
    "s",
    _one(f"time() - max by (phase) ({m.RESOURCE_PHASE_SINCE.name}{{{_MODEL}}})", "{{phase}}"),
)
_BUILDS: Final = Panel(
    "Versions of the parts",
    "Processes by part, version, and their image's commit. Two of a part: an upgrade is under way.",
    "short",
    _one(
        f"count by (part, version, revision) ({m.BUILD_INFO.name})",
        "{{part}} {{version}} {{revision}}",
    ),
)
_MODELS: Final = (
    Variable(label="namespace", series=m.RESOURCE_PHASE.name),
    Variable(label="name", series=f'{m.RESOURCE_PHASE.name}{{namespace="$namespace"}}'),
)


def as_grafana(dashboard: Dashboard) -> dict[str, Any]:
    """Return Grafana's JSON model."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.meaning,
        "tags": ["penstock"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [
            {"type": "dashboards", "tags": ["penstock"], "title": "Penstock", "asDropdown": True, "keepTime": True}
        ],
        "annotations": {"list": []},
        "templating": {"list": [_DATASOURCE_VARIABLE, *(_variable(variable) for variable in dashboard.variables)]},
        "panels": [_panel(place, panel) for place, panel in enumerate(dashboard.panels)],
    }


_DATASOURCE_VARIABLE: Final = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
}


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.series}, {variable.label})"
    return {
        "name": variable.label,
        "label": variable.label.capitalize(),
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "A"},
        "refresh": 2,  # when the time range changes: names come and go
        "sort": 1,
    }


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    bounds = {name: bound for name, bound in (("min", panel.lowest), ("max", panel.highest)) if bound is not None}
    mode = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _DATASOURCE,
        "gridPos": {"x": place % _A_ROW * _WIDTH, "y": place // _A_ROW * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                **bounds,
                "custom": {"stacking": mode, "fillOpacity": 20 if panel.stacked else 0, "showPoints": "never"},
            },
            "overrides": [],
        },
        "options": {"legend": {"showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _DATASOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
            }
            for number, query in enumerate(panel.queries)
        ],
    }


DASHBOARDS: Final = {"fleet": fleet, "model": model, "rollout": rollout}


def main(root: Path) -> None:
    """Write a file for each dashboard below `root`."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, dashboard in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(json.dumps(as_grafana(dashboard()), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
