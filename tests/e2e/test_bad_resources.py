"""The tables in tests/data/model_deployments against the real API server and the running controller."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock_testing.cluster import CommandError, Object
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import wait_for
from penstock_testing.scenes import Scene

TABLES = Path(__file__).parents[1] / "data" / "model_deployments"
LIMIT = 10.0


def table(name: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in yaml.safe_load((TABLES / name).read_text())]


def resource(row: Object, namespace: str) -> Object:
    found = model_deployment(row["name"], namespace, "m")
    return found | {"spec": row["spec"], "metadata": found["metadata"] | row.get("metadata", {})}


@pytest.fixture(scope="module")
def playground(platform: Any) -> Any:
    platform.cluster.kubectl("create", "namespace", "bad-resources")
    yield platform.cluster
    platform.cluster.kubectl("delete", "namespace", "bad-resources", "--wait=false")


@pytest.mark.parametrize("row", table("refused_at_admission.yaml"))
def test_a_bad_resource_is_refused_at_admission_by_name(playground: Any, row: Object) -> None:
    with pytest.raises(CommandError) as refusal:
        playground.apply(resource(row, "bad-resources"))
    assert row["names"] in str(refusal.value)


@pytest.mark.parametrize("row", table("accepted.yaml"))
def test_a_good_resource_is_admitted(playground: Any, row: Object) -> None:
    text = yaml.safe_dump(resource(row, "bad-resources"))
    playground.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)


def test_the_table_has_at_least_25_bad_resources() -> None:
    rows = [row for name in ("refused_at_admission.yaml", "refused_by_condition.yaml") for row in table(name)]
    assert len(rows) >= 25


@pytest.mark.parametrize("row", table("refused_by_condition.yaml"))
def test_what_the_schema_cannot_see_becomes_a_condition_that_names_the_field(scene: Scene, row: Object) -> None:
    scene.registry.move(scene.model, scene.register(1.0))
    row = copy.deepcopy(row)
    row["spec"]["registry"]["model"] = row["spec"]["registry"]["model"].replace("MODEL", scene.model)
    scene.platform.cluster.apply(resource(row, scene.namespace))
    deployed = scene.deployed(row["name"])

    def stalled() -> Object | None:
        condition = deployed.condition("Stalled")
        return condition if condition.get("status") == "True" else None

    condition = wait_for("Stalled", stalled, seconds=LIMIT)
    assert condition["reason"] == row["reason"]
    assert row["names"] in deployed.status()["message"]
    assert deployed.condition("Ready")["status"] == "False"
    assert deployed.condition("Reconciling")["status"] == "False"


@pytest.mark.parametrize("row", table("refused_by_condition.yaml"))
def test_a_serving_version_is_untouched_by_a_wish_that_cannot_be_met(scene: Scene, row: Object) -> None:
    scene.registry.move(scene.model, scene.register(1.0))
    deployed = scene.serve()
    before = deployed.wait_settled()["stable"]
    wish = copy.deepcopy(row["spec"])
    wish["registry"]["model"] = wish["registry"]["model"].replace("MODEL", scene.model)
    scene.platform.cluster.apply(model_deployment("model", scene.namespace, "m") | {"spec": wish})
    wait_for(
        "Stalled",
        lambda: found if (found := deployed.condition("Stalled")).get("status") == "True" else None,
        seconds=LIMIT,
    )
    assert row["names"] in deployed.status()["message"]
    assert deployed.condition("Ready")["status"] == "True"
    assert deployed.status()["stable"] == before
