"""Rules and dashboards ask for series that exist, by labels that these have."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from penstock_contracts.metric_names import METRICS, Metric
from penstock_testing.documents import read
from penstock_testing.platform import ROOT

FILES = ROOT / "charts" / "penstock" / "files"
TARGET_LABELS = {"namespace", "pod"}
"""What every scrape of a pod adds. A series' own namespace goes before it: monitors say honorLabels."""


@dataclass(frozen=True)
class Asked:
    """What a rule or a panel asks, or would fill into its texts."""

    where: str
    expression: str
    text: str


def rules() -> list[dict[str, Any]]:
    files = [read(path.read_text()) for path in sorted((FILES / "rules").glob("*.yaml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((FILES / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            yield path.stem, panel


def asked() -> Iterator[Asked]:
    for rule in rules():
        texts = " ".join(rule.get("annotations", {}).values())
        yield Asked(rule.get("alert") or rule["record"], rule["expr"], texts.replace("$labels.", ""))
    for dashboard, panel in panels():
        for target in panel["targets"]:
            yield Asked(f"{dashboard}: {panel['title']} {target['refId']}", target["expr"], target["legendFormat"])


ALL = list(asked())
each = pytest.mark.parametrize("one", ALL, ids=[one.where for one in ALL])

SERIES: dict[str, Metric] = {}
for metric in METRICS:
    suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
    SERIES |= {metric.name + suffix: metric for suffix in suffixes}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def labels_of(series: str) -> set[str]:
    if ":" in series:  # level:metric:operation, and the level is its labels
        return set(series.partition(":")[0].split("_"))
    metric = SERIES[series]
    return {*metric.labels, *TARGET_LABELS, *({"le"} if metric.kind == "histogram" else set())}


def series_in(expression: str) -> set[str]:
    return set(re.findall(r"(?:[a-z_]+:)?penstock_\w+(?::\w+)?", expression))


@each
def test_what_is_asked_for_is_exported_or_recorded(one: Asked) -> None:
    assert series_in(one.expression)
    assert series_in(one.expression) - SERIES.keys() - RECORDED == set()


@each
def test_a_series_is_chosen_by_labels_that_it_has(one: Asked) -> None:
    for series, selector in re.findall(r"(penstock_\w+)\{([^}]*)\}", one.expression):
        assert set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector)) <= labels_of(series), series


@each
def test_a_sum_is_by_labels_that_all_its_series_have(one: Asked) -> None:
    wanted = {
        name.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", one.expression) for name in group.split(",")
    }
    for series in series_in(one.expression):
        missing = wanted - labels_of(series)
        assert missing - {"le"} == set(), series
        assert "le" not in missing or series.endswith("_total"), series


@each
def test_a_text_names_labels_that_the_answer_has(one: Asked) -> None:
    named = set(re.findall(r"\{\{ ?(\w+) ?\}\}", one.text))
    kept = {name.strip() for group in re.findall(r"\bby \(([^)]*)\)", one.expression) for name in group.split(",")}
    assert named <= kept - {"le"}


@pytest.mark.parametrize("part", sorted({metric.part for metric in METRICS} - {"every"}))
def test_each_part_has_an_alert_and_a_panel(part: str) -> None:
    of_rules = {SERIES[name].part for rule in rules() for name in series_in(rule["expr"]) - RECORDED}
    of_panels = {SERIES[name].part for _, panel in panels() for t in panel["targets"] for name in series_in(t["expr"])}
    assert part in of_rules
    assert part in of_panels


def test_a_growth_is_asked_of_counters_and_a_quantile_of_histograms() -> None:
    for one in ALL:
        for series in re.findall(r"(?:rate|increase)\((penstock_\w+)", one.expression):
            assert SERIES[series].kind in {"counter", "histogram"}, one.where
        for series in series_in(one.expression) & SERIES.keys():
            if SERIES[series].kind == "counter" and "offset" not in one.expression:
                assert re.search(rf"(rate|increase|absent)\({series}", one.expression), one.where
