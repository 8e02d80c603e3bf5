"""Rows that lack columns, through the gateway: completed from a real Feast in the cluster, and answered without it."""

import json
from collections.abc import Iterator

import httpx
import pytest

from fraud_detection.history import OF_USERS
from fraud_detection.labelled_table import drawn
from fraud_detection.registry import TrackingServer
from fraud_detection.train import Order, train
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.scenes import RolloutScene

FEATURES = "features"
"""The namespace that the installation's `featureStores.feast` names."""
HEADER = "x-penstock-features"
DEFAULTS = {
    **dict.fromkeys(OF_USERS, ("user_features", 3)),
    "transactions_last_24h": ("transaction_features", 2),
    "minutes_since_last_transaction": ("transaction_features", 300.0),
    "card_country": ("transaction_features", "DE"),
}
"""By feature: its view, and what stands in for it."""
LOOKUP = {
    "service": "fraud_detector",
    "entities": {"user_id": "string", "card_id": "string"},
    "columns": {
        name: {"feature": f"{view}:{name}", "onMissing": "default", "default": default}
        for name, (view, default) in DEFAULTS.items()
    },
}
ROW = {
    "user_id": "u00017",
    "card_id": "c00021",
    "amount": 12.5,
    "distance_from_home_km": 3.1,
    "hour_of_day": 14,
    "merchant_category": "fuel",
    "device_type": "terminal",
    "card_entry": "chip",
}
PREDICTOR = {"minReplicas": 1, "features": {"connection": "feast", "timeout": "500ms"}}


@pytest.fixture
def feast(platform: Platform) -> Iterator[Platform]:
    """Feast with a past that was drawn, and its server."""
    objects = platform.manifests(ROOT / "examples" / "fraud-detection" / "feature_repo" / "feast.yaml")
    for item in objects:
        item["metadata"]["namespace"] = FEATURES
    platform.cluster.apply(namespace(FEATURES), *objects)
    wait_for_feast(platform)
    yield platform
    platform.cluster.kubectl("delete", "namespace", FEATURES, "--wait=false")


def wait_for_feast(platform: Platform) -> None:
    where = ("deployment/feast", "-n", FEATURES)
    platform.cluster.kubectl("rollout", "status", *where, "--timeout=240s", seconds=245)


def trained(scene: RolloutScene) -> None:
    """A version whose features.json says what is looked up, and the alias at it."""
    file = scene.folder / "features.json"
    file.write_text(json.dumps(LOOKUP))
    table = drawn(1500, seed=3, drift=0.0)
    order = Order(seed=3, table=table, registered_name=scene.model, alias="champion", features=file)
    train(order, TrackingServer(scene.platform.mlflow().url), print)


def test_rows_are_completed_by_their_keys_and_no_request_fails_while_feast_is_away(
    scene: RolloutScene, feast: Platform
) -> None:
    trained(scene)
    scene.serve(predictor=PREDICTOR)
    url = f"{feast.gateway().url}/{scene.namespace}/model/predict"
    with httpx.Client(timeout=30, trust_env=False) as client:

        def told() -> str:
            answer = client.post(url, json={"features": ROW})
            assert answer.status_code == 200, answer.text
            return answer.headers[HEADER]

        while told() != "looked_up=5":  # the first call may have to wait for a connection
            pass
        feast.cluster.kubectl("scale", "deployment/feast", "-n", FEATURES, "--replicas=0")
        away = [told() for _ in range(200)]
        while not told().startswith("looked_up=0; defaulted=5; unavailable="):
            pass
        feast.cluster.kubectl("scale", "deployment/feast", "-n", FEATURES, "--replicas=1")
        wait_for_feast(feast)
        while told() != "looked_up=5":
            pass
    assert len(away) == 200


def test_a_feature_store_that_nobody_defined_is_named_in_the_conditions(scene: RolloutScene) -> None:
    scene.move(scene.register(1.0))
    predictor = {"features": {"connection": "elsewhere"}}
    resource = model_deployment("model", scene.namespace, scene.model, predictor=predictor)
    scene.platform.cluster.apply(resource)
    deployed = scene.deployed()
    deployed.wait_until("it is stalled", lambda _: deployed.condition("Stalled").get("status") == "True")
    assert deployed.condition("Stalled")["reason"] == "UnknownConnection"
    told = deployed.status()["message"]
    assert "'elsewhere' is not among the feature stores defined for this namespace: feast" in told
