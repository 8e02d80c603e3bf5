"""The registry port on MLflow's own client, off the event loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from penstock_controller.adapters.mlflow_client import LIMIT, MISSING, REFUSED, clients, said
from penstock_controller.api.v1alpha1 import RegistryRef
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.rollout.observation import RegistryVersion
from penstock_controller.telemetry import Telemetry

_THREADS = 4


class MlflowRegistry:
    """Looks versions up. One client for each connection."""

    def __init__(self, connections: Mapping[str, str], telemetry: Telemetry) -> None:
        self._clients = clients(connections)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="registry")
        self._telemetry = telemetry

    async def resolve(self, reference: RegistryRef) -> RegistryVersion:
        """The version that the reference means now."""
        client = self._clients.get(reference.connection)
        if client is None:
            known = ", ".join(sorted(self._clients)) or "none"
            raise VersionMissing(
                "UnknownConnection",
                f"spec.registry.connection: {reference.connection!r} is not among those defined: {known}",
            )
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._threads, _look_up, client, reference)
        try:
            found = await asyncio.wait_for(call, timeout=LIMIT)
        except TimeoutError as error:
            raise self._away(reference, f"no answer in {LIMIT:g} s") from error
        except MlflowException as error:
            raise self._translated(reference, error) from error
        self._telemetry.registry_answers(reference.connection, yes=True)
        return RegistryVersion(version=str(found.version), created_at_ms=int(found.creation_timestamp))

    def _translated(self, reference: RegistryRef, error: MlflowException) -> Exception:
        if error.error_code in MISSING:
            self._telemetry.registry_answers(reference.connection, yes=True)
            return _missing(reference, str(error.message))
        if error.error_code in REFUSED:
            return self._away(reference, said(error), "refuses")
        return self._away(reference, said(error))

    def _away(self, reference: RegistryRef, why: str, does: str = "does not answer") -> RegistryAway:
        self._telemetry.registry_failed(reference.connection)
        self._telemetry.registry_answers(reference.connection, yes=False)
        return RegistryAway(f"registry {reference.connection!r} {does}: {why}")


def _look_up(client: MlflowClient, reference: RegistryRef) -> ModelVersion:
    if reference.alias is not None:
        return client.get_model_version_by_alias(reference.model, reference.alias)
    return client.get_model_version(reference.model, str(reference.version))


def _missing(reference: RegistryRef, why: str) -> VersionMissing:
    if "egistered Model with name" in why or "RegisteredModel" in why:
        return VersionMissing("ModelNotFound", f"spec.registry.model: the registry has no model {reference.model!r}")
    if reference.alias is not None:
        return VersionMissing(
            "AliasNotFound",
            f"spec.registry.alias: model {reference.model!r} has no alias {reference.alias!r}: set it in the registry",
        )
    return VersionMissing(
        "VersionNotFound", f"spec.registry.version: model {reference.model!r} has no version {reference.version}"
    )
