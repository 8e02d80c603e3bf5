"""Each alert says what is wrong, how bad it is and where to read on."""

import re
from typing import Any

import pytest

from penstock_testing.documents import read
from penstock_testing.platform import ROOT

RUNBOOK = (ROOT / "docs" / "operator" / "alerts.md").read_text()
FILES = sorted((ROOT / "charts" / "penstock" / "files" / "rules").glob("*.yaml"))
RULES = [rule for path in FILES for group in read(path.read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
AT_ONCE = {"PenstockRolloutRolledBack"}
each = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS.keys())


def paragraphs() -> dict[str, str]:
    """Of the runbook, by heading."""
    parts = re.split(r"^### (\w+)$", RUNBOOK, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_names_are_given_once_and_are_ours() -> None:
    named = [rule["alert"] for rule in RULES if "alert" in rule]
    assert len(named) == len(set(named))
    assert all(re.fullmatch(r"Penstock([A-Z][a-z]+)+", name) for name in named)


@each
def test_it_has_a_severity_a_summary_and_a_description(alert: dict[str, Any]) -> None:
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description"}
    assert all(text.endswith(".") for text in alert["annotations"].values())


@each
def test_it_waits_unless_what_it_tells_is_over(alert: dict[str, Any]) -> None:
    assert ("for" in alert) == (alert["alert"] not in AT_ONCE)


@each
def test_the_runbook_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    text = paragraphs()[alert["alert"]]
    assert f"({alert['labels']['severity']})" in text
    assert "**Do:**" in text


def test_the_runbook_has_no_alert_that_is_gone() -> None:
    assert paragraphs().keys() == ALERTS.keys()


def test_recorded_series_are_named_level_metric_operation() -> None:
    recorded = [rule["record"] for rule in RULES if "record" in rule]
    assert recorded
    assert all(re.fullmatch(r"[a-z_]+:penstock_[a-z_]+:[a-z]+_rate\d+[mhd]", name) for name in recorded)
