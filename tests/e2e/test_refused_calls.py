"""What none of Penstock's identities may do: real calls in their name, refused by the real API server."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_testing.chart import Chart
from penstock_testing.cluster import Cluster, CommandError
from penstock_testing.platform import NAMESPACE, RELEASE, Platform, namespace

SCOPED = "scoped"
"""A release that may act in one namespace only."""
NOT_THE_CONTROLLER = [
    "get secrets -n {users}",
    "get secret anything -n penstock-system",
    "get configmaps -n {users}",
    "get nodes",
    "get namespaces",
    "patch modeldeployment model -n {users} --type=merge -p {{}}",
    "delete modeldeployment model -n {users}",
    "delete pod any -n {users}",
    "create token default -n {users}",
    "delete namespace {users}",
    "get clusterroles",
    "create clusterrolebinding more --clusterrole=cluster-admin --serviceaccount=penstock-system:penstock-controller",
    "patch crd modeldeployments.penstock.dev --type=merge -p {{}}",
    "get --raw /api/v1/namespaces/penstock-system/pods/any:8082/proxy/v1/applied",
]
NOT_THE_GATEWAY = [
    "get secrets -A",
    "get pods -n {users}",
    "get deployments -n {users}",
    "get modeldeployment model -n {users}",
    "patch modeldeployment model -n {users} --subresource=status --type=merge -p {{}}",
    "create deployment more -n {users} --image=more",
    "create service clusterip more -n {users} --tcp=80",
    "delete modeldeployment model -n {users}",
    "delete endpointslice any -n {users}",
    "create token penstock-gateway -n penstock-system",
]
NOT_THE_STORE = [
    "get secrets -n penstock-system",
    "get configmaps -n penstock-system",
    "get modeldeployments -A",
    "get pods -n penstock-system",
    "get persistentvolumeclaims -n penstock-system",
    "create configmap more -n penstock-system",
]
NOT_A_PREDICTOR = [
    "get modeldeployments -n {users}",
    "get secrets -n {users}",
    "get pods -n {users}",
]
CALLS = [
    *((f"{NAMESPACE}:{RELEASE}-controller", call) for call in NOT_THE_CONTROLLER),
    *((f"{NAMESPACE}:{RELEASE}-gateway", call) for call in NOT_THE_GATEWAY),
    *((f"{NAMESPACE}:{RELEASE}-model-store", call) for call in NOT_THE_STORE),
    *(("{users}:default", call) for call in NOT_A_PREDICTOR),
]
IN_ITS_NAMESPACE = [
    ("controller", "get modeldeployments"),
    ("controller", "get deployments"),
    ("controller", "get pods"),
    ("gateway", "get modeldeployments"),
    ("gateway", "get endpointslices"),
]
"""What the release that is bound to one namespace may do there, and there only."""


def refused(cluster: Cluster, account: str, call: str) -> bool:
    """Whether RBAC refuses the call, made as a service account `<namespace>:<name>`."""
    try:
        cluster.kubectl(*shlex.split(call), f"--as=system:serviceaccount:{account}")
    except CommandError as error:
        assert "(Forbidden)" in str(error), error
        assert f'User "system:serviceaccount:{account}" cannot' in str(error)
        return True
    return False


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


def test_there_are_thirty_of_them() -> None:
    assert len(CALLS) >= 30


@pytest.mark.parametrize(("account", "call"), CALLS)
def test_a_call_beyond_its_part_is_refused(cluster: Cluster, somewhere: str, account: str, call: str) -> None:
    assert refused(cluster, account.format(users=somewhere), call.format(users=somewhere))


@pytest.mark.parametrize(("part", "call"), IN_ITS_NAMESPACE)
def test_one_namespace_is_served_and_no_other(
    cluster: Cluster, somewhere: str, scoped: str, part: str, call: str
) -> None:
    account = f"{scoped}:{SCOPED}-{part}"
    assert not refused(cluster, account, f"{call} -n {somewhere}")
    assert refused(cluster, account, f"{call} -n mlflow")
    assert refused(cluster, account, f"{call} -A")


@pytest.mark.parametrize("call", ["get secrets", "get configmaps", "get services", "delete pod any"])
def test_its_one_namespace_is_not_its_own(cluster: Cluster, somewhere: str, scoped: str, call: str) -> None:
    for part in ("controller", "gateway", "model-store"):
        assert refused(cluster, f"{scoped}:{SCOPED}-{part}", f"{call} -n {somewhere}")
