"""The registry port on MLflow's REST interface."""

from collections.abc import Mapping

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.adapters.mlflow_api import FoundVersion, MlflowApi, NotAllowed, NotThere
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.rollout.observation import RegistryVersion
from penstock_controller.telemetry import ControllerTelemetry


class MlflowRegistry:
    """Looks versions up."""

    def __init__(self, apis: Mapping[str, MlflowApi], telemetry: ControllerTelemetry) -> None:
        """`apis`: by connection."""
        self._apis = apis
        self._telemetry = telemetry

    async def resolve(self, reference: RegistryRef) -> RegistryVersion:
        """The version that the reference means now."""
        connection = reference.connection
        try:
            found = await _look_up(self._apis[connection], reference)
        except NotAllowed as error:
            self._failed(connection)
            advice = f"may the account in registryCredentialsSecret read model {reference.model!r}?"
            raise RegistryAway(f"{error}; {advice}") from error
        except RegistryAway:
            self._failed(connection)
            raise
        except VersionMissing:
            self._telemetry.registry_answers(connection, yes=True)
            raise
        self._telemetry.registry_answers(connection, yes=True)
        return RegistryVersion(version=found.version, created_at_ms=found.creation_timestamp)

    def _failed(self, connection: str) -> None:
        self._telemetry.registry_failed(connection)
        self._telemetry.registry_answers(connection, yes=False)


async def _look_up(api: MlflowApi, reference: RegistryRef) -> FoundVersion:
    try:
        if reference.alias is not None:
            return await api.version_by_alias(reference.model, reference.alias)
        return await api.version(reference.model, str(reference.version))
    except NotThere as error:
        raise await _missing(api, reference) from error


async def _missing(api: MlflowApi, reference: RegistryRef) -> Exception:
    """What of a reference there is not, told by what there is."""
    try:
        model = await api.model(reference.model)
    except NotThere:
        return VersionMissing(
            Reason.MODEL_NOT_FOUND, f"spec.registry.model: the registry has no model {reference.model!r}"
        )
    if reference.alias is None:
        message = f"spec.registry.version: model {reference.model!r} has no version {reference.version}"
        return VersionMissing(Reason.VERSION_NOT_FOUND, message)
    if reference.alias in {each.alias for each in model.aliases}:
        return api.inconsistent("it lists an alias that it does not find")
    return VersionMissing(
        Reason.ALIAS_NOT_FOUND,
        f"spec.registry.alias: model {reference.model!r} has no alias {reference.alias!r}: set it in the registry",
    )
