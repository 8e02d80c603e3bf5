"""The one installation that all end-to-end tests share: Penstock, and two MLflow servers. One asks who calls."""

from penstock_testing import locked_mlflow
from penstock_testing.artifacts import MAX_ARTIFACT_BYTES, MAX_FILES, MAX_REFERENCE_BYTES, OPEN_SECONDS
from penstock_testing.platform import Platform


def install(platform: Platform) -> None:
    """Until all of it answers. Again: changes nothing."""
    platform.install_mlflow()
    locked_mlflow.install(platform)
    platform.install(
        "controller.pollSeconds=1",  # half of the default: an alias moves a hundred times
        f"modelStore.maxArtifactBytes={MAX_ARTIFACT_BYTES}",
        f"modelStore.maxFiles={MAX_FILES}",
        f"modelStore.maxReferenceBytes={MAX_REFERENCE_BYTES}",
        f"modelStore.openSeconds={OPEN_SECONDS}",
        *locked_mlflow.SETTINGS,
        "featureStores.feast.uri=http://feast.features.svc.cluster.local:6566",
    )
    platform.wait_for_mlflow()
    locked_mlflow.wait(platform)
