"""The dashboards in the chart are what their program writes, and Grafana can place and link them."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from penstock_testing.platform import ROOT

FOLDER = Path("charts", "penstock", "files", "dashboards")
DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / FOLDER).glob("*.json"))}
each = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS.keys())


def test_the_files_are_what_the_program_writes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "contracts" / "dashboards.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    written = {path.name: path.read_text() for path in (tmp_path / FOLDER).iterdir()}
    assert written == {name: (ROOT / FOLDER / name).read_text() for name in DASHBOARDS}


def test_there_is_one_for_the_fleet_one_for_a_model_and_one_for_its_rollout() -> None:
    assert {dashboard["uid"] for dashboard in DASHBOARDS.values()} == {
        "penstock-fleet",
        "penstock-model",
        "penstock-rollout",
    }


@each
def test_panels_do_not_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for one, other in combinations(dashboard["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in dashboard["panels"])


@each
def test_each_panel_says_what_it_shows_and_asks_the_chosen_source(dashboard: dict[str, Any]) -> None:
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["targets"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@each
def test_every_variable_that_is_used_can_be_chosen(dashboard: dict[str, Any]) -> None:
    chosen = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert "datasource" in chosen
    text = json.dumps(dashboard["panels"])
    for name in ("namespace", "name"):
        assert (f"${name}" in text) == (name in chosen)
