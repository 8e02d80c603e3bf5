"""The recorder port on MLflow's own client, off the event loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from penstock_controller.adapters.mlflow_client import LIMIT, MISSING, REFUSED, clients, said
from penstock_controller.errors import RegistryAway, RegistryRefused, VersionMissing
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.telemetry import Telemetry


class MlflowRecorder:
    """Sets tags and aliases.

    One thread for each connection: a call that outlived its time-out ends before the next begins, so an alias cannot
    be moved back by a call that was given up.
    """

    def __init__(self, connections: Mapping[str, str], telemetry: Telemetry) -> None:
        self._clients = clients(connections)
        self._threads = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"recorder-{name}") for name in connections
        }
        self._telemetry = telemetry

    async def record(self, entry: Entry, tag: Tag | None) -> None:
        """Make the registry show it; what it shows already is not written again."""
        client, threads = self._clients[entry.connection], self._threads[entry.connection]
        call = asyncio.get_running_loop().run_in_executor(threads, _show, client, entry, tag)
        try:
            await asyncio.wait_for(call, timeout=LIMIT)
        except TimeoutError as error:
            raise self._failed(entry, RegistryAway(f"registry {entry.connection!r} does not answer")) from error
        except MlflowException as error:
            raise self._failed(entry, _translated(entry, error)) from error

    def _failed(self, entry: Entry, error: Exception) -> Exception:
        self._telemetry.registry_failed(entry.connection)
        return error


def _show(client: MlflowClient, entry: Entry, tag: Tag | None) -> None:
    found = client.get_model_version(entry.model, entry.version)
    if tag and found.tags.get(tag.key) != tag.value:
        client.set_model_version_tag(entry.model, entry.version, tag.key, tag.value)
    if entry.alias and entry.alias not in found.aliases:
        client.set_registered_model_alias(entry.model, entry.alias, entry.version)


def _translated(entry: Entry, error: MlflowException) -> Exception:
    if error.error_code in REFUSED:
        return RegistryRefused(
            f"registry {entry.connection!r} refuses it: {said(error)}; let the account in the chart's "
            f"registryCredentialsSecret edit model {entry.model!r}. Rollouts go on"
        )
    if error.error_code in MISSING:
        return VersionMissing("VersionNotFound", f"registry {entry.connection!r}: {said(error)}")
    return RegistryAway(f"registry {entry.connection!r} does not answer: {said(error)}")
