"""What is tested at a registry that asks who calls: the one of the installation, which tests take away in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.locked_mlflow import LockedMlflow
from penstock_testing.mlflow_server import ADMIN, PASSWORD
from penstock_testing.platform import Platform
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import RolloutScene

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One after another in one of the processes: they share the server."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("locked_mlflow"))


@pytest.fixture(scope="package")
def mlflow(platform: Platform) -> Iterator[LockedMlflow]:
    """Who calls it from here is let in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        yield LockedMlflow(platform.cluster)


@pytest.fixture
def scene(platform: Platform, mlflow: LockedMlflow, users: str, tmp_path: Path) -> RolloutScene:
    return RolloutScene(platform=platform, registry=RegisteredModels(mlflow.url), namespace=users, folder=tmp_path)
