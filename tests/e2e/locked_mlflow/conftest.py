"""What is tested at a registry that asks who calls: one server, and one installation with its credentials, for all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.locked_mlflow import LockedMlflow, locked_mlflow
from penstock_testing.mlflow_server import ADMIN, PASSWORD
from penstock_testing.platform import Platform
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import Scene


@pytest.fixture(scope="package")
def mlflow(platform: Platform) -> Iterator[LockedMlflow]:
    with locked_mlflow(platform) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        yield server


@pytest.fixture
def scene(platform: Platform, mlflow: LockedMlflow, users: str, tmp_path: Path) -> Scene:
    return Scene(platform=platform, registry=RegisteredModels(mlflow.url), namespace=users, folder=tmp_path)
