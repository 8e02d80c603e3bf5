"""The base of every contract."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """An immutable message between parts. Readers ignore fields they do not know: parts are upgraded one by one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ResourceContract(Contract):
    """A message that is stored inside a Kubernetes object: camelCase there, snake_case here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)
