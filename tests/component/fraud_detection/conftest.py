from collections.abc import Iterator

import pytest

from penstock_testing.mlflow_server import mlflow_server


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server with an empty registry."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server.uri
