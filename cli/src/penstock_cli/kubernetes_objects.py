"""Objects of Kubernetes, as far as the plugin reads them. Fields that it does not know are passed over."""

from typing import TypeVar

from pydantic import AliasPath, BaseModel, Field, JsonValue, ValidationError

from penstock_cli.errors import UnreadableObject
from penstock_contracts.base import ResourceContract
from penstock_contracts.names import LABEL_REVISION

JsonObject = dict[str, JsonValue]

_STORE_URL = "PENSTOCK_STORE_URL"
_MOST_FIELDS = 3
"""Fields that an error names."""


class ObjectMeta(ResourceContract):
    """What every object has."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: str = ""
    deletion_timestamp: str = ""


class KubernetesObject(ResourceContract):
    """Any object."""

    metadata: ObjectMeta


class PodCondition(ResourceContract):
    """A condition of a pod."""

    type: str
    status: str


class PredictorPod(KubernetesObject):
    """A pod of a ModelDeployment."""

    conditions: tuple[PodCondition, ...] = Field((), validation_alias=AliasPath("status", "conditions"))

    @property
    def revision(self) -> str:
        """The revision that it serves."""
        return self.metadata.labels.get(LABEL_REVISION, "")

    @property
    def ready(self) -> bool:
        """Whether it gets requests. A pod that leaves does not, whatever its condition says."""
        ready = any(each.type == "Ready" and each.status == "True" for each in self.conditions)
        return ready and not self.metadata.deletion_timestamp


class ResourceEvent(KubernetesObject):
    """An Event on a ModelDeployment. The API server writes null for a time that is not known."""

    type: str = "Normal"
    reason: str = ""
    message: str = ""
    count: int | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    about_uid: str = Field("", validation_alias=AliasPath("involvedObject", "uid"))

    @property
    def at(self) -> str:
        """When it happened last (RFC 3339)."""
        return self.last_timestamp or self.event_time or self.metadata.creation_timestamp


class ContainerVariable(ResourceContract):
    """A variable of a container."""

    name: str
    value: str = ""


class InitContainer(ResourceContract):
    """A container that runs before the predictor: it fetches the model."""

    env: tuple[ContainerVariable, ...] = ()


class RevisionDeployment(KubernetesObject):
    """The Deployment of a revision."""

    pod_spec: JsonObject = Field(validation_alias=AliasPath("spec", "template", "spec"))
    """As it stands: it is shown and compared, not read."""
    init_containers: tuple[InitContainer, ...] = Field(
        (), validation_alias=AliasPath("spec", "template", "spec", "initContainers")
    )

    @property
    def revision(self) -> str:
        """The revision whose pods it makes."""
        return self.metadata.labels.get(LABEL_REVISION, "")

    @property
    def store_url(self) -> str:
        """The model store that its pods fetch from; empty: it does not say."""
        variables = (variable for container in self.init_containers for variable in container.env)
        return next((each.value for each in variables if each.name == _STORE_URL), "")


_Model = TypeVar("_Model", bound=BaseModel)


def read_object(kind: type[_Model], document: object, what: str) -> _Model:
    """A document as a type. `what` names the call in the message. Raises UnreadableObject.

    The types of the resource forbid unknown fields, for the controller; here a newer release may have added some.
    """
    try:
        return kind.model_validate(document, extra="ignore")
    except ValidationError as error:
        raise UnreadableObject(
            f"{what}: this plugin cannot read {_fields(error)}. Penstock on the cluster may be of another release: "
            "install the plugin of that release; `kubectl get -o yaml` shows the object as it is"
        ) from error


def _fields(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, each['loc'])) or 'it'} ({each['msg']})" for each in error.errors()]
    more = f" and {len(found) - _MOST_FIELDS} more" if len(found) > _MOST_FIELDS else ""
    return ", ".join(found[:_MOST_FIELDS]) + more
