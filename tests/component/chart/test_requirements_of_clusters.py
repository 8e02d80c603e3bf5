"""What a cluster requires of pods has its place for each part, with one default for all."""

from typing import Any

import pytest
import yaml

from penstock_contracts.api.pod_template import PodTemplate
from penstock_testing.chart import Chart, RefusedError, Rendered

PARTS = {
    "controller": "controller",
    "gateway": "gateway",
    "modelStore": "model-store",
    "driftMonitor": "drift-monitor",
}
EACH_PART = pytest.mark.parametrize("part", sorted(PARTS))
PLACEMENT: list[tuple[str, Any, str]] = [
    ("nodeSelector.pool=models", {"pool": "models"}, "nodeSelector"),
    (
        "tolerations[0].key=dedicated,@tolerations[0].operator=Exists",
        [{"key": "dedicated", "operator": "Exists"}],
        "tolerations",
    ),
    ("affinity.nodeAffinity.x=y", {"nodeAffinity": {"x": "y"}}, "affinity"),
    ("priorityClassName=high", "high", "priorityClassName"),
    ("runtimeClassName=gvisor", "gvisor", "runtimeClassName"),
]
EACH_PLACE = pytest.mark.parametrize(("setting", "expected", "field"), PLACEMENT, ids=[row[2] for row in PLACEMENT])


def below(prefix: str, setting: str) -> list[str]:
    return [f"{prefix}.{one.removeprefix('@')}" for one in setting.split(",@")]


def pod_of(rendered: Rendered, part: str) -> dict[str, Any]:
    found: dict[str, Any] = rendered.pods()[PARTS[part]]
    return found


def main_container(rendered: Rendered, part: str) -> dict[str, Any]:
    found: dict[str, Any] = pod_of(rendered, part)["spec"]["containers"][0]
    return found


def predictor_template(rendered: Rendered) -> dict[str, Any]:
    text = rendered.one("ConfigMap", "penstock-predictor")["data"]["pod-template.yaml"]
    found = PodTemplate.model_validate(yaml.safe_load(text))
    return found.model_dump(mode="json", exclude_none=True)


@EACH_PLACE
def test_what_is_said_for_all_is_in_every_pod(chart: Chart, setting: str, expected: Any, field: str) -> None:
    rendered = chart.render(*below("global", setting))
    assert [pod["spec"][field] for pod in rendered.pods().values()] == [expected] * len(PARTS)


@EACH_PART
@EACH_PLACE
def test_what_is_said_for_a_part_is_in_its_pods_only(
    chart: Chart, part: str, setting: str, expected: Any, field: str
) -> None:
    rendered = chart.render(*below(part, setting))
    assert {name for name, pod in rendered.pods().items() if pod["spec"].get(field) == expected} == {PARTS[part]}


def test_what_a_part_says_goes_before_what_is_said_for_all(chart: Chart) -> None:
    rendered = chart.render("global.priorityClassName=low", "gateway.priorityClassName=high")
    classes = {name: pod["spec"]["priorityClassName"] for name, pod in rendered.pods().items()}
    assert classes == {"controller": "low", "gateway": "high", "model-store": "low", "drift-monitor": "low"}


@EACH_PART
def test_a_spread_counts_the_parts_own_pods(chart: Chart, part: str) -> None:
    settings = below(
        part,
        "topologySpreadConstraints[0].topologyKey=zone,@topologySpreadConstraints[0].maxSkew=1,"
        "@topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule",
    )
    (found,) = pod_of(chart.render(*settings), part)["spec"]["topologySpreadConstraints"]
    assert found["topologyKey"] == "zone"
    assert found["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == PARTS[part]


@EACH_PART
def test_labels_annotations_variables_and_volumes_of_a_part(chart: Chart, part: str) -> None:
    rendered = chart.render(
        f"{part}.podLabels.team=risk",
        f"{part}.podAnnotations.owner=me",
        f"{part}.deploymentAnnotations.reload=yes",
        f"{part}.extraEnv[0].name=LEVEL",
        f"{part}.extraEnv[0].value=high",
        f"{part}.volumes[0].name=more",
        f"{part}.volumes[0].emptyDir.sizeLimit=1Gi",
        f"{part}.volumeMounts[0].name=more",
        f"{part}.volumeMounts[0].mountPath=/more",
    )
    pod, container = pod_of(rendered, part), main_container(rendered, part)
    assert pod["metadata"]["labels"]["team"] == "risk"
    assert pod["metadata"]["annotations"]["owner"] == "me"
    assert {"name": "LEVEL", "value": "high"} in container["env"]
    assert {"name": "more", "emptyDir": {"sizeLimit": "1Gi"}} in pod["spec"]["volumes"]
    assert {"name": "more", "mountPath": "/more"} in container["volumeMounts"]
    (workload,) = [
        item
        for item in rendered.of("Deployment", "StatefulSet")
        if item["metadata"]["labels"]["app.kubernetes.io/component"] == PARTS[part]
    ]
    assert workload["metadata"]["annotations"] == {"reload": "yes"}


def test_labels_for_all_are_on_every_object_and_take_none_of_ours(chart: Chart) -> None:
    rendered = chart.render(
        "crds.enabled=false", "global.commonLabels.team=risk", r"global.podLabels.app\.kubernetes\.io/component=mine"
    )
    assert {item["metadata"]["labels"]["team"] for item in rendered.objects} == {"risk"}
    assert set(rendered.pods()) == set(PARTS.values())


@EACH_PART
def test_an_image_is_named_by_repository_and_tag_or_digest(chart: Chart, part: str) -> None:
    here = f"{part}.image.repository=registry.example:5000/ml/mine"
    digest = "sha256:" + "a" * 64

    def image(*settings: str) -> str:
        return str(main_container(chart.render(here, *settings), part)["image"])

    assert image() == f"registry.example:5000/ml/mine:{chart.about()['appVersion']}"
    assert image(f"{part}.image.tag=v2") == "registry.example:5000/ml/mine:v2"
    assert image(f"{part}.image.digest={digest}") == f"registry.example:5000/ml/mine@{digest}"


def images(rendered: Rendered) -> set[str]:
    """Of all containers, and of the pods that the controller makes."""
    containers = rendered.containers()
    told = {item["name"]: item.get("value") for item in containers["controller/controller"]["env"]}
    return {container["image"] for container in containers.values()} | {told["PENSTOCK_PREDICTOR_IMAGE"]}


@pytest.mark.parametrize(
    ("registry", "beginning"),
    [("registry.example:5000/mirror", "registry.example:5000/mirror/"), ("team/", "team/"), ("", "")],
)
def test_all_images_come_from_one_registry(chart: Chart, registry: str, beginning: str) -> None:
    parts = [*PARTS.values(), "predictor"]
    expected = {f"{beginning}penstock/{part}:{chart.about()['appVersion']}" for part in parts}
    assert images(chart.render(f"global.imageRegistry={registry}")) == expected


@pytest.mark.parametrize("host", ["registry.example", "registry:5000", "localhost"])
def test_an_image_that_names_a_host_comes_from_there(chart: Chart, host: str) -> None:
    rendered = chart.render("global.imageRegistry=elsewhere.example", f"gateway.image.repository={host}/mine")
    assert main_container(rendered, "gateway")["image"] == f"{host}/mine:{chart.about()['appVersion']}"
    assert len([image for image in images(rendered) if image.startswith("elsewhere.example/penstock/")]) == len(PARTS)


@EACH_PART
def test_when_to_pull_is_said_for_all_or_for_one(chart: Chart, part: str) -> None:
    rendered = chart.render("global.imagePullPolicy=Always", f"{part}.image.pullPolicy=Never")
    assert main_container(rendered, part)["imagePullPolicy"] == "Never"
    others = [main_container(rendered, other)["imagePullPolicy"] for other in PARTS if other != part]
    assert others == ["Always"] * (len(PARTS) - 1)


@EACH_PART
def test_a_service_account_has_a_name_annotations_and_labels_or_is_somebody_elses(chart: Chart, part: str) -> None:
    account = f"{part}.serviceAccount"
    rendered = chart.render(
        f"{account}.name=mine", f"{account}.labels.team=risk", rf"{account}.annotations.iam\.example\.com/role=reader"
    )
    metadata = rendered.one("ServiceAccount", "mine")["metadata"]
    assert metadata["labels"]["team"] == "risk"
    assert metadata["annotations"] == {"iam.example.com/role": "reader"}
    assert pod_of(rendered, part)["spec"]["serviceAccountName"] == "mine"
    others = chart.render(f"{account}.create=false", f"{account}.name=theirs")
    assert "theirs" not in [item["metadata"]["name"] for item in others.of("ServiceAccount")]
    assert pod_of(others, part)["spec"]["serviceAccountName"] == "theirs"


def test_bindings_name_the_account_that_is_used(chart: Chart) -> None:
    rendered = chart.render("controller.serviceAccount.name=mine", "gateway.serviceAccount.name=theirs")
    bound = {item["subjects"][0]["name"] for item in rendered.of("RoleBinding", "ClusterRoleBinding")}
    assert bound == {"mine", "theirs"}


def test_where_the_cluster_chooses_the_user_no_pod_names_one_predictors_neither(chart: Chart) -> None:
    unset = [f"global.securityContext.{field}=null" for field in ("runAsUser", "runAsGroup", "fsGroup")]
    rendered = chart.render(*unset)
    expected = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert [pod["spec"]["securityContext"] for pod in rendered.pods().values()] == [expected] * len(PARTS)
    assert predictor_template(rendered)["spec"]["securityContext"] == expected


def test_a_part_changes_one_field_of_the_security_contexts(chart: Chart) -> None:
    rendered = chart.render("gateway.securityContext.runAsUser=7", "gateway.containerSecurityContext.runAsNonRoot=true")
    context = pod_of(rendered, "gateway")["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (7, 65532)
    container = main_container(rendered, "gateway")["securityContext"]
    assert (container["runAsNonRoot"], container["allowPrivilegeEscalation"]) == (True, False)


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_a_private_authority_is_trusted_by_those_that_ask_registries_and_buckets(chart: Chart, kind: str) -> None:
    rendered = chart.render(f"caBundle.{kind}=our-ca", "caBundle.key=bundle.pem")
    for part in ("controller", "modelStore"):
        told = {one["name"]: one.get("value") for one in main_container(rendered, part)["env"]}
        paths = {told[name] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")}
        assert paths == {"/etc/penstock-ca/bundle.pem"}
        mounts = [one["mountPath"] for one in main_container(rendered, part)["volumeMounts"]]
        assert "/etc/penstock-ca" in mounts
        (volume,) = [one for one in pod_of(rendered, part)["spec"]["volumes"] if one["name"] == "ca-bundle"]
        assert "our-ca" in (volume.get("configMap", {}).get("name"), volume.get("secret", {}).get("secretName"))
    assert "our-ca" not in str(pod_of(rendered, "gateway"))


def test_a_proxy_leads_out_and_not_to_what_is_in_the_cluster(chart: Chart) -> None:
    rendered = chart.render("https_proxy=http://proxy.example:3128", r"no_proxy=.internal.example\,10.0.0.0/8")
    for part in ("controller", "modelStore"):
        told = {one["name"]: one.get("value") for one in main_container(rendered, part)["env"]}
        assert told["HTTPS_PROXY"] == "http://proxy.example:3128"
        assert "HTTP_PROXY" not in told
        assert {".svc", ".svc.cluster.local", "$(KUBERNETES_SERVICE_HOST)", ".internal.example", "10.0.0.0/8"} <= set(
            told["NO_PROXY"].split(",")
        )
    assert "PROXY" not in str(main_container(rendered, "gateway")["env"])


def test_without_a_proxy_and_an_authority_nothing_is_told(defaults: Rendered) -> None:
    told = {one["name"] for container in defaults.containers().values() for one in container["env"]}
    assert not {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"} & told


def test_names_can_be_given(chart: Chart) -> None:
    def deployments(*settings: str, release: str = "penstock") -> set[str]:
        return {item["metadata"]["name"] for item in chart.render(*settings, release=release).of("Deployment")}

    assert deployments(release="east") == {"east-penstock-controller", "east-penstock-gateway"}
    assert deployments("nameOverride=models", release="east") == {"east-models-controller", "east-models-gateway"}
    assert deployments("fullnameOverride=serving", release="east") == {"serving-controller", "serving-gateway"}


def test_a_release_that_is_called_by_a_number_has_labels_that_are_texts(chart: Chart) -> None:
    labels = [item["metadata"]["labels"] for item in chart.render("crds.enabled=false", release="7").objects]
    assert {one["app.kubernetes.io/instance"] for one in labels} == {"7"}


def test_further_objects_are_installed_and_may_be_templates(chart: Chart) -> None:
    rendered = chart.render(
        "extraObjects[0].apiVersion=v1",
        "extraObjects[0].kind=ConfigMap",
        "extraObjects[0].metadata.name=more-of-{{ .Release.Name }}",
    )
    assert rendered.one("ConfigMap", "more-of-penstock")


def test_where_users_reach_the_gateway_is_what_status_shows(chart: Chart) -> None:
    def told(*settings: str) -> str:
        env = {one["name"]: one.get("value") for one in main_container(chart.render(*settings), "controller")["env"]}
        return str(env["PENSTOCK_GATEWAY_URL"])

    assert told("gateway.externalUrl=https://models.example/v1") == "https://models.example/v1"
    assert told("gateway.service.port=8000") == "http://penstock-gateway.penstock-system.svc:8000"


def test_predictor_pods_get_what_the_administrator_says_of_them(chart: Chart) -> None:
    spec = "predictor.podTemplate.spec"
    rendered = chart.render(
        "global.imagePullSecrets[0].name=pull",
        "predictor.image.pullPolicy=Always",
        "predictor.podTemplate.metadata.labels.team=risk",
        f"{spec}.nodeSelector.pool=models",
        f"{spec}.tolerations[0].operator=Exists",
        f"{spec}.priorityClassName=high",
        f"{spec}.env[0].name=OMP_NUM_THREADS",
        f"{spec}.env[0].value=a",
    )
    found = predictor_template(rendered)
    assert found["metadata"] == {"labels": {"team": "risk"}}
    assert found["spec"].items() >= {"nodeSelector": {"pool": "models"}, "priorityClassName": "high"}.items()
    assert found["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert found["spec"]["securityContext"]["runAsUser"] == 65532
    told = {one["name"]: one.get("value") for one in main_container(rendered, "controller")["env"]}
    assert told["PENSTOCK_PREDICTOR_PULL_POLICY"] == "Always"


def test_a_change_of_the_predictors_restarts_the_controller_only(chart: Chart) -> None:
    before = chart.render().pods()
    after = chart.render("predictor.podTemplate.spec.priorityClassName=high").pods()
    assert {name for name in before if before[name] != after[name]} == {"controller"}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("gateway.nodeselector.a=b", "'nodeselector' not allowed"),
        ("gateway.affinity.nodeAfinity.a=b", "'nodeAfinity' not allowed"),
        ("gateway.securityContext.runAsUsr=7", "'runAsUsr'"),
        ("gateway.image.digest=abc", "/gateway/image/digest"),
        ("gateway.volumes[0].name=config", "/gateway/volumes/0/name"),
        ("controller.extraEnv[0].name=PENSTOCK_RELEASE", "/controller/extraEnv/0/name"),
        ("gateway.externalUrl=models.example", "/gateway/externalUrl"),
        ("https_proxy=proxy:3128", "/https_proxy"),
        ("predictor.podTemplate.spec.hostNetwork=true", "'hostNetwork' not allowed"),
        ("predictor.podTemplate.spec.volumes[0].hostPath.path=/", "/predictor/podTemplate/spec/volumes/0"),
        (r"predictor.podTemplate.metadata.labels.penstock\.dev/revision=a", "'penstock.dev/revision'"),
        ("global.imagePullPolicy=Sometimes", "/global/imagePullPolicy"),
        ("fullnameOverride=Not_A_Name", "/fullnameOverride"),
    ],
)
def test_a_mistake_is_refused_by_name(chart: Chart, setting: str, told: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        chart.render(setting)
    assert told in str(refusal.value)


def test_one_authority_is_named_in_one_way(chart: Chart) -> None:
    with pytest.raises(RefusedError, match="/caBundle"):
        chart.render("caBundle.configMap=a", "caBundle.secret=b")
