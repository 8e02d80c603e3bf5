import pytest

from penstock_testing.chart import Chart, Rendered, find_helm


@pytest.fixture(scope="session")
def chart() -> Chart:
    return Chart(helm=find_helm())


@pytest.fixture(scope="session")
def defaults(chart: Chart) -> Rendered:
    return chart.render()
