"""The Job as it is sent: the user's template, an owner, variables, and no label by which predictors are known."""

from typing import Any

import pytest

from penstock_contracts.api.retrain import Retrain
from penstock_contracts.names import LABEL_REVISION
from penstock_controller.rollout.decision import StartJob
from penstock_controller.workload.retraining_job import LABEL_RETRAINING, retraining_job
from penstock_testing.rollout_world import spec

OWNER: dict[str, Any] = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ns", "uid": "u"},
}
START = StartJob(name="m-retrain-3", started_at="2026-01-01T00:00:00Z", reason="DatasetDrift", stable_version="7")
POD: dict[str, Any] = {
    "restartPolicy": "Never",
    "serviceAccountName": "trainer",
    "initContainers": [{"name": "data", "image": "data:1"}],
    "containers": [
        {
            "name": "train",
            "image": "train:1",
            "env": [{"name": "PENSTOCK_REASON", "value": "mine"}, {"name": "SEED", "value": "$(PENSTOCK_RUN_TAG)"}],
        }
    ],
}


def made(job: Any, *, monitor: str = "http://monitor:8080/", **template: Any) -> dict[str, Any]:
    retrain = Retrain.model_validate({"jobTemplate": {"spec": job, **template}, "timeLimit": "90m"})
    found = retraining_job(OWNER, spec(), retrain, START, monitor)
    assert found
    return found


def job(**fields: Any) -> dict[str, Any]:
    return {"template": {"spec": POD}, **fields}


def test_the_job_is_owned_and_named_and_labelled() -> None:
    metadata = made(job(), metadata={"labels": {"team": "risk"}, "annotations": {"why": "x"}})["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("m-retrain-3", "ns")
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ModelDeployment", "u", True)
    assert metadata["labels"]["penstock.dev/model-deployment"] == "m"
    assert metadata["labels"]["team"] == "risk"
    assert metadata["annotations"] == {"why": "x", "penstock.dev/started-at": START.started_at}


def test_every_container_is_told_what_it_is_about_before_its_own_variables() -> None:
    pod = made(job())["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        told = {item["name"]: item["value"] for item in container["env"][:10]}
        assert told == {
            "PENSTOCK_NAMESPACE": "ns",
            "PENSTOCK_NAME": "m",
            "PENSTOCK_MODEL": "m",
            "PENSTOCK_ALIAS": "champion",
            "PENSTOCK_STABLE_VERSION": "7",
            "PENSTOCK_REASON": "DatasetDrift",
            "PENSTOCK_RUN_TAG": "m-retrain-3",
            "PENSTOCK_MONITOR_URL": "http://monitor:8080",
            "PENSTOCK_REPORT_URL": "http://monitor:8080/v1/reports/ns/m",
            "PENSTOCK_WINDOW_URL": "http://monitor:8080/v1/window/ns/m",
        }
    assert pod["containers"][0]["env"][10:] == [{"name": "SEED", "value": "$(PENSTOCK_RUN_TAG)"}]


def test_without_a_monitor_its_addresses_are_empty() -> None:
    env = made(job(), monitor="")["spec"]["template"]["spec"]["containers"][0]["env"]
    told = {item["name"]: item["value"] for item in env}
    assert told["PENSTOCK_MONITOR_URL"] == told["PENSTOCK_REPORT_URL"] == told["PENSTOCK_WINDOW_URL"] == ""


def test_what_the_template_says_is_kept() -> None:
    given = job(backoffLimit=2, ttlSecondsAfterFinished=60, suspend=True, completionMode="Indexed")
    found = made(given)["spec"]
    assert {key: found[key] for key in given if key != "template"} == {
        key: value for key, value in given.items() if key != "template"
    }
    assert found["template"]["spec"]["serviceAccountName"] == "trainer"


def test_the_time_limit_is_the_templates_where_it_has_one() -> None:
    assert made(job())["spec"]["activeDeadlineSeconds"] == 5400
    assert made(job(activeDeadlineSeconds=60))["spec"]["activeDeadlineSeconds"] == 60


def test_a_pod_never_carries_a_label_by_which_predictors_are_known() -> None:
    labels = {LABEL_REVISION: "abc", "penstock.dev/model-deployment": "m", "app.kubernetes.io/component": "predictor"}
    template = {"metadata": {"labels": {**labels, "team": "risk"}, "annotations": {"a": "b"}}, "spec": POD}
    found = made({"template": template})["spec"]["template"]["metadata"]
    assert found["labels"]["team"] == "risk"
    assert found["labels"]["app.kubernetes.io/component"] == "retraining"
    assert found["labels"][LABEL_RETRAINING] == "m"
    assert not {LABEL_REVISION, "penstock.dev/model-deployment"} & found["labels"].keys()
    assert found["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"template": None},
        {"template": "train"},
        {"template": {}},
        {"template": {"spec": 7}},
        {"template": {"metadata": [], "spec": {}}},
        {"template": {"metadata": {"labels": 3}, "spec": {}}},
        {"template": {"spec": {"containers": {}}}},
        {"template": {"spec": {"containers": [3, {"env": "x"}]}}},
    ],
    ids=str,
)
def test_a_template_of_another_shape_is_left_to_the_api_server(given: dict[str, Any]) -> None:
    assert made(given)["kind"] == "Job"
