"""Every value is documented and typed, and a mistake in one is refused before anything is installed."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from penstock_testing.chart import CHART, Chart, RefusedError

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())


FOR_PODS = {
    *{
        "image",
        "imageRegistry",
        "imagePullPolicy",
        "imagePullSecrets",
        "commonLabels",
        "podLabels",
        "podAnnotations",
        "nodeSelector",
    },
    *{"deploymentAnnotations", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName"},
    *{"runtimeClassName", "securityContext", "containerSecurityContext", "extraEnv", "http_proxy", "https_proxy"},
    *{"no_proxy", "configMap", "secret", "key"},
}
"""Used through templates that are the same for all parts: test_requirements_of_clusters.py shows each at work."""


def leaves_of_schema(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in schema["properties"].items():
        if "properties" in value:
            yield from leaves_of_schema(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


LEAVES = sorted(leaves_of_schema(SCHEMA))


def documented() -> set[str]:
    """The values that have a comment right above them, by dotted path."""
    found: set[str] = set()
    path: list[str] = []
    above = ""
    for line in (CHART / "values.yaml").read_text().splitlines():
        key = re.match(r"( *)([A-Za-z]\w*):", line)
        if key:
            path = [*path[: len(key[1]) // 2], key[2]]
            if above.lstrip().startswith("# "):
                found.add(".".join(path))
        above = line
    return found


def value_at(values: dict[str, Any], path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


@pytest.mark.parametrize("path", LEAVES)
def test_every_value_has_a_default_and_a_comment_above_it(chart: Chart, path: str) -> None:
    assert value_at(chart.values(), path) is not None
    assert path in documented()


def test_no_value_is_outside_of_the_schema(chart: Chart) -> None:
    def leaves(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, value in values.items():
            inner = schema["properties"][name]
            yield from leaves(value, inner, f"{path}{name}.") if "properties" in inner else [f"{path}{name}"]

    assert sorted(leaves(chart.values(), SCHEMA)) == LEAVES


def test_every_value_is_used_by_a_template() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    unused = [path for path in LEAVES if f".Values.{path}" not in templates and path.split(".")[-1] not in FOR_PODS]
    assert unused == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("gatway.replicas=3", "'gatway' not allowed"),
        ("gateway.replica=3", "'replica' not allowed"),
        ("gateway.service.ports=80", "'ports' not allowed"),
        ("controller.resources.limit.memory=1Gi", "'limit' not allowed"),
        ("registries.default.url=http://x", "'url' not allowed"),
        ("registries.Second.uri=http://x", "Second"),
        ("registries.default.uri=http://user:secret@mlflow", "/registries/default/uri"),
        ("registries.default.uri=mlflow:5000", "/registries/default/uri"),
        ("measurements.prometheus.default.url=http://x", "'url' not allowed"),
        ("measurements.prometheus.Second.uri=http://x", "Second"),
        ("measurements.prometheus.default.uri=http://user:secret@prometheus", "/measurements/prometheus/default/uri"),
        ("measurements.webhooks.soak.timeout=5", "'timeout' not allowed"),
        ("measurements.allowUrls=perhaps", "/measurements/allowUrls"),
        ("logLevel=LOUD", "/logLevel"),
        ("gateway.replicas=0", "/gateway/replicas"),
        ("gateway.replicas=two", "/gateway/replicas"),
        ("gateway.service.type=Ingress", "/gateway/service/type"),
        ("driftMonitor.service.type=Ingress", "/driftMonitor/service/type"),
        ("gateway.service.nodePort=30080", "/gateway/service/nodePort"),
        ("modelStore.storage=lots", "/modelStore/storage"),
        ("modelStore.openMemoryBytes=1000", "/modelStore/openMemoryBytes"),
        ("driftMonitor.windowRows=0", "/driftMonitor/windowRows"),
        ("predictor.image.repository=", "/predictor/image/repository"),
        ("global.imageRegistry=https://registry.example", "/global/imageRegistry"),
        ("controller.pollSeconds=0", "/controller/pollSeconds"),
        ("watchNamespace=Not_A_Name", "/watchNamespace"),
        ("clusterName=west.example", "/clusterName"),
        ("networkPolicies.metricsFrom[0]=Not_A_Name", "/networkPolicies/metricsFrom/0"),
        ("crds.keep=perhaps", "/crds/keep"),
    ],
)
def test_a_mistaken_value_is_refused_by_name(chart: Chart, setting: str, told: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(told)):
        chart.render(setting)


@pytest.mark.parametrize(
    "settings",
    [
        ("gateway.service.type=NodePort", "gateway.service.nodePort=30080"),
        ("registries.second.uri=https://mlflow.example/prefix",),
        ("controller.resources.limits.cpu=1.5", "modelStore.storage=1.5Gi"),
        ("global.imagePullSecrets[0].name=pull",),
        ("gateway.image.repository=registry.example:5000/ml/gateway",),
        ("global.anything=1",),
    ],
    ids=lambda settings: settings[-1].partition("=")[0],
)
def test_a_proper_value_is_taken(chart: Chart, settings: tuple[str, ...]) -> None:
    assert len(chart.render(*settings).objects) == len(chart.render().objects)


def test_helm_finds_nothing_to_complain_of(chart: Chart) -> None:
    assert "0 chart(s) failed" in chart.lint()


def test_the_notes_tell_the_next_command_for_the_namespace_that_is_watched(chart: Chart) -> None:
    notes = chart.notes("watchNamespace=payments", "gateway.service.port=8000")
    assert "watches namespace payments" in notes
    assert "kubectl wait --namespace payments modeldeployment/my-model --for=condition=Ready" in notes
    assert "http://penstock-gateway.penstock-system.svc:8000/" in notes
