"""What the cluster still has of a revision: its Deployment's pod template, and its card in the model store."""

from collections.abc import Sequence
from dataclasses import replace

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.comparison import ComparedRevision
from penstock_cli.errors import CliError
from penstock_cli.kubernetes_objects import RevisionDeployment

_GONE = "the Deployment of revision {} is gone"


def with_details(
    client: ClusterClient, namespace: str, name: str, revisions: Sequence[ComparedRevision]
) -> list[ComparedRevision]:
    """The revisions with what can be read; what cannot is said in them."""
    try:
        deployments = client.deployments(namespace, name)
    except CliError as error:
        why = str(error)
        return [replace(each, no_pod_spec=why, no_card=why) for each in revisions]
    store = next((each.store_url for each in deployments if each.store_url), "")
    return [_with_card(client, store, _with_pod_spec(each, deployments)) for each in revisions]


def _with_pod_spec(compared: ComparedRevision, deployments: Sequence[RevisionDeployment]) -> ComparedRevision:
    for deployment in deployments:
        if deployment.revision == compared.revision:
            return replace(compared, pod_spec=deployment.pod_spec)
    return replace(compared, no_pod_spec=_GONE.format(compared.revision))


def _with_card(client: ClusterClient, store: str, compared: ComparedRevision) -> ComparedRevision:
    if not store:
        return replace(compared, no_card="no Deployment of the resource is left, which would name the model store")
    try:
        return replace(compared, card=client.model_card(store, compared.digest))
    except CliError as error:
        return replace(compared, no_card=str(error))
