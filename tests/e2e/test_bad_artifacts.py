"""Every bad artifact of the table, registered with the MLflow server in the cluster, while a good version serves."""

import time
from collections.abc import Iterator

import pytest

from penstock_testing.artifacts import BAD_ARTIFACTS, BadArtifact, affine
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.platform import Platform, namespace, wait_for
from penstock_testing.registered_models import RegisteredModels

LIMIT = 10.0
NAMESPACE, MODEL = "bad-artifacts", "model-of-bad-artifacts"
TRAVELLING = [artifact for artifact in BAD_ARTIFACTS if artifact.travels]


@pytest.fixture(scope="module")
def served(platform: Platform, registry: RegisteredModels) -> Iterator[Deployed]:
    """A good version serves; every test moves the alias to a bad one and leaves it there."""
    platform.cluster.apply(namespace(NAMESPACE))
    registry.move(MODEL, registry.register(MODEL, affine(2.0, 1.0)))
    platform.cluster.apply(model_deployment("model", NAMESPACE, MODEL))
    deployed = Deployed(platform.cluster, NAMESPACE, "model")
    deployed.wait_ready()
    deployed.wait_settled()
    yield deployed
    platform.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("artifact", TRAVELLING, ids=lambda artifact: artifact.name)
def test_a_bad_artifact_is_named_by_a_condition_and_the_serving_version_is_untouched(
    served: Deployed, registry: RegisteredModels, artifact: BadArtifact
) -> None:
    before = served.status()["stable"]
    version = registry.register(MODEL, artifact.build)
    registry.move(MODEL, version)
    moved_at = time.monotonic()

    def refused() -> Object | None:
        condition = served.condition("Stalled")
        found = condition.get("status") == "True" and f"version {version} is refused:" in served.status()["message"]
        return condition if found else None

    condition = wait_for(f"Stalled by {artifact.name}", refused, seconds=LIMIT)
    message = served.status()["message"]
    print(f"{artifact.name}: {condition['reason']} after {time.monotonic() - moved_at:.1f} s: {message}")
    assert condition["reason"] == artifact.reason
    assert artifact.names in message
    assert served.condition("Ready")["status"] == "True"
    assert served.status()["stable"] == before


def test_the_table_has_at_least_15_bad_artifacts_that_travel() -> None:
    assert len(TRAVELLING) >= 15
