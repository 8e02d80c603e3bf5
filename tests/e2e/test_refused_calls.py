"""What none of Penstock's identities may do: real calls in their name, refused by the real API server."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_testing.chart import Chart
from penstock_testing.cluster import KubernetesCluster
from penstock_testing.impersonation import Impersonation, impersonation
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, RELEASE, Platform, namespace

SCOPED = "penstock-scoped"
"""A release that may act in one namespace only."""
CORE, USERS = "/api/v1", "/api/v1/namespaces/{users}"
OURS = f"{CORE}/namespaces/{NAMESPACE}"
APPS, MODELS = "/apis/apps/v1/namespaces/{users}", "/apis/penstock.dev/v1alpha1/namespaces/{users}/modeldeployments"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.penstock.dev"

NOT_THE_CONTROLLER = [
    f"GET {USERS}/secrets",
    f"GET {OURS}/secrets/any",
    f"GET {USERS}/configmaps",
    f"GET {CORE}/nodes",
    f"GET {CORE}/namespaces",
    f"PUT {MODELS}/model",
    f"PATCH {MODELS}/model",
    f"DELETE {MODELS}/model",
    f"POST {USERS}/pods",
    f"DELETE {USERS}/pods/any",
    f"POST {USERS}/pods/any/exec?command=sh",
    f"POST {USERS}/serviceaccounts/default/token",
    f"DELETE {CORE}/namespaces/{{users}}",
    f"POST {RBAC}/clusterrolebindings",
    f"PATCH {RBAC}/clusterroles/cluster-admin",
    f"PATCH {CRD}",
    f"GET {OURS}/pods/any:8082/proxy/v1/applied/any/model",
]
NOT_THE_GATEWAY = [
    f"GET {CORE}/secrets",
    f"GET {USERS}/pods",
    f"GET {APPS}/deployments",
    f"GET {MODELS}/model",
    f"PUT {MODELS}/model/status",
    f"POST {APPS}/deployments",
    f"POST {USERS}/services",
    f"DELETE {MODELS}/model",
    "PATCH /apis/discovery.k8s.io/v1/namespaces/{users}/endpointslices/any",
    f"POST {OURS}/serviceaccounts/{RELEASE}-gateway/token",
]
NOT_THE_STORE = [
    f"GET {OURS}/secrets",
    f"GET {OURS}/configmaps",
    "GET /apis/penstock.dev/v1alpha1/modeldeployments",
    f"GET {OURS}/pods",
    f"GET {OURS}/persistentvolumeclaims",
    f"POST {OURS}/events",
]
NOT_A_PREDICTOR = [f"GET {MODELS}", f"GET {USERS}/secrets", f"GET {USERS}/pods"]
"""Its pods have no token; this is what the account they are under could do."""
CALLS = [
    *((f"{NAMESPACE}:{RELEASE}-controller", call) for call in NOT_THE_CONTROLLER),
    *((f"{NAMESPACE}:{RELEASE}-gateway", call) for call in NOT_THE_GATEWAY),
    *((f"{NAMESPACE}:{RELEASE}-model-store", call) for call in NOT_THE_STORE),
    *(("{users}:default", call) for call in NOT_A_PREDICTOR),
]
IN_ITS_NAMESPACE = [
    ("controller", "penstock.dev/v1alpha1/{place}modeldeployments"),
    ("controller", "apps/v1/{place}deployments"),
    ("gateway", "penstock.dev/v1alpha1/{place}modeldeployments"),
    ("gateway", "discovery.k8s.io/v1/{place}endpointslices"),
]
"""What the release that is bound to one namespace may list there, and there only."""


pytestmark = pytest.mark.xdist_group("refused calls")  # its fixtures are made once


@pytest.fixture(scope="module")
def acting(cluster: KubernetesCluster) -> Iterator[Impersonation]:
    with impersonation(cluster) as acting:
        yield acting


@pytest.fixture(scope="module")
def somewhere(platform: Platform) -> Iterator[str]:
    """A namespace of users."""
    name = f"refused-{uuid4().hex[:6]}"
    platform.cluster.apply(namespace(name))
    yield name
    platform.cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def scoped(platform: Platform, somewhere: str) -> Iterator[str]:
    """The namespace of another release's accounts; `watchNamespace` is somewhere else. No pods run there."""
    name = f"{SCOPED}-{uuid4().hex[:6]}"
    cluster = platform.cluster
    cluster.apply(namespace(name))
    chart = Chart(helm=Path(cluster.helm_path))
    rendered = chart.render("crds.enabled=false", f"watchNamespace={somewhere}", namespace=name, release=SCOPED)
    cluster.apply(*rendered.of("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_no_call_beyond_its_part_is_let_in(acting: Impersonation, somewhere: str) -> None:
    let_in = [
        (account, call)
        for account, call in CALLS
        if not acting.refused(account.format(users=somewhere), call.format(users=somewhere))
    ]
    assert let_in == []


def test_a_call_that_belongs_to_a_part_is_not_refused(acting: Impersonation, somewhere: str) -> None:
    controller = f"{NAMESPACE}:{RELEASE}-controller"
    assert not acting.refused(controller, f"GET {MODELS}/model".format(users=somewhere))
    assert not acting.refused(controller, f"PUT {MODELS}/model/status".format(users=somewhere))


def test_one_namespace_is_served_and_no_other(acting: Impersonation, somewhere: str, scoped: str) -> None:
    for part, collection in IN_ITS_NAMESPACE:
        account, call = f"{scoped}:{SCOPED}-{part}", f"GET /apis/{collection}"
        assert not acting.refused(account, call.format(place=f"namespaces/{somewhere}/")), (part, collection)
        assert acting.refused(account, call.format(place=f"namespaces/{MLFLOW_NAMESPACE}/")), (part, collection)
        assert acting.refused(account, call.format(place="")), (part, collection)


def test_its_one_namespace_is_not_its_own(acting: Impersonation, somewhere: str, scoped: str) -> None:
    calls = (f"GET {USERS}/secrets", f"GET {USERS}/configmaps", f"DELETE {USERS}/pods/any", f"DELETE {MODELS}/any")
    for part in ("controller", "gateway", "model-store"):
        for call in calls:
            assert acting.refused(f"{scoped}:{SCOPED}-{part}", call.format(users=somewhere)), (part, call)
