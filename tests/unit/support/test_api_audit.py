from collections import Counter

import pytest

from penstock_testing.api_audit import Right, granted, judge
from penstock_testing.cluster import Object

NAMESPACE = "penstock-system"
READ_PODS = Right("penstock-controller", "", "pods", "list")


def role(kind: str, name: str, *rules: Object, namespace: str = "") -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": list(rules)}


def binding(kind: str, role_name: str, account: str, *, to: str, namespace: str = "") -> Object:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
    reference = {"kind": to, "name": role_name}
    return {
        "kind": kind,
        "metadata": {"name": "x", "namespace": namespace},
        "roleRef": reference,
        "subjects": [subject],
    }


def rule(group: str, resource: str, *verbs: str) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def call(verb: str, resource: str, *, account: str = "penstock-controller", decision: str = "allow") -> Object:
    name, _, subresource = resource.partition("/")
    return {
        "user": {"username": f"system:serviceaccount:{NAMESPACE}:{account}"},
        "verb": verb,
        "stage": "ResponseComplete",
        "objectRef": {"resource": name} | ({"subresource": subresource} if subresource else {}),
        "annotations": {"authorization.k8s.io/decision": decision},
        "responseStatus": {"code": 200 if decision == "allow" else 403},
    }


RBAC = [
    role("ClusterRole", "all", rule("", "pods", "list")),
    binding("ClusterRoleBinding", "all", "penstock-controller", to="ClusterRole"),
]


def test_rights_come_from_every_binding_of_the_account() -> None:
    more = [
        role("Role", "all", rule("apps", "deployments", "list", "watch"), namespace="payments"),
        binding("RoleBinding", "all", "penstock-gateway", to="Role", namespace="payments"),
    ]
    assert granted(RBAC + more) == {
        READ_PODS,
        Right("penstock-gateway", "apps", "deployments", "list"),
        Right("penstock-gateway", "apps", "deployments", "watch"),
    }


def test_a_right_that_was_used_is_not_too_many() -> None:
    audit = judge(RBAC, [call("list", "pods"), call("list", "pods")])
    assert audit.violations(whole=True) == []
    assert audit.used == Counter({READ_PODS: 2})


def test_a_right_that_only_another_identity_used_is_too_many() -> None:
    audit = judge(RBAC, [call("list", "pods", account="penstock-gateway")])
    assert audit.violations(whole=True) == ["granted and never used: penstock-controller: list pods"]
    assert audit.violations(whole=False) == []


def test_a_refused_call_counts_whether_or_not_the_suite_is_whole() -> None:
    audit = judge(RBAC, [call("list", "pods"), call("get", "secrets", decision="forbid")])
    expected = ["refused 1 times: penstock-controller: get secrets"]
    assert audit.violations(whole=True) == audit.violations(whole=False) == expected
    assert "REFUSED penstock-controller: get secrets" in audit.table()


def test_a_right_that_users_may_give_or_not_may_be_refused_and_no_other() -> None:
    audit = judge(RBAC, [call("get", "secrets", decision="forbid"), call("delete", "pods", decision="forbid")])
    left = {Right("penstock-controller", "", "secrets", "get")}
    refused = [line for line in audit.violations(whole=False, left_to_users=left) if line.startswith("refused")]
    assert refused == ["refused 1 times: penstock-controller: delete pods"]


def test_what_admission_refuses_is_no_missing_right() -> None:
    refused = call("list", "pods") | {"responseStatus": {"code": 403}}
    assert judge(RBAC, [refused]).violations(whole=True) == []


def test_a_subresource_is_a_resource_of_its_own() -> None:
    audit = judge(RBAC, [call("update", "modeldeployments/status")])
    assert list(audit.used) == [Right("penstock-controller", "", "modeldeployments/status", "update")]


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param({"user": {"username": "admin"}}, id="a person, also one who acts as the account"),
        pytest.param({"objectRef": None}, id="discovery"),
        pytest.param({"verb": "watch"}, id="a watch that ends"),
    ],
)
def test_a_call_that_is_no_use_of_a_right_does_not_count(ignored: Object) -> None:
    assert judge(RBAC, [call("list", "pods") | ignored]).used == Counter()


def test_a_watch_counts_from_its_beginning_and_a_refused_one_too() -> None:
    begun = call("watch", "pods") | {"stage": "ResponseStarted"}
    refused = call("watch", "secrets", decision="forbid")
    assert judge(RBAC, [begun, refused]).used.total() == 2


def test_the_table_tells_granted_unused_and_what_everybody_may() -> None:
    table = judge(RBAC, [call("create", "selfsubjectaccessreviews")]).table()
    assert "0 UNUSED  penstock-controller: list pods" in table
    assert "1 default penstock-controller: create selfsubjectaccessreviews" in table
