"""MLflow's own client with limits that suit a controller, and what its errors mean."""

import os
from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

LIMIT = 15.0
"""Seconds that a call may take, above what MLflow's client is told below: two tries."""
MISSING = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}
"""MLflow answers a missing alias with HTTP 400 and INVALID_PARAMETER_VALUE."""
REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}

# Its defaults let a thread try for a quarter of an hour. An administrator may say otherwise.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "6")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def clients(connections: Mapping[str, str]) -> dict[str, MlflowClient]:
    """A client for each connection's URI, by name. They take credentials from the environment."""
    return {name: MlflowClient(tracking_uri=uri, registry_uri=uri) for name, uri in connections.items()}


def said(error: MlflowException) -> str:
    """Its first line without what differs on each try: the text of a refused connection holds an object's address."""
    return str(error.message).split("(Caused by", maxsplit=1)[0].split("\n", maxsplit=1)[0][:300]
