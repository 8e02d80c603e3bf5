"""The CRD in the chart is the generated one."""

from penstock_testing.chart import Chart, Rendered
from penstock_testing.documents import read
from penstock_testing.platform import ROOT

NAME = "modeldeployments.penstock.dev"


def generated() -> object:
    return read((ROOT / "manifests" / "crd" / "modeldeployments.yaml").read_text())


def test_the_chart_brings_the_generated_crd_unchanged(chart: Chart) -> None:
    crd = chart.render("crds.keep=false").one("CustomResourceDefinition", NAME)
    assert crd == generated()


def test_uninstalling_keeps_it_by_default(defaults: Rendered) -> None:
    crd = defaults.one("CustomResourceDefinition", NAME)
    assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert crd == generated()


def test_an_administrator_can_bring_it_otherwise(chart: Chart) -> None:
    assert chart.render("crds.enabled=false").of("CustomResourceDefinition") == []
