"""The few calls of MLflow's REST interface that the controller makes; what they answer is checked field by field."""

from http import HTTPStatus
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock_controller.adapters.registry_connection import HttpAnswer, RegistryConnection
from penstock_controller.errors import RegistryAway

_BASE = "/api/2.0/mlflow"
_MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"})
"""MLflow answers a missing alias with INVALID_PARAMETER_VALUE: what is missing is found out by asking for the model."""
_LATEST_MS = 2**53


class NotThere(Exception):
    """MLflow says, by its error's code, that what was asked for does not exist or is no valid name."""


class NotAllowed(Exception):
    """It does not let us. The message is ours."""


class _MlflowAnswer(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class VersionTag(_MlflowAnswer):
    """A tag of a version."""

    key: str
    value: str = ""


class FoundVersion(_MlflowAnswer):
    """A version of a model."""

    version: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,9}$")]
    creation_timestamp: Annotated[int, Field(ge=0, le=_LATEST_MS)]
    tags: tuple[VersionTag, ...] = ()
    aliases: tuple[str, ...] = ()


class ModelAlias(_MlflowAnswer):
    """An alias of a model."""

    alias: str


class FoundModel(_MlflowAnswer):
    """A model."""

    name: str
    aliases: tuple[ModelAlias, ...] = ()


class _VersionAnswer(_MlflowAnswer):
    model_version: FoundVersion


class _ModelAnswer(_MlflowAnswer):
    registered_model: FoundModel


class _Done(_MlflowAnswer):
    """The answer to a write: an empty object, or more."""


class _Error(BaseModel):
    error_code: str


_Kind = TypeVar("_Kind", bound=_MlflowAnswer)


class MlflowApi:
    """Asks one registry. Everything raises RegistryAway, NotThere and NotAllowed."""

    def __init__(self, connection: RegistryConnection) -> None:
        self._connection = connection

    async def version_by_alias(self, model: str, alias: str) -> FoundVersion:
        """The version that an alias points at."""
        query = {"name": model, "alias": alias}
        return (await self._get("/registered-models/alias", query, _VersionAnswer)).model_version

    async def version(self, model: str, version: str) -> FoundVersion:
        """A version by its number."""
        query = {"name": model, "version": version}
        found = (await self._get("/model-versions/get", query, _VersionAnswer)).model_version
        if found.version != version:
            raise self._connection.away("answers with another version than it was asked for")
        return found

    async def model(self, name: str) -> FoundModel:
        """A model with the names of its aliases."""
        return (await self._get("/registered-models/get", {"name": name}, _ModelAnswer)).registered_model

    async def set_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a version's tag."""
        body = {"name": model, "version": version, "key": key, "value": value}
        self._read(await self._connection.call("POST", f"{_BASE}/model-versions/set-tag", body=body), _Done)

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        body = {"name": model, "alias": alias, "version": version}
        self._read(await self._connection.call("POST", f"{_BASE}/registered-models/alias", body=body), _Done)

    def inconsistent(self, what: str) -> RegistryAway:
        """The error for answers that contradict each other: between two calls something changed."""
        return self._connection.away(f"contradicts itself: {what}")

    async def _get(self, path: str, query: dict[str, str], kind: type[_Kind]) -> _Kind:
        return self._read(await self._connection.call("GET", f"{_BASE}{path}", query=query), kind)

    def _read(self, answer: HttpAnswer, kind: type[_Kind]) -> _Kind:
        if answer.status != HTTPStatus.OK:
            raise self._error(answer)
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as error:
            raise self._connection.away(
                f"answers ({answer.status}) what is not MLflow's: is registries.{self._connection.name}.uri right?"
            ) from error

    def _error(self, answer: HttpAnswer) -> Exception:
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return NotAllowed(f"registry {self._connection.name!r} refuses ({answer.status})")
        if _code(answer) in _MISSING and answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
            return NotThere()
        return self._connection.away(f"answers with status {answer.status}", answer.retry_after)


def _code(answer: HttpAnswer) -> str:
    try:
        return _Error.model_validate_json(answer.body).error_code
    except ValidationError:
        return ""
