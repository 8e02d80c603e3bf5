"""How pods are told to record, and that nothing else about a pod changes."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.workload import objects
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

MONITOR = "http://drift-monitor:8083"
BEFORE = Placement(image="predictor:1", store_url="http://store:8080", drain_seconds=5)
INSTALLED = replace(BEFORE, monitor_url=MONITOR)
DIGEST = "sha256:" + "a" * 64
OWNER = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ns", "uid": "u-1"},
}


def logging(**fields: Any) -> Any:
    return spec(predictor={"logger": {"mode": "all", **fields}})


def containers(wish: Any, placement: Placement) -> dict[str, dict[str, dict[str, Any]]]:
    """Container to its PENSTOCK_RECORDS_ variables, as they stand in the Deployment."""
    template = objects.pod_template("m", wish, DIGEST, placement)
    workload = CreateWorkload(revision="0123456789", version="7", digest=DIGEST, replicas=1)
    pod = objects.deployment(OWNER, workload, template)["spec"]["template"]["spec"]
    return {
        one["name"]: {item["name"]: item for item in one["env"] if item["name"].startswith("PENSTOCK_RECORDS_")}
        for one in (*pod["initContainers"], *pod["containers"])
    }


def test_a_revision_that_records_nothing_has_the_name_that_it_had_before_there_was_a_logger() -> None:
    """A release that brings loggers must not roll out every model."""
    plain = objects.revision_of("m", spec(), DIGEST, BEFORE)
    assert plain == "5336501265"
    assert objects.pods_of(BEFORE) == "8d2509fbc4"
    none = spec(predictor={"logger": {"mode": "none", "sampleRate": 0.1}})
    assert objects.revision_of("m", none, DIGEST, BEFORE) == plain


def test_installing_a_monitor_rolls_out_only_who_records() -> None:
    assert objects.revision_of("m", spec(), DIGEST, INSTALLED) == objects.revision_of("m", spec(), DIGEST, BEFORE)
    assert objects.revision_of("m", logging(), DIGEST, INSTALLED) != objects.revision_of("m", spec(), DIGEST, INSTALLED)
    assert objects.pods_of(INSTALLED) != objects.pods_of(BEFORE)


def test_a_logger_without_a_monitor_changes_no_pod() -> None:
    assert objects.revision_of("m", logging(), DIGEST, BEFORE) == objects.revision_of("m", spec(), DIGEST, BEFORE)


def test_what_counts_as_drift_is_no_part_of_a_pod() -> None:
    watched = spec(predictor={"logger": {"mode": "all"}}, drift={"margin": 0.1})
    assert objects.revision_of("m", watched, DIGEST, INSTALLED) == objects.revision_of(
        "m", logging(), DIGEST, INSTALLED
    )


@pytest.mark.parametrize("fields", [{"sampleRate": 0.5}, {"exclude": ["card"]}, {"hash": ["card"]}])
def test_what_is_recorded_is_part_of_a_pod(fields: dict[str, Any]) -> None:
    changed = objects.revision_of("m", logging(**fields), DIGEST, INSTALLED)
    assert changed != objects.revision_of("m", logging(), DIGEST, INSTALLED)


def test_the_container_that_computes_is_told_where_and_what_to_record() -> None:
    wish = logging(sampleRate=0.25, exclude=["card", "first name"], hash=["user"])
    found = containers(wish, INSTALLED)
    assert found["fetch"] == {}
    values = {name: item["value"] for name, item in found["predictor"].items() if "value" in item}
    assert values == {
        "PENSTOCK_RECORDS_URL": MONITOR,
        "PENSTOCK_RECORDS_NAME": "m",
        "PENSTOCK_RECORDS_SAMPLE_RATE": "0.25",
        "PENSTOCK_RECORDS_EXCLUDE": "card,first name",
        "PENSTOCK_RECORDS_HASH": "user",
    }


def test_namespace_and_revision_are_the_pods_own() -> None:
    found = containers(logging(), INSTALLED)["predictor"]
    paths = {name: item["valueFrom"]["fieldRef"]["fieldPath"] for name, item in found.items() if "valueFrom" in item}
    assert paths == {
        "PENSTOCK_RECORDS_NAMESPACE": "metadata.namespace",
        "PENSTOCK_RECORDS_REVISION": "metadata.labels['penstock.dev/revision']",
    }


def test_who_records_nothing_is_told_nothing() -> None:
    for wish, placement in ((spec(), INSTALLED), (logging(), BEFORE), (logging(mode="none"), INSTALLED)):
        assert containers(wish, placement) == {"fetch": {}, "predictor": {}}


@pytest.mark.parametrize("name", ["a,b", " a", "a ", "", "a\nb", "x" * 129])
def test_a_column_that_a_list_with_commas_cannot_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="exclude"):
        logging(exclude=[name])
