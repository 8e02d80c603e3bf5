"""The base of every contract, and how one is changed."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """An immutable message between parts. Readers ignore fields they do not know: parts are upgraded one by one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ResourceContract(Contract):
    """A message that is stored inside a Kubernetes object: camelCase there, snake_case here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


_Model = TypeVar("_Model", bound=BaseModel)


def evolve(model: _Model, /, **changes: object) -> _Model:
    """The model with these fields changed, by their names in Python.

    `make types` checks names and types (contracts/evolve_types.py). Pydantic's own `model_copy` takes any key with any
    value, and a misspelt one vanishes.
    """
    return model.model_copy(update=changes)
