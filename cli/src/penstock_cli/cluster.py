"""What the plugin asks of a cluster, object by object."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import ValidationError

from penstock_cli.connection import Connection, Object
from penstock_cli.errors import Trouble
from penstock_contracts.model_card import ModelCard
from penstock_contracts.names import GROUP, KIND, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION

_PAGE = "500"


@dataclass(frozen=True)
class Listing:
    """Something that can be listed and watched."""

    path: str
    what: str
    selectors: tuple[tuple[str, str], ...]


class Cluster:
    """A cluster's ModelDeployments and what belongs to them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def resources(self, namespace: str) -> list[Object]:
        """All ModelDeployments of a namespace; empty: of all of them. Raises Trouble."""
        return list(self._pages(_collection(namespace), f"list ModelDeployments in {namespace or 'all namespaces'}"))

    def _pages(self, path: str, what: str, **query: str) -> Iterator[Object]:
        following = ""
        while True:
            page = self._connection.get(path, what, limit=_PAGE, **query, **{"continue": following})
            yield from page["items"]
            following = page["metadata"].get("continue") or ""
            if not following:
                return

    def resource(self, namespace: str, name: str) -> Object:
        """One ModelDeployment. Raises Gone, Trouble."""
        return self._connection.get(_path(namespace, name), f"read ModelDeployment {namespace}/{name}")

    def annotate(self, resource: Object, annotation: str, value: str | None) -> Object:
        """Write an annotation (None: remove it) unless the resource was changed since. Raises Conflict, Trouble."""
        metadata = resource["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        change = {"resourceVersion": metadata["resourceVersion"], "annotations": {annotation: value}}
        what = f"annotate ModelDeployment {namespace}/{name}"
        return self._connection.patch(_path(namespace, name), what, {"metadata": change})

    def namespaces(self) -> list[str]:
        """Names of all namespaces. Raises Trouble."""
        return [item["metadata"]["name"] for item in self._pages("/api/v1/namespaces", "list namespaces")]

    def deployments(self, namespace: str, name: str) -> list[Object]:
        """The Deployments of a ModelDeployment. Raises Trouble."""
        path, selector = f"/apis/apps/v1/namespaces/{namespace}/deployments", f"{LABEL_MODEL_DEPLOYMENT}={name}"
        return list(self._pages(path, f"list Deployments in {namespace}", labelSelector=selector))

    def card(self, store_url: str, digest: str) -> ModelCard:
        """A digest's card, from the model store by way of the API server. Raises Trouble."""
        address = urlsplit(store_url)
        service, namespace = [*(address.hostname or "").split("."), ""][:2]
        path = f"/api/v1/namespaces/{namespace}/services/http:{service}:{address.port}/proxy/v1/digests/{digest}"
        told = self._connection.get(path, f"read the card of {digest[:19]} from Service {namespace}/{service}")
        try:
            return ModelCard.model_validate(told)
        except ValidationError as error:
            raise Trouble(f"the card of {digest[:19]} is not understood: {error.error_count()} errors") from error

    def newest(self, listing: Listing) -> Object:
        """A listing as it is now. Raises Trouble."""
        return self._connection.get(listing.path, listing.what, limit=_PAGE, **dict(listing.selectors))

    def changes(self, listing: Listing, since: str, seconds: int) -> Iterator[Object]:
        """Watch events after a resourceVersion. Raises Trouble."""
        selectors = dict(listing.selectors)
        return self._connection.watch(listing.path, listing.what, seconds, resourceVersion=since, **selectors)


def _collection(namespace: str) -> str:
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{where}/{PLURAL}"


def _path(namespace: str, name: str) -> str:
    return f"{_collection(namespace)}/{name}"


def itself(namespace: str, name: str) -> Listing:
    """A ModelDeployment alone."""
    selector = (("fieldSelector", f"metadata.name={name}"),)
    return Listing(_collection(namespace), f"watch ModelDeployment {namespace}/{name}", selector)


def pods(namespace: str, name: str) -> Listing:
    """The pods of a ModelDeployment."""
    selector = (("labelSelector", f"{LABEL_MODEL_DEPLOYMENT}={name}"),)
    return Listing(f"/api/v1/namespaces/{namespace}/pods", f"watch pods in {namespace}", selector)


def events(namespace: str, name: str) -> Listing:
    """The Events on a ModelDeployment."""
    selector = (("fieldSelector", f"involvedObject.kind={KIND},involvedObject.name={name}"),)
    return Listing(f"/api/v1/namespaces/{namespace}/events", f"watch Events in {namespace}", selector)
