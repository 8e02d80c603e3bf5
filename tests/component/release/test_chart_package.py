"""The chart as it lies in a registry is the chart of the clone."""

import hashlib
import tarfile
from pathlib import Path

import pytest

from penstock_testing.chart import Chart, find_helm
from penstock_testing.clean_machine import CleanMachine
from penstock_testing.oci_registry import OciRegistry
from penstock_testing.platform import NAMESPACE, RELEASE
from release import chart
from release.version import of_chart, read


@pytest.fixture(scope="module")
def pushed(registry: OciRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    archive = chart.package(tmp_path_factory.mktemp("chart"), find_helm())
    return chart.push(archive, find_helm(), f"{registry.host}/team", plain_http=True)


def test_a_pushed_chart_is_told_by_its_digest(pushed: str, registry: OciRegistry) -> None:
    name, _, digest = pushed.partition("@")
    assert name == f"{registry.host}/team/charts/penstock"
    manifest = registry.manifest("team/charts/penstock", digest)
    assert manifest == registry.manifest("team/charts/penstock", of_chart(read()))
    assert hashlib.sha256(registry.bytes_of("team/charts/penstock", digest)).hexdigest() == digest.partition(":")[2]
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"


def test_helm_renders_it_from_there_as_from_the_clone(pushed: str, machine: CleanMachine) -> None:
    address = f"oci://{pushed.partition('@')[0]}"
    told = machine.run(
        find_helm(),
        "template",
        RELEASE,
        address,
        "--version",
        of_chart(read()),
        "--namespace",
        NAMESPACE,
        "--plain-http",
    )
    assert told == Chart(helm=find_helm()).render().text


def test_the_licence_goes_with_it(tmp_path: Path) -> None:
    archive = chart.package(tmp_path / "chart", find_helm())
    with tarfile.open(archive) as packed:
        assert packed.getmember("penstock/LICENSE").size > 0
