"""Kinds of objects that can be listed and watched, and what a list or a watch answers."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from penstock_cli.kubernetes_objects import JsonObject, KubernetesObject, PredictorPod, ResourceEvent
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_contracts.base import ResourceContract
from penstock_contracts.names import GROUP, KIND, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION

T = TypeVar("T", bound=KubernetesObject)


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """Something that can be listed and watched."""

    kind: type[T]
    path: str
    what: str
    """Names the call in messages."""
    selectors: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ListedObjects(Generic[T]):
    """What a list answered."""

    items: tuple[T, ...]
    resource_version: str
    """A watch goes on from here."""


@dataclass(frozen=True, kw_only=True)
class WatchChange(Generic[T]):
    """What a watch told."""

    resource_version: str
    """The next watch goes on from here."""
    item: T | None = None
    """The object that changed; None: only the version has."""
    deleted: bool = False


class ListMeta(ResourceContract):
    """Where a list ends, and where a watch may go on."""

    resource_version: str = ""
    next_page: str | None = Field(None, alias="continue")


class ListPage(ResourceContract):
    """One page of a list."""

    items: tuple[JsonObject, ...]
    metadata: ListMeta


class WatchEvent(ResourceContract):
    """One line of a watch."""

    type: str
    content: JsonObject = Field(alias="object")


class Bookmark(ResourceContract):
    """The content of a watch event that only names a version."""

    metadata: ListMeta


class WatchFailure(ResourceContract):
    """The content of a watch event that ends the watch."""

    code: int = 0
    message: str = ""


def collection_path(namespace: str) -> str:
    """Where the ModelDeployments of a namespace are; empty: those of all of them."""
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{where}/{PLURAL}"


def model_deployment_listing(namespace: str, name: str) -> Listing[ModelDeploymentView]:
    """A ModelDeployment alone."""
    return Listing(
        kind=ModelDeploymentView,
        path=collection_path(namespace),
        what=f"watch ModelDeployment {namespace}/{name}",
        selectors=(("fieldSelector", f"metadata.name={name}"),),
    )


def pod_listing(namespace: str, name: str) -> Listing[PredictorPod]:
    """The pods of a ModelDeployment."""
    return Listing(
        kind=PredictorPod,
        path=f"/api/v1/namespaces/{namespace}/pods",
        what=f"watch pods in {namespace}",
        selectors=(("labelSelector", f"{LABEL_MODEL_DEPLOYMENT}={name}"),),
    )


def event_listing(namespace: str, name: str) -> Listing[ResourceEvent]:
    """The Events on a ModelDeployment."""
    return Listing(
        kind=ResourceEvent,
        path=f"/api/v1/namespaces/{namespace}/events",
        what=f"watch Events in {namespace}",
        selectors=(("fieldSelector", f"involvedObject.kind={KIND},involvedObject.name={name}"),),
    )
