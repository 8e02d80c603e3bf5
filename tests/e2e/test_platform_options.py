"""What the chart has off by default comes on under load: replicas of the drift monitor, sinks of records, traces."""

import json
from collections import Counter, defaultdict

import httpx
import pytest

from penstock_contracts.labels import LABELS_PATH
from penstock_contracts.monitor_replicas import holder_of
from penstock_testing.cluster import Object
from penstock_testing.platform import Platform, wait_for
from penstock_testing.receiver_pod import ReceiverPod
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trace_collector import Span, spans_of
from penstock_testing.trained import trained_on

pytestmark = pytest.mark.alone

SPEC: Object = {
    "predictor": {"minReplicas": 1, "logger": {"mode": "all"}},
    "drift": {"period": "0s", "interval": "1s"},
}
REPLICAS = ("penstock-drift-monitor-0", "penstock-drift-monitor-1")
CALLS = 8
"""Connections of their own to the monitor's Service: all at one of two replicas in one run of 128."""


def events(receiver: ReceiverPod) -> list[Object]:
    return [event for taken in receiver.taken("/events") for event in json.loads(taken.body)]


def traces(receiver: ReceiverPod) -> list[list[Span]]:
    """Spans by their trace."""
    found = defaultdict(list)
    for taken in receiver.taken("/v1/traces"):
        for span in spans_of(taken.body):
            found[span.trace].append(span)
    return list(found.values())


def names_of_two(namespace: str) -> list[str]:
    """Of resources, one for each replica."""
    held = {holder_of(namespace, name, REPLICAS): name for name in (f"model-{number}" for number in range(20))}
    return [held[replica] for replica in REPLICAS]


def test_two_monitors_sinks_and_traces_come_on_under_load_and_no_request_fails(
    scene: RolloutScene, upgraded: Platform
) -> None:
    questions = scene.questions()
    first, second = (scene.register(trained_on(questions, intercept)) for intercept in (18.0, 19.0))
    scene.move(first)
    receiver = ReceiverPod(scene.platform.cluster, scene.namespace)
    receiver.start()
    name, other = names_of_two(scene.namespace)
    deployed = scene.serve(name, **GATED, **by_steps(1, (50,)), **SPEC)
    scene.serve(other, **GATED, **by_steps(1, (50,)), **SPEC)
    expectation = scene.expectation(first, second, questions=scene.questions(name=name))
    with scene.traffic(expectation, rate=50.0, seconds=400.0) as run:
        before = deployed.status()["stable"]["revision"]
        upgraded.change(
            "driftMonitor.replicas=2",
            f"driftMonitor.sinks.cloudEvents.url={receiver.url}/events",
            "driftMonitor.sinks.cloudEvents.together=100",
            "tracing.enabled=true",
            f"tracing.endpoint={receiver.url}",
            "tracing.samplingPercentage=20",
        )
        deployed.wait_until("pods with traces", lambda status: status["stable"]["revision"] != before, seconds=120)
        deployed.wait_settled()  # the neighbour, whom nobody asks, waits for samples
        told = {"DatasetDrift", "ColumnDrift", "NoDrift"}
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") in told, seconds=120)
        scene.move(second)
        assert deployed.wait_for_end(second)["completion"] == "Promoted"
        wait_for(
            "events of the new version",
            lambda: [event for event in events(receiver) if event["modelversion"] == second] or None,
            seconds=60,
        )
        wait_for(
            "one trace through both parts",
            lambda: [spans for spans in traces(receiver) if len({span.service for span in spans}) > 1] or None,
            seconds=60,
        )
        pages, labelled = _through_the_service(scene, (name, other))
        result = run.result()
    result.assert_none_failed()
    for page in pages:
        assert {name, other} <= set(page.replace("<", " ").replace(">", " ").replace("/", " ").split())
    assert labelled == [200] * len(labelled)
    kinds = Counter((event["id"], event["type"].rpartition(".")[2]) for event in events(receiver))
    requests = {request for request, _ in kinds}
    assert all(kinds[request, "request"] == kinds[request, "response"] for request in requests)
    whole = next(spans for spans in traces(receiver) if len({span.service for span in spans}) > 1)
    known = {span.id for span in whole}
    assert {span.name for span in whole if span.parent in known} >= {"run"}
    assert {pod["metadata"]["name"] for pod in scene.platform.pods("drift-monitor")} == set(REPLICAS)


def _through_the_service(scene: RolloutScene, names: tuple[str, str]) -> tuple[list[str], list[int]]:
    """The fleet's page, and the status of a label for each resource, each by a connection of its own."""
    url = scene.platform.monitor().url
    pages, labelled = [], []
    for call in range(CALLS):
        pages.append(httpx.get(f"{url}/", timeout=20, trust_env=False).raise_for_status().text)
        for name in names:
            label = {"id": f"nobody-{call}", "label": 1}
            batch = {"namespace": scene.namespace, "name": name, "labels": [label]}
            labelled.append(httpx.post(f"{url}{LABELS_PATH}", json=batch, timeout=20, trust_env=False).status_code)
    return pages, labelled
