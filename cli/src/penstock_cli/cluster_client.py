"""What the plugin reads from a cluster, and the one thing that it writes. Answers become types here."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from penstock_cli.errors import CliError, UnreadableObject, WatchTooOld
from penstock_cli.kubernetes_api import KubernetesApi
from penstock_cli.kubernetes_objects import JsonObject, KubernetesObject, RevisionDeployment, read_object
from penstock_cli.listing import (
    Bookmark,
    ListedObjects,
    Listing,
    ListPage,
    T,
    WatchChange,
    WatchEvent,
    WatchFailure,
    collection_path,
)
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_contracts.model_card import ModelCard
from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT

_PAGE = "500"
_FORGOTTEN = 410


@dataclass(frozen=True)
class ModelDeploymentList:
    """The ModelDeployments of a namespace, or of all."""

    items: list[ModelDeploymentView]
    problems: list[str]
    """Which could not be read, and why: one that a newer release wrote does not hide the others."""


class ClusterClient:
    """A cluster's ModelDeployments and what belongs to them."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    def model_deployments(self, namespace: str) -> ModelDeploymentList:
        """All ModelDeployments of a namespace; empty: of all of them. Raises CliError."""
        found = ModelDeploymentList([], [])
        path, what = _all_in(namespace)
        for document in self._pages(path, what):
            try:
                found.items.append(_named(ModelDeploymentView, document, what))
            except UnreadableObject as error:
                found.problems.append(str(error))
        return found

    def names(self, namespace: str) -> list[str]:
        """Names of the ModelDeployments of a namespace. Raises CliError."""
        return self._names(*_all_in(namespace))

    def namespaces(self) -> list[str]:
        """Names of all namespaces. Raises CliError."""
        return self._names("/api/v1/namespaces", "list namespaces")

    def model_deployment(self, namespace: str, name: str) -> ModelDeploymentView:
        """One ModelDeployment. Raises ObjectNotFound, CliError."""
        what = f"read ModelDeployment {namespace}/{name}"
        return read_object(ModelDeploymentView, self._api.get(_path(namespace, name), what), what)

    def annotate(self, resource: ModelDeploymentView, annotation: str, value: str | None) -> None:
        """Write an annotation; None: remove it. Raises AnnotationConflict if it was changed since, CliError."""
        metadata = resource.metadata
        change: JsonObject = {"resourceVersion": metadata.resource_version, "annotations": {annotation: value}}
        what = f"annotate ModelDeployment {resource.path}"
        self._api.patch(_path(metadata.namespace, metadata.name), what, {"metadata": change})

    def deployments(self, namespace: str, name: str) -> list[RevisionDeployment]:
        """The Deployments of a ModelDeployment. Raises CliError."""
        path, what = f"/apis/apps/v1/namespaces/{namespace}/deployments", f"list Deployments in {namespace}"
        found = self._pages(path, what, labelSelector=f"{LABEL_MODEL_DEPLOYMENT}={name}")
        return [read_object(RevisionDeployment, document, what) for document in found]

    def model_card(self, store_url: str, digest: str) -> ModelCard:
        """A digest's card, from the model store by way of the API server. Raises CliError."""
        address = urlsplit(store_url)
        service, namespace = [*(address.hostname or "").split("."), ""][:2]
        path = f"/api/v1/namespaces/{namespace}/services/http:{service}:{address.port}/proxy/v1/digests/{digest}"
        what = f"read the card of {digest[:19]} from Service {namespace}/{service}"
        return read_object(ModelCard, self._api.get(path, what), what)

    def list_objects(self, listing: Listing[T]) -> ListedObjects[T]:
        """A listing as it is now. Raises CliError."""
        page = self._page(listing.path, listing.what, limit=_PAGE, **dict(listing.selectors))
        items = tuple(read_object(listing.kind, document, listing.what) for document in page.items)
        return ListedObjects(items, page.metadata.resource_version)

    def watch(self, listing: Listing[T], since: str, seconds: int) -> Iterator[WatchChange[T]]:
        """Changes after a resourceVersion. Raises WatchTooOld, CliError."""
        selectors = dict(listing.selectors)
        for line in self._api.watch(listing.path, listing.what, seconds, resourceVersion=since, **selectors):
            yield _change(listing, read_object(WatchEvent, line, listing.what))

    def _names(self, path: str, what: str) -> list[str]:
        return [read_object(KubernetesObject, document, what).metadata.name for document in self._pages(path, what)]

    def _pages(self, path: str, what: str, **query: str) -> Iterator[JsonObject]:
        following: str | None = ""
        while following is not None:
            page = self._page(path, what, limit=_PAGE, **query, **{"continue": following})
            yield from page.items
            following = page.metadata.next_page or None

    def _page(self, path: str, what: str, **query: str) -> ListPage:
        return read_object(ListPage, self._api.get(path, what, **query), what)


def _named(kind: type[T], document: JsonObject, what: str) -> T:
    """An item of a list, which an error names."""
    metadata = read_object(KubernetesObject, document, what).metadata
    return read_object(kind, document, f"{what}: {metadata.namespace}/{metadata.name}")


def _change(listing: Listing[T], event: WatchEvent) -> WatchChange[T]:
    if event.type == "ERROR":
        failure = read_object(WatchFailure, event.content, listing.what)
        message = f"{listing.what}: {failure.message}"
        raise WatchTooOld(message) if failure.code == _FORGOTTEN else CliError(message)
    if event.type == "BOOKMARK":
        bookmark = read_object(Bookmark, event.content, listing.what)
        return WatchChange(resource_version=bookmark.metadata.resource_version)
    item = read_object(listing.kind, event.content, listing.what)
    deleted = event.type == "DELETED"
    return WatchChange(resource_version=item.metadata.resource_version, item=item, deleted=deleted)


def _all_in(namespace: str) -> tuple[str, str]:
    """Path and name of the call that lists ModelDeployments."""
    return collection_path(namespace), f"list ModelDeployments in {namespace or 'all namespaces'}"


def _path(namespace: str, name: str) -> str:
    return f"{collection_path(namespace)}/{name}"
