"""Rows that lack columns, through the gateway: completed from a real Feast in the cluster, and answered without it.

And what was served keeps a model from being trained on a past in which it was otherwise.
"""

import json
from collections.abc import Iterator

import httpx
import pytest
from mlflow import MlflowClient

from fraud_detection.history import OF_USERS
from fraud_detection.labelled_table import drawn
from fraud_detection.registry import TrackingServer
from fraud_detection.train import Order, train
from penstock_contracts.names import PREDICTOR_PORT
from penstock_contracts.verbs import Verb
from penstock_testing.cluster import Object
from penstock_testing.exported import differences, scraped
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import MLFLOW_NAMESPACE, ROOT, Platform, namespace, wait_for
from penstock_testing.scenes import RolloutScene

pytestmark = pytest.mark.xdist_group("features")  # Feast is started once
MANIFEST = ROOT / "examples" / "fraud-detection" / "feature_repo" / "feast.yaml"
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


@pytest.fixture(scope="module")
def feast(platform: Platform) -> Iterator[Platform]:
    """Feast with a past that was drawn, and its server."""
    objects = platform.manifests(MANIFEST)
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


def retraining(platform: Platform, model: str) -> Object:
    """`spec.retrain` with a Job as the how-to shows it, in Feast's image, whose offline store knows another past than
    the online store: nothing of what was served is in it.
    """
    pod = platform.manifests(MANIFEST)[0]["spec"]["template"]["spec"]
    past, feast = pod["initContainers"]
    training_set = "feast apply && python training_set.py data/transactions.parquet data/training_set.parquet"
    skew = "python skew.py $PENSTOCK_WINDOW_URL --trained data/features.json"
    train = [
        "--training-set=/data/training_set.parquet",
        "--features=/data/features.json",
        f"--registered-name={model}",
    ]
    mlflow = f"http://mlflow.{MLFLOW_NAMESPACE}.svc.cluster.local:5000"
    environment = [{"name": "MLFLOW_TRACKING_URI", "value": mlflow}, {"name": "HOME", "value": "/tmp"}]
    pod["initContainers"] = [
        past | {"args": [*past["args"], "--seed=2"]},
        feast | {"name": "training-set", "args": [training_set]},
        feast | {"name": "skew", "args": [skew]},
    ]
    pod["containers"] = [past | {"name": "train", "args": ["train", *train], "env": environment}]
    pod["restartPolicy"] = "Never"
    job = {"backoffLimit": 0, "activeDeadlineSeconds": 400, "template": {"spec": pod}}
    return {"jobTemplate": {"spec": job}, "cooldown": "0s"}


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
    (pod,) = feast.cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
    assert differences(scraped(feast, scene.namespace, pod["metadata"]["name"], PREDICTOR_PORT), "predictor") == []


def test_a_training_set_that_serving_cannot_reproduce_is_refused_before_the_training(
    scene: RolloutScene, feast: Platform
) -> None:
    trained(scene)
    predictor = PREDICTOR | {"logger": {"mode": "all"}}
    deployed = scene.serve(predictor=predictor, drift={"period": "0s"}, retrain=retraining(feast, scene.model))
    url = f"{feast.gateway().url}/{scene.namespace}/model/predict"
    rows = [ROW | {"user_id": f"u{number:05d}", "card_id": f"c{number:05d}"} for number in range(60)]
    with httpx.Client(timeout=30, trust_env=False) as client:
        for row in rows:
            assert client.post(url, json={"features": row}).status_code == 200
        window = f"{feast.monitor().url}/v1/window/{scene.namespace}/model?lookups=true"
        wait_for("records", lambda: len(client.get(window).text.splitlines()) > len(rows) or None, seconds=60)
    deployed.say(Verb.RETRAIN, deployed.status())
    status = deployed.wait_until("the Job ended", lambda now: now["retraining"].get("failures") == 1, seconds=400)
    assert status["retraining"]["job"]["end"] == "JobFailed"
    deployed.wait_until("skew", lambda _: deployed.condition("FeatureSkew").get("status") == "True")
    assert "account_age_days in " in deployed.condition("FeatureSkew")["message"]
    versions = MlflowClient(feast.mlflow().url).search_model_versions(f"name='{scene.model}'")
    assert [version.version for version in versions] == ["1"]


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
