"""Where the controller, predictors and Jobs reach the drift monitor when several replicas share the resources."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.monitor_replicas import MonitorReplicas
from penstock_controller.workload import objects
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

SERVICE = "http://penstock-drift-monitor.system.svc:8080"
ONE = Placement(image="predictor:1", store_url="http://store:8080", monitor_url=SERVICE)
DIGEST = "sha256:" + "a" * 64
MODELS = [f"model-{number}" for number in range(40)]


def replicas(count: int) -> MonitorReplicas:
    names = (f"penstock-drift-monitor-{number}" for number in range(count))
    return MonitorReplicas.parsed(",".join(f"{name}=http://{name}.system.svc:8080" for name in names))


def recording(**fields: Any) -> Any:
    return spec(predictor={"logger": {"mode": "all", **fields}})


def revisions(placement: Placement, wish: Any) -> dict[str, str]:
    return {name: objects.revision_of(name, wish, DIGEST, placement.of_resource("ns", name)) for name in MODELS}


def test_one_monitor_is_reached_at_its_service_and_no_revision_changes() -> None:
    assert ONE.of_resource("ns", "m") == ONE
    none = replace(ONE, monitor_url="", monitor_replicas=replicas(3))
    assert none.of_resource("ns", "m").monitor_url == ""


def test_records_of_a_resource_go_to_the_replica_that_holds_it() -> None:
    placement = replace(ONE, monitor_replicas=replicas(3))
    template = objects.pod_template("model-1", recording(), DIGEST, placement.of_resource("ns", "model-1"))
    told = {item["name"]: item.get("value") for item in template["spec"]["containers"][0]["env"]}
    holder = replicas(3).holder("ns", "model-1")
    assert holder is not None
    assert told["PENSTOCK_RECORDS_URL"] == holder.url


def test_one_more_replica_makes_new_revisions_of_those_that_move_and_record_and_of_no_other() -> None:
    three, four = (replace(ONE, monitor_replicas=replicas(count)) for count in (3, 4))
    moved = {name for name in MODELS if replicas(3).holder("ns", name) != replicas(4).holder("ns", name)}
    assert 0 < len(moved) < len(MODELS) / 2
    before, after = revisions(three, recording()), revisions(four, recording())
    assert {name for name in MODELS if before[name] != after[name]} == moved
    assert revisions(three, spec()) == revisions(four, spec()) == revisions(ONE, spec())


def test_pods_of_all_resources_count_as_the_same_whatever_replica_they_send_to() -> None:
    """A failure of the administrator's image is one failure, and stays one when the number of replicas changes."""
    assert objects.pods_of(replace(ONE, monitor_replicas=replicas(3))) == objects.pods_of(ONE)


@pytest.mark.parametrize("text", ["one", "a=b", "a=http://a,a=http://b"])
def test_replicas_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="replica"):
        MonitorReplicas.parsed(text)
