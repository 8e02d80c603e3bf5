"""Feature stores that the administrator defines: the controller understands them."""

import pytest

from penstock_controller.settings import ControllerSettings
from penstock_testing.chart import Chart, RefusedError, Rendered

FEAST = ("featureStores.default.uri=http://feast.features:6566", "featureStores.risk.uri=https://feast.example/base")


def variables(rendered: Rendered) -> dict[str, str]:
    return {one["name"]: one["value"] for one in rendered.containers()["controller/controller"]["env"]}


def test_there_is_none_by_default(defaults: Rendered) -> None:
    assert "PENSTOCK_FEATURE_STORES" not in variables(defaults)


def test_the_controller_is_told_of_each(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(chart.render(*FEAST, "featureStores.risk.namespaces={payments}")).items():
        monkeypatch.setenv(name, value)
    stores = ControllerSettings().feature_stores
    assert {name: (store.uri, store.namespaces) for name, store in stores.items()} == {
        "default": ("http://feast.features:6566", ()),
        "risk": ("https://feast.example/base", ("payments",)),
    }


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("featureStores.default.url=http://feast", "featureStores"),
        ("featureStores.default.uri=feast:6566", "featureStores"),
        ("featureStores.default.uri=http://user:password@feast", "featureStores"),
        ("featureStores.Default.uri=http://feast", "'Default' does not match"),
    ],
    ids=["another field", "no scheme", "a password in it", "no name of Kubernetes'"],
)
def test_what_cannot_be_meant_is_refused(chart: Chart, value: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        chart.render(value)
