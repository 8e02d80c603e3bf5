"""What the cluster still has of a revision: its Deployment's pod template, and its card in the model store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock_cli.cluster import Cluster
from penstock_cli.comparison import Side
from penstock_cli.connection import Object
from penstock_cli.errors import Trouble
from penstock_contracts.names import LABEL_REVISION

_GONE = "the Deployment of revision {} is gone"
_STORE_URL = "PENSTOCK_STORE_URL"


def completed(cluster: Cluster, namespace: str, name: str, sides: Sequence[Side]) -> list[Side]:
    """The sides with what can be read; what cannot is said in them."""
    try:
        deployments = cluster.deployments(namespace, name)
    except Trouble as trouble:
        why = str(trouble)
        return [replace(side, no_template=why, no_card=why) for side in sides]
    store = next((url for url in map(_store_url, deployments) if url), "")
    return [_with_card(cluster, store, _with_template(side, deployments)) for side in sides]


def _with_template(side: Side, deployments: Sequence[Object]) -> Side:
    for found in deployments:
        if found["metadata"].get("labels", {}).get(LABEL_REVISION) == side.revision:
            return replace(side, template=found["spec"]["template"]["spec"])
    return replace(side, no_template=_GONE.format(side.revision))


def _with_card(cluster: Cluster, store: str, side: Side) -> Side:
    if not store:
        return replace(side, no_card="no Deployment of the resource is left, which would name the model store")
    try:
        return replace(side, card=cluster.card(store, side.digest))
    except Trouble as trouble:
        return replace(side, no_card=str(trouble))


def _store_url(deployment: Mapping[str, Any]) -> str:
    """The model store that a revision's pods fetch from; empty: it does not say."""
    containers = deployment["spec"]["template"]["spec"].get("initContainers", ())
    variables = (variable for container in containers for variable in container.get("env", ()))
    return next((str(each.get("value", "")) for each in variables if each["name"] == _STORE_URL), "")
