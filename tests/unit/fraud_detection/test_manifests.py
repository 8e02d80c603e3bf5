"""What stands in the examples' YAML fits the programs that read it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fraud_detection.__main__ import NOT_BETTER, TOO_FEW_LABELS, _parser
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec

ROOT = Path(__file__).parents[3]
CASE = ROOT / "examples" / "fraud-detection"
Object = dict[str, Any]


def read(path: Path) -> dict[str, Object]:
    """Kind to object."""
    return {item["kind"]: item for item in yaml.safe_load_all(path.read_text()) if item}


MLFLOW = read(ROOT / "examples" / "mlflow" / "mlflow.yaml")
JOB = read(CASE / "train-job.yaml")["Job"]
RETRAINING = read(CASE / "retraining-deployment.yaml")["ModelDeployment"]
RETRAIN = RETRAINING["spec"]["retrain"]["jobTemplate"]["spec"]
PODS = {
    "mlflow": MLFLOW["Deployment"]["spec"]["template"],
    "train": JOB["spec"]["template"],
    "retrain": RETRAIN["template"],
}


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_of_the_examples_is_restricted_and_holds_no_token(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    assert container["image"] == "PENSTOCK_FRAUD_DETECTION_IMAGE"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_feasts_pod_is_restricted_too_and_each_of_its_containers_has_an_image_of_its_own() -> None:
    feast = read(CASE / "feature_repo" / "feast.yaml")
    spec = feast["Deployment"]["spec"]["template"]["spec"]
    assert spec["securityContext"] == PODS["mlflow"]["spec"]["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    containers = [*spec["initContainers"], *spec["containers"]]
    images = ["PENSTOCK_FRAUD_DETECTION_IMAGE", "PENSTOCK_FEAST_IMAGE", "PENSTOCK_FEAST_IMAGE"]
    assert [one["image"] for one in containers] == images
    (locked,) = PODS["train"]["spec"]["containers"]
    assert all(one["securityContext"] == locked["securityContext"] for one in containers)
    assert _parser().parse_args(spec["initContainers"][0]["args"]).command == "history"
    (port,) = feast["Service"]["spec"]["ports"]
    assert port["port"] == spec["containers"][0]["ports"][0]["containerPort"]


def test_the_job_trains_what_the_resource_follows() -> None:
    resource = read(CASE / "model-deployment.yaml")["ModelDeployment"]
    registry = ModelDeploymentSpec.model_validate(resource["spec"]).registry
    (container,) = PODS["train"]["spec"]["containers"]
    options = _parser().parse_args(container["args"])
    assert (options.command, options.registered_name, options.alias) == ("train", registry.model, registry.alias)
    assert resource["metadata"]["namespace"] == JOB["metadata"]["namespace"]


def test_the_retraining_resource_records_what_it_judges_and_starts_the_retraining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = ModelDeploymentSpec.model_validate(RETRAINING["spec"])
    assert spec.predictor.logger
    assert spec.predictor.logger.mode == "all"
    assert spec.drift
    assert spec.drift.on_drift == "Retrain"
    monkeypatch.setenv("PENSTOCK_WINDOW_URL", "http://monitor/v1/window/payments/fraud-detector")
    monkeypatch.setenv("PENSTOCK_MODEL", spec.registry.model)
    monkeypatch.setenv("PENSTOCK_ALIAS", "champion")
    monkeypatch.setenv("PENSTOCK_STABLE_VERSION", "3")
    (container,) = PODS["retrain"]["spec"]["containers"]
    options = _parser().parse_args(container["args"])
    assert (options.command, options.registered_name, options.alias) == ("retrain", "fraud-detector", "champion")
    assert (options.champion, options.move_alias) == ("3", True)
    assert options.window_url == "http://monitor/v1/window/payments/fraud-detector"


def test_a_retraining_that_another_try_would_not_help_is_not_tried_again() -> None:
    (container,) = PODS["retrain"]["spec"]["containers"]
    (rule,) = RETRAIN["podFailurePolicy"]["rules"]
    assert rule == {
        "action": "FailJob",
        "onExitCodes": {
            "containerName": container["name"],
            "operator": "In",
            "values": [NOT_BETTER, TOO_FEW_LABELS],
        },
    }
    assert PODS["retrain"]["spec"]["restartPolicy"] == "Never", "a pod failure policy needs it"


def test_job_and_chart_look_for_mlflow_where_the_example_puts_it() -> None:
    address = f"http://{MLFLOW['Service']['metadata']['name']}.mlflow.svc.cluster.local:5000"
    assert MLFLOW["Service"]["spec"]["ports"][0]["port"] == 5000
    values = yaml.safe_load((ROOT / "charts" / "penstock" / "values.yaml").read_text())
    assert values["registries"]["default"]["uri"] == address
    for name in ("train", "retrain"):
        (container,) = PODS[name]["spec"]["containers"]
        assert {"name": "MLFLOW_TRACKING_URI", "value": address} in container["env"]


def test_the_node_port_leads_to_the_same_pods() -> None:
    service = read(ROOT / "examples" / "mlflow" / "node-port.yaml")["Service"]
    assert service["spec"]["type"] == "NodePort"
    assert service["spec"]["selector"].items() <= PODS["mlflow"]["metadata"]["labels"].items()
