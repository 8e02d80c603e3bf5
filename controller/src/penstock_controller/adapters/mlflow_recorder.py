"""The recorder port on MLflow's REST interface."""

from collections.abc import Mapping

from penstock_contracts.api.reasons import Reason
from penstock_controller.adapters.mlflow_api import MlflowApi, NotAllowed, NotThere
from penstock_controller.errors import RegistryAway, RegistryRefused, VersionMissing
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.telemetry import ControllerTelemetry


class MlflowRecorder:
    """Sets tags and aliases.

    The outbox works on one entry of a connection at a time, and a call that outlived its time is closed before the next
    begins, so an alias is not moved back by a call that was given up.
    """

    def __init__(self, apis: Mapping[str, MlflowApi], telemetry: ControllerTelemetry) -> None:
        """`apis`: by connection."""
        self._apis = apis
        self._telemetry = telemetry

    async def record(self, entry: Entry, tag: Tag | None) -> None:
        """Make the registry show it; what it shows already is not written again."""
        try:
            await _show(self._apis[entry.connection], entry, tag)
        except NotThere as error:
            raise VersionMissing(
                Reason.VERSION_NOT_FOUND,
                f"registry {entry.connection!r} has no version {entry.version} of {entry.model!r}",
            ) from error
        except NotAllowed as error:
            self._telemetry.registry_failed(entry.connection)
            raise RegistryRefused(
                f"{error}; let the account in the chart's registryCredentialsSecret edit model "
                f"{entry.model!r}. Rollouts go on"
            ) from error
        except RegistryAway:
            self._telemetry.registry_failed(entry.connection)
            raise


async def _show(api: MlflowApi, entry: Entry, tag: Tag | None) -> None:
    found = await api.version(entry.model, entry.version)
    if tag and tag.value not in {each.value for each in found.tags if each.key == tag.key}:
        await api.set_tag(entry.model, entry.version, tag.key, tag.value)
    if entry.alias and entry.alias not in found.aliases:
        await api.set_alias(entry.model, entry.alias, entry.version)
