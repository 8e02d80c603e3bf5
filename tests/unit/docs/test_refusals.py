"""The page of reasons has every reason for which a version is refused, and what to change."""

import importlib.util
import re
from types import ModuleType

import pytest
import yaml

from penstock.errors import ModelRefused
from penstock_contracts.api.reasons import Reason
from penstock_controller.telemetry import ENDS
from penstock_model_store.errors import error_kinds
from penstock_predictor.errors import StartError
from penstock_testing.platform import ROOT


@pytest.fixture(scope="module")
def refusals() -> ModuleType:
    """The program that writes the page."""
    spec = importlib.util.spec_from_file_location("refusals", ROOT / "docs" / "site" / "refusals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(refusals: ModuleType) -> str:
    crd = yaml.safe_load((ROOT / "manifests" / "crd" / "modeldeployments.yaml").read_text())
    return str(refusals.page(crd))


def test_each_class_that_refuses_has_a_row_that_says_what_to_change(page: str) -> None:
    kinds = (*error_kinds(), *StartError.__subclasses__(), *ModelRefused.__subclasses__())
    rows = {line.split("`")[1]: line.split(" | ") for line in page.splitlines() if line.startswith("| `")}
    assert [kind.__name__ for kind in kinds if len(rows.get(kind.__name__, [])) != 3] == []


def test_each_reason_with_which_a_version_is_taken_back_has_a_row(refusals: ModuleType) -> None:
    assert {reason for _, reason in ENDS} - {Reason.PROMOTED} == set(refusals.ENDS)


def test_each_reason_with_which_a_gate_fails_has_a_row(refusals: ModuleType) -> None:
    """A gate answers a pair: Verdict.FAIL, and why."""
    gates = ROOT / "controller" / "src" / "penstock_controller" / "gates"
    failing = re.compile(r"Verdict\.FAIL[,:]\s*(?:reason=)?Reason\.(\w+)")
    found = {Reason[name] for file in gates.rglob("*.py") for name in failing.findall(file.read_text())}
    assert found
    assert found <= set(refusals.GATES)


def test_a_class_that_does_not_say_what_to_change_is_named(refusals: ModuleType) -> None:
    class Mute(Exception):
        """It says what is wrong, and no more."""

    with pytest.raises(ValueError, match="Mute"):
        refusals.told(Mute)


@pytest.mark.parametrize(
    "rule",
    [
        "`spec.registry` | name exactly one of alias and version",
        "`spec.predictor.timeout` | must be from 100ms to 10m",
        "`spec.strategy.canary.steps[]` | a step has exactly one of",
    ],
)
def test_what_the_api_server_refuses_stands_at_its_field(page: str, rule: str) -> None:
    assert f"| {rule}" in page
