import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import penstock
from penstock.errors import DeploymentRefused


def test_the_smallest_resource_follows_an_alias() -> None:
    assert penstock.deployment("fraud-detector", namespace="payments", alias="champion") == {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud-detector", "namespace": "payments"},
        "spec": {"registry": {"model": "fraud-detector", "alias": "champion"}},
    }


def test_the_file_has_what_is_answered(tmp_path: Path) -> None:
    resource = penstock.deployment(
        "eu-fraud",
        namespace="payments",
        model="fraud",
        version=7,
        connection="research",
        predictor={"minReplicas": 4, "logger": {"mode": "all"}},
        drift={},
        file=tmp_path / "resource.yaml",
    )
    assert yaml.safe_load((tmp_path / "resource.yaml").read_text()) == resource
    assert resource["spec"]["registry"] == {"connection": "research", "model": "fraud", "version": "7"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "exactly one of alias"),
        ({"alias": "champion", "version": 3}, "exactly one of alias"),
        ({"alias": "champion", "predictor": {"minReplica": 4}}, "spec.predictor.minReplica: Extra inputs"),
        ({"alias": "champion", "predictor": {"minReplicas": 0}}, "spec.predictor.minReplicas"),
        ({"alias": "no spaces"}, "spec.registry.alias"),
        ({"alias": "champion", "strateggy": {}}, "spec.strateggy"),
    ],
)
def test_a_field_that_the_cluster_would_not_take_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(DeploymentRefused, match=re.escape(said)):
        penstock.deployment("fraud-detector", namespace="payments", **given)
