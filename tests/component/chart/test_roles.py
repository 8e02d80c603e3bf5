"""What Penstock may do in a cluster: as little as it needs."""

from collections.abc import Iterator

import pytest

from penstock_testing.chart import Chart, Rendered
from penstock_testing.cluster import Object

ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
READ = {"get", "list", "watch"}
FORBIDDEN_RESOURCES = {"*", "secrets", "pods/exec", "serviceaccounts/token", "nodes", "roles", "clusterroles"}
FORBIDDEN_VERBS = {"*", "bind", "escalate", "impersonate"}


def rules_for(rendered: Rendered, account: str) -> Iterator[Object]:
    """The rules that the service account holds by any binding."""
    for binding in rendered.of(*BINDINGS):
        if account in [subject["name"] for subject in binding["subjects"]]:
            yield from rendered.one(binding["roleRef"]["kind"], binding["roleRef"]["name"])["rules"]


@pytest.mark.parametrize("settings", [(), ("watchNamespace=payments",)], ids=["all namespaces", "one namespace"])
def test_no_rule_has_a_wildcard_or_reads_secrets_or_can_raise_itself(chart: Chart, settings: tuple[str, ...]) -> None:
    roles = chart.render(*settings).of(*ROLES)
    assert len(roles) == (3 if settings else 5)
    for rule in (rule for role in roles for rule in role["rules"]):
        assert not FORBIDDEN_RESOURCES & set(rule["resources"])
        assert not FORBIDDEN_VERBS & set(rule["verbs"])
        assert "*" not in rule["apiGroups"]


def test_the_gateway_only_reads(defaults: Rendered) -> None:
    rules = list(rules_for(defaults, "penstock-gateway"))
    assert {resource for rule in rules for resource in rule["resources"]} == {"modeldeployments", "endpointslices"}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "watch"}


def test_the_controller_writes_no_spec_of_a_model_deployment(defaults: Rendered) -> None:
    rules = list(rules_for(defaults, "penstock-controller"))
    (on_spec,) = [rule for rule in rules if "modeldeployments" in rule["resources"]]
    assert set(on_spec["verbs"]) == READ


def test_the_controller_makes_jobs_and_changes_and_deletes_none(defaults: Rendered) -> None:
    (on_jobs,) = [rule for rule in rules_for(defaults, "penstock-controller") if "jobs" in rule["resources"]]
    assert (on_jobs["apiGroups"], set(on_jobs["verbs"])) == (["batch"], {"list", "create"})


def test_nobody_may_change_the_crd(defaults: Rendered) -> None:
    rules = [rule for role in defaults.of(*ROLES) for rule in role["rules"]]
    assert all("customresourcedefinitions" not in rule["resources"] for rule in rules)


def test_the_store_has_no_role_and_no_token(defaults: Rendered) -> None:
    assert list(rules_for(defaults, "penstock-model-store")) == []
    assert list(rules_for(defaults, "penstock-drift-monitor")) == []
    assert defaults.pods()["model-store"]["spec"]["automountServiceAccountToken"] is False


def test_a_pod_runs_under_the_account_of_its_own_part(defaults: Rendered) -> None:
    accounts = {name: pod["spec"]["serviceAccountName"] for name, pod in defaults.pods().items()}
    assert accounts == {name: f"penstock-{name}" for name in accounts}
    assert {item["metadata"]["name"] for item in defaults.of("ServiceAccount")} == set(accounts.values())


def test_watching_one_namespace_needs_nothing_of_the_whole_cluster(chart: Chart) -> None:
    rendered = chart.render("watchNamespace=payments")
    assert rendered.of("ClusterRole", "ClusterRoleBinding") == []
    assert {role["metadata"]["namespace"] for role in rendered.of(*ROLES, *BINDINGS)} == {"payments", "penstock-system"}
    outside = [role for role in rendered.of(*ROLES) if role["metadata"]["namespace"] == "penstock-system"]
    assert [rule for role in outside for rule in role["rules"]] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    ]
    told = {"name": "PENSTOCK_WATCH_NAMESPACE", "value": "payments"}
    assert [name for name, container in rendered.containers().items() if told in container["env"]] == [
        "controller/controller",
        "gateway/agent",
        "gateway/envoy",
    ]


def test_two_releases_do_not_share_cluster_wide_names(chart: Chart) -> None:
    def cluster_wide(namespace: str) -> set[str]:
        found = chart.render("crds.enabled=false", namespace=namespace).of("ClusterRole", "ClusterRoleBinding")
        return {item["metadata"]["name"] for item in found}

    assert len(cluster_wide("one")) == 4
    assert not cluster_wide("one") & cluster_wide("two")


def test_who_may_edit_a_namespace_may_make_model_deployments_and_who_may_view_it_may_look(defaults: Rendered) -> None:
    def rules(role: str) -> tuple[set[str], list[Object]]:
        found = defaults.one("ClusterRole", f"penstock-system-penstock-{role}")
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        joined = {key.removeprefix(prefix) for key in found["metadata"]["labels"] if key.startswith(prefix)}
        return joined, found["rules"]

    viewers, (looking,) = rules("view")
    editors, (making,) = rules("edit")
    assert (viewers, set(looking["verbs"])) == ({"view", "edit", "admin"}, READ)
    assert editors == {"edit", "admin"}
    assert {"create", "update", "patch", "delete"} <= set(making["verbs"])
    assert making["resources"] == ["modeldeployments"]  # and not their status


def test_these_roles_can_be_left_to_the_administrator(chart: Chart) -> None:
    assert len(chart.render("global.rbac.aggregateClusterRoles=false").of("ClusterRole")) == 2


def test_the_controller_reads_no_binding_but_its_own(chart: Chart) -> None:
    for settings, name in (((), "penstock-system-penstock-controller"), (("watchNamespace=a",), "penstock-controller")):
        rules = rules_for(chart.render(*settings), "penstock-controller")
        (binding,) = [rule for rule in rules if "rbac.authorization.k8s.io" in rule["apiGroups"]]
        assert (binding["resourceNames"], binding["verbs"]) == ([name], ["get"])
