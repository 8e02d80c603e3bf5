"""The chart's NetworkPolicies and the one that the operator's page shows, enforced: what works, and who is kept out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import yaml

from penstock_contracts.names import (
    GATEWAY_AGENT_PORT,
    GATEWAY_PORT,
    GATEWAY_REPLAY_PORT,
    PREDICTOR_GRPC_PORT,
    PREDICTOR_PORT,
)
from penstock_testing.cluster import Object
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, ROOT, Platform, namespace, wait_for
from penstock_testing.pod_caller import PodCaller
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps

pytestmark = pytest.mark.alone

USERS, STORE, MONITOR = "gateway: users", "model store: models", "drift monitor: records"
METRICS = {"controller: metrics", "gateway: agent", STORE, MONITOR, "predictor: http"}
MACHINERY = {"controller: health", "gateway: probe", "gateway: replay", "predictor: grpc"}
ADMIN = "gateway: Envoy's admin"
SPEC: Object = {**GATED, **by_steps(2, (50,))}


@dataclass(frozen=True)
class Callers:
    """Pods that are none of Penstock's."""

    stranger: PodCaller
    """In a namespace of its own, with the labels of the controller."""
    neighbour: PodCaller
    """In the namespace of the models."""
    scraper: PodCaller
    """In the namespace that may read metrics."""

    def reach(self, ports: dict[str, tuple[str, int]]) -> dict[str, set[str]]:
        """Who reaches what."""
        return {name: caller.reaches(ports) for name, caller in vars(self).items()}


@pytest.fixture
def callers(scene: RolloutScene) -> Iterator[Callers]:
    cluster, suffix = scene.platform.cluster, uuid4().hex[:6]
    elsewhere, monitoring = f"elsewhere-{suffix}", f"monitoring-{suffix}"
    cluster.apply(namespace(elsewhere), namespace(monitoring))
    found = Callers(
        stranger=PodCaller(cluster, elsewhere, "stranger"),
        neighbour=PodCaller(cluster, scene.namespace, "neighbour"),
        scraper=PodCaller(cluster, monitoring, "scraper"),
    )
    (controller,) = scene.platform.pods("controller")
    found.stranger.start(controller["metadata"]["labels"])
    found.neighbour.start()
    found.scraper.start()
    yield found
    cluster.kubectl("delete", "namespace", elsewhere, monitoring, "--wait=false")


@pytest.fixture
def guarded(platform: Platform) -> Iterator[Platform]:
    """A platform whose policies may be turned on; afterwards it has the values from before."""
    values = platform.values()
    yield platform
    platform.restore(values)


def _documented(scene: RolloutScene, callers: Callers) -> Object:
    """The policy for predictor pods as the operator's page shows it, for the namespaces of this test."""
    page = (ROOT / "docs" / "operator" / "README.md").read_text()
    (text,) = re.findall(r"```yaml\n(apiVersion: networking.*?)```", page, re.DOTALL)
    assert text.count("payments") == text.count("monitoring") == 1
    policy: Object = yaml.safe_load(
        text.replace("payments", scene.namespace).replace("monitoring", callers.scraper.namespace)
    )
    return policy


def _address(pod: Object) -> str:
    return str(pod["status"]["podIP"])


def _predictor(scene: RolloutScene) -> Object:
    """One of those that serve."""
    pods = scene.platform.cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
    return next(pod for pod in pods if "deletionTimestamp" not in pod["metadata"])


def _ports(scene: RolloutScene) -> dict[str, tuple[str, int]]:
    """Every port of one pod of each part, and Envoy's admin interface."""
    (controller,), (store,) = scene.platform.pods("controller"), scene.platform.pods("model-store")
    (monitor,) = scene.platform.pods("drift-monitor")
    gateway = scene.platform.pods("gateway")[0]
    predictor = _predictor(scene)
    return {
        "controller: health": (_address(controller), 8080),
        "controller: metrics": (_address(controller), 8081),
        USERS: (_address(gateway), GATEWAY_PORT),
        "gateway: probe": (_address(gateway), 8081),
        "gateway: agent": (_address(gateway), GATEWAY_AGENT_PORT),
        "gateway: replay": (_address(gateway), GATEWAY_REPLAY_PORT),
        ADMIN: (_address(gateway), 9901),
        STORE: (_address(store), 8080),
        MONITOR: (_address(monitor), 8080),
        "predictor: http": (_address(predictor), PREDICTOR_PORT),
        "predictor: grpc": (_address(predictor), PREDICTOR_GRPC_PORT),
    }


def _predictor_reaches(scene: RolloutScene) -> set[str]:
    """What a predictor pod gets a connection to, of what it might look for."""
    cluster = scene.platform.cluster
    api_server = (cluster.get("service", "kubernetes", "default") or {})["spec"]["clusterIP"]
    (registry,) = cluster.items("pods", MLFLOW_NAMESPACE, "app.kubernetes.io/name=mlflow")
    ports = _ports(scene)
    outwards = {
        "API server": (api_server, 443),
        "registry": (_address(registry), 5000),
        USERS: ports[USERS],
        STORE: ports[STORE],
        MONITOR: ports[MONITOR],
    }
    pod = PodCaller(cluster, scene.namespace, _predictor(scene)["metadata"]["name"])
    return pod.reaches(outwards)


def _restart_controller(platform: Platform) -> None:
    """Its connections from before the policies would be let through."""
    where = ("deployment/penstock-controller", "-n", NAMESPACE)
    platform.cluster.kubectl("rollout", "restart", *where)
    platform.cluster.kubectl("rollout", "status", *where, "--timeout=60s")


def test_with_policies_on_a_version_is_promoted_under_load_and_only_those_named_reach_a_part(
    scene: RolloutScene, guarded: Platform, callers: Callers
) -> None:
    deployed, first = scene.serve_first(**SPEC)
    second = scene.register(2.0)
    ports = _ports(scene)
    everybody = {USERS} | METRICS | MACHINERY
    assert callers.reach(ports) == dict.fromkeys(vars(callers), everybody)
    assert _predictor_reaches(scene) == {"API server", "registry", USERS, STORE, MONITOR}

    with scene.traffic(scene.expectation(first, second)) as traffic:
        guarded.change("networkPolicies.enabled=true", f"networkPolicies.metricsFrom[0]={callers.scraper.namespace}")
        guarded.cluster.apply(_documented(scene, callers))
        allowed = {"stranger": {USERS}, "neighbour": {USERS}, "scraper": {USERS} | METRICS}
        wait_for("policies hold", lambda: callers.reach(ports) == allowed or None, seconds=60)
        _restart_controller(guarded)
        scene.move(second)
        deployed.wait_for_version(second)
        deployed.wait_settled()
        assert callers.reach(_ports(scene)) == allowed
        assert _predictor_reaches(scene) == {STORE, MONITOR}
        result = traffic.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, second}
    record = deployed.status()["history"][0]
    assert (record["version"], record["completion"]) == (second, "Promoted")
    assert ("trial", "pass") in [(gate["stage"], gate["verdict"]) for gate in record["gates"]]
    for name in METRICS:
        host, port = _ports(scene)[name]
        assert "# TYPE penstock_" in callers.scraper.read(f"http://{host}:{port}/metrics"), name
