"""Drift starts a Job, the Job brings a version, the version goes through the gates: nobody at the keyboard."""

import json
from collections.abc import Callable

from penstock_contracts.verbs import Verb
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE
from penstock_testing.receiver_pod import ReceiverPod
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on

MLFLOW = f"http://mlflow.{MLFLOW_NAMESPACE}.svc.cluster.local:5000"
MOVES_THE_ALIAS = """
import os
from mlflow import MlflowClient
assert os.environ["PENSTOCK_REASON"], "why"
resource = os.environ["PENSTOCK_NAMESPACE"] + "/" + os.environ["PENSTOCK_NAME"]
assert os.environ["PENSTOCK_WINDOW_URL"].endswith("/v1/window/" + resource), os.environ["PENSTOCK_WINDOW_URL"]
client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
model, alias = os.environ["PENSTOCK_MODEL"], os.environ["PENSTOCK_ALIAS"]
newest = max(int(each.version) for each in client.search_model_versions(f"name='{model}'"))
client.set_registered_model_alias(model, alias, str(newest))
print("moved", alias, "to", newest)
"""
NOTHING_BETTER = "raise SystemExit('the new version does not beat the champion')"


def retrain(scene: RolloutScene, program: str) -> Object:
    """`spec.retrain` with a Job that runs a program in the example's image."""
    container = {
        "name": "train",
        "image": scene.platform.cluster.images["fraud-detection"],
        "command": ["python", "-c", program],
        "env": [
            {"name": "MLFLOW_TRACKING_URI", "value": MLFLOW},
            {"name": "MLFLOW_DISABLE_TELEMETRY", "value": "true"},
            {"name": "HOME", "value": "/tmp"},
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    job = {"backoffLimit": 0, "activeDeadlineSeconds": 120, "template": {"spec": pod}}
    return {"retrain": {"jobTemplate": {"spec": job}, "cooldown": "1h", "budget": {"max": 2, "per": "24h"}}}


def watched(scene: RolloutScene, program: str) -> Deployed:
    return scene.serve(
        **GATED,
        **by_steps(1, (50,)),
        **retrain(scene, program),
        predictor={"minReplicas": 1, "logger": {"mode": "all"}},
        drift={"period": "0s", "interval": "1s", "onDrift": "Retrain"},
    )


def is_told(deployed: Deployed, kind: str, reason: str) -> Callable[[Object], bool]:
    return lambda _: deployed.condition(kind).get("reason") == reason


def jobs(scene: RolloutScene) -> list[Object]:
    return scene.platform.cluster.items("jobs", scene.namespace)


def test_drift_trains_a_version_that_is_promoted_through_the_gates_and_ends_the_drift(scene: RolloutScene) -> None:
    usual, unusual = scene.questions(), scene.questions(above=0.5)
    first = scene.register(trained_on(usual, 11.0))
    scene.move(first)
    deployed = watched(scene, MOVES_THE_ALIAS)
    second = scene.register(trained_on(unusual, 12.0))
    assert jobs(scene) == []
    with scene.traffic(scene.expectation(first, second, questions=unusual), rate=100.0) as run:
        deployed.wait_for_version(second)
        deployed.wait_until("the drift is over", is_told(deployed, "DriftDetected", "NoDrift"))
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, second}
    (job,) = jobs(scene)
    assert job["metadata"]["name"] == "model-retrain-1"
    assert job["metadata"]["ownerReferences"][0]["kind"] == "ModelDeployment"
    status = deployed.status()
    assert status["history"][0]["completion"] == "Promoted"
    assert (status["retraining"]["job"]["end"], status["retraining"]["job"]["version"]) == ("Succeeded", second)
    reasons = {event["reason"] for event in scene.platform.cluster.items("events", scene.namespace)}
    assert {"DatasetDrift", "Running", "Succeeded", "NoDrift"} <= reasons, json.dumps(sorted(reasons))


def test_a_job_that_brings_nothing_better_is_named_and_stable_stays(scene: RolloutScene) -> None:
    usual, unusual = scene.questions(), scene.questions(above=0.5)
    first = scene.register(trained_on(usual, 11.0))
    scene.move(first)
    deployed = watched(scene, NOTHING_BETTER)
    with scene.traffic(scene.expectation(first, questions=unusual), rate=100.0) as run:
        deployed.wait_until("the Job has failed", lambda status: status["retraining"].get("failures") == 1)
        result = run.result()
    result.assert_none_failed()
    status = deployed.status()
    assert status["retraining"]["job"]["end"] == "JobFailed"
    assert status["stable"]["version"] == first
    assert deployed.condition("Retraining")["status"] == "False"
    assert deployed.condition("Ready")["status"] == "True"
    assert len(jobs(scene)) == 1


def test_a_webhook_starts_a_pipeline_once_and_the_version_that_it_brings_ends_the_training(scene: RolloutScene) -> None:
    first = scene.register(20.0)
    scene.move(first)
    receiver = ReceiverPod(scene.platform.cluster, scene.namespace, "pipelines")
    receiver.start()
    webhook = {"url": f"{receiver.url}/runs", "headersSecret": "pipelines"}
    deployed = scene.serve(
        **GATED,
        **by_steps(1, (50,)),
        predictor={"minReplicas": 1, "logger": {"mode": "all"}},
        drift={"period": "0s"},
        retrain={"webhook": webhook, "cooldown": "0s"},
    )
    deployed.wait_until("no right to the Secret", is_told(deployed, "Retraining", "WebhookRefused"))
    assert "pipelines" in deployed.condition("Retraining")["message"]
    scene.platform.cluster.apply(*secret_that_penstock_may_read(scene.namespace, "pipelines"))
    deployed.edit(progressDeadline="9m")  # another generation is checked anew
    deployed.wait_until("it may", lambda _: deployed.condition("Retraining").get("reason") != "WebhookRefused")
    deployed.say(Verb.RETRAIN, deployed.status())
    deployed.wait_until("the pipeline runs", is_told(deployed, "Retraining", "Running"))
    (call,) = receiver.taken("/runs")
    body = json.loads(call.body)
    assert call.headers["authorization"] == "Bearer of-the-test"
    assert call.headers["idempotency-key"] == body["name"] == deployed.status()["retraining"]["job"]["name"]
    assert (body["reason"], body["champion"]["version"]) == ("ByHand", first)
    second = scene.register(21.0)
    with scene.traffic(scene.expectation(first, second), rate=50.0) as run:
        scene.move(second)
        assert deployed.wait_for_end(second)["completion"] == "Promoted"
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    job = deployed.status()["retraining"]["job"]
    assert (job["end"], job["version"]) == ("Succeeded", second)
    assert len(receiver.taken("/runs")) == 1


def secret_that_penstock_may_read(namespace: str, name: str) -> list[Object]:
    """A Secret with a header, and the right to it that its namespace's administrator gives."""
    meta = {"name": name, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    controller = {"kind": "ServiceAccount", "name": "penstock-controller", "namespace": NAMESPACE}
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"Authorization": "Bearer of-the-test"}},
        {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": [rule]},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [controller]},
    ]
