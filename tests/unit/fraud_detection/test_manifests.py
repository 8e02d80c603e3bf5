"""What stands in the examples' YAML fits the programs that read it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fraud_detection.__main__ import _parser
from penstock_controller.api.v1alpha1 import ModelDeploymentSpec

ROOT = Path(__file__).parents[3]
CASE = ROOT / "examples" / "fraud-detection"
Object = dict[str, Any]


def read(path: Path) -> dict[str, Object]:
    """Kind to object."""
    return {item["kind"]: item for item in yaml.safe_load_all(path.read_text()) if item}


MLFLOW = read(ROOT / "examples" / "mlflow" / "mlflow.yaml")
JOB = read(CASE / "train-job.yaml")["Job"]
PODS = {"mlflow": MLFLOW["Deployment"]["spec"]["template"], "train": JOB["spec"]["template"]}


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


def test_the_job_trains_what_the_resource_follows() -> None:
    resource = read(CASE / "model-deployment.yaml")["ModelDeployment"]
    registry = ModelDeploymentSpec.model_validate(resource["spec"]).registry
    (container,) = PODS["train"]["spec"]["containers"]
    options = _parser().parse_args(container["args"])
    assert (options.command, options.registered_name, options.alias) == ("train", registry.model, registry.alias)
    assert resource["metadata"]["namespace"] == JOB["metadata"]["namespace"]


def test_job_and_chart_look_for_mlflow_where_the_example_puts_it() -> None:
    address = f"http://{MLFLOW['Service']['metadata']['name']}.mlflow.svc.cluster.local:5000"
    assert MLFLOW["Service"]["spec"]["ports"][0]["port"] == 5000
    values = yaml.safe_load((ROOT / "charts" / "penstock" / "values.yaml").read_text())
    assert values["registries"]["default"]["uri"] == address
    (container,) = PODS["train"]["spec"]["containers"]
    assert {"name": "MLFLOW_TRACKING_URI", "value": address} in container["env"]


def test_the_node_port_leads_to_the_same_pods() -> None:
    service = read(ROOT / "examples" / "mlflow" / "node-port.yaml")["Service"]
    assert service["spec"]["type"] == "NodePort"
    assert service["spec"]["selector"].items() <= PODS["mlflow"]["metadata"]["labels"].items()
