"""What is wrong with a resource and no schema can see: the running controller says it, and what serves goes on."""

from pathlib import Path

import yaml

from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene

TABLE = Path(__file__).parents[1] / "data" / "model_deployments" / "refused_by_condition.yaml"
LIMIT = 60.0


def rows(scene: RolloutScene) -> list[Object]:
    """The table, with this test's registered model in it."""
    found: list[Object] = yaml.safe_load(TABLE.read_text().replace("MODEL", scene.model))
    return found


def stalled(deployed: Deployed, reason: str) -> Object:
    """The condition, once it has that reason."""

    def look() -> Object | None:
        condition = deployed.condition("Stalled")
        return condition if (condition.get("status"), condition.get("reason")) == ("True", reason) else None

    return wait_for(f"Stalled by {reason}", look, seconds=LIMIT)


def test_what_the_schema_cannot_see_becomes_a_condition_that_names_the_field(scene: RolloutScene) -> None:
    scene.move(scene.register(1.0))
    table = rows(scene)
    resources = [model_deployment(row["name"], scene.namespace, "m") | {"spec": row["spec"]} for row in table]
    scene.platform.cluster.apply(*resources)
    for row in table:
        deployed = scene.deployed(row["name"])
        stalled(deployed, row["reason"])
        assert row["names"] in deployed.status()["message"]
        assert deployed.condition("Ready")["status"] == "False"
        assert deployed.condition("Reconciling")["status"] == "False"


def test_a_serving_version_is_untouched_by_a_wish_that_cannot_be_met(scene: RolloutScene) -> None:
    deployed, _ = scene.serve_first()
    before = deployed.status()["stable"]
    for row in rows(scene):
        wish = model_deployment("model", scene.namespace, "m") | {"spec": row["spec"]}
        scene.platform.cluster.apply(wish)
        stalled(deployed, row["reason"])
        assert row["names"] in deployed.status()["message"], row["name"]
        assert deployed.condition("Ready")["status"] == "True"
        assert deployed.status()["stable"] == before
