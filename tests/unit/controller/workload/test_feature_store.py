"""How pods are told where to look columns up, and that nothing else about a pod changes."""

from dataclasses import replace

import pytest

from penstock_contracts.api.features import FeatureOptions, OnUnavailable
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.settings import FeatureStoreSettings
from penstock_controller.workload import objects
from penstock_controller.workload.feature_store import unknown_store
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

FEAST = FeatureStoreSettings(uri="http://feast.features:6566")
OTHER = FeatureStoreSettings(uri="https://feast.example", namespaces=("risk",))
OFF = Placement(image="predictor:1", store_url="http://store:8080", drain_seconds=5)
ON = replace(OFF, feature_stores={"default": FEAST, "other": OTHER})
DIGEST = "sha256:" + "a" * 64


def wish(options: FeatureOptions | None) -> ModelDeploymentSpec:
    of = spec()
    return evolve(of, predictor=evolve(of.predictor, features=options))


def told(options: FeatureOptions | None, placement: Placement, namespace: str = "ns") -> dict[str, dict[str, str]]:
    """Container to its variables about features."""
    pod = objects.pod_template("m", wish(options), DIGEST, placement.of_resource(namespace, "m"))["spec"]
    return {
        one["name"]: {
            item["name"].removeprefix("PENSTOCK_FEATURES_"): item["value"]
            for item in one["env"]
            if item["name"].startswith("PENSTOCK_FEATURES_")
        }
        for one in (*pod["initContainers"], *pod["containers"])
    }


def test_the_container_that_computes_is_told_where_and_how_long() -> None:
    default = {"URL": "http://feast.features:6566", "TIMEOUT_SECONDS": "0.02", "ON_UNAVAILABLE": "Default"}
    assert told(FeatureOptions(), ON) == {"fetch": {}, "predictor": default}
    strict = FeatureOptions(connection="other", timeout="1s", on_unavailable=OnUnavailable.REJECT)
    assert told(strict, ON, "risk")["predictor"] == {
        "URL": "https://feast.example",
        "TIMEOUT_SECONDS": "1",
        "ON_UNAVAILABLE": "Reject",
    }


def test_a_resource_that_looks_nothing_up_is_told_nothing_and_keeps_its_revision() -> None:
    assert told(None, ON) == {"fetch": {}, "predictor": {}}
    assert objects.revision_of("m", wish(None), DIGEST, ON) == objects.revision_of("m", spec(), DIGEST, OFF)
    assert objects.revision_of("m", wish(FeatureOptions()), DIGEST, ON) != objects.revision_of("m", spec(), DIGEST, OFF)


def test_another_address_is_a_change_of_the_administrators_so_that_its_rollouts_take_turns() -> None:
    moved = replace(ON, feature_stores={"default": FeatureStoreSettings(uri="http://elsewhere"), "other": OTHER})
    assert len({objects.pods_of(placement) for placement in (OFF, ON, moved)}) == 3
    assert objects.pods_of(replace(ON)) == objects.pods_of(ON)


@pytest.mark.parametrize(
    ("connection", "namespace", "why"),
    [
        ("default", "ns", ""),
        ("other", "risk", ""),
        ("other", "ns", "'other' is not among the feature stores defined for this namespace: default"),
        ("third", "risk", "'third' is not among the feature stores defined for this namespace: default, other"),
    ],
)
def test_a_store_that_a_namespace_may_not_name_is_unknown_there(connection: str, namespace: str, why: str) -> None:
    stores = ON.of_resource(namespace, "m").feature_stores
    assert unknown_store(FeatureOptions(connection=connection), stores).endswith(why)
    assert bool(unknown_store(FeatureOptions(connection=connection), stores)) == bool(why)


def test_without_features_any_store_will_do() -> None:
    assert unknown_store(None, {}) == ""
    assert unknown_store(FeatureOptions(), {}).endswith(": none")
