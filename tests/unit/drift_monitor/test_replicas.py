"""Which replica holds a resource, which requests go on to it, and what of a request goes with them."""

import dataclasses
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from penstock_contracts.monitor_replicas import HEADER_PASSED_ON_BY, MAX_REPLICAS, MonitorReplicas, holder_of
from penstock_drift_monitor.errors import ReplicaAway, ReplicasUnsuitable
from penstock_drift_monitor.pages.fleet import fleet
from penstock_drift_monitor.pages.source import SilentReplica
from penstock_drift_monitor.replicas.passing_on import NamedResource, PassingOn, answer_headers, asked_headers
from penstock_drift_monitor.replicas.share import ReplicaShare, resource_in
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry

NAMES = [f"penstock-drift-monitor-{number}" for number in range(5)]
RESOURCES = [("team", f"model-{number}") for number in range(3000)]
TWO = "penstock-drift-monitor-0=http://zero:8080,penstock-drift-monitor-1=http://one:8080"


@pytest.mark.parametrize(
    ("resource", "of_two_three_and_four"),
    [
        (("payments", "fraud"), "122"),
        (("payments", "churn"), "000"),
        (("shop", "fraud"), "122"),
        (("shop", "fraud-2"), "111"),
        (("team-a", "demand"), "122"),
    ],
)
def test_a_resource_stays_where_it_was_from_one_release_to_the_next(
    resource: tuple[str, str], of_two_three_and_four: str
) -> None:
    """Known answers: another hash would move every resource, and all their windows would begin anew."""
    found = [holder_of(*resource, NAMES[:count])[-1] for count in (2, 3, 4)]
    assert "".join(found) == of_two_three_and_four
    assert holder_of(*resource, reversed(NAMES[:4]))[-1] == of_two_three_and_four[-1]


def test_one_more_replica_takes_its_share_from_all_others_and_moves_nothing_else() -> None:
    before = {resource: holder_of(*resource, NAMES[:4]) for resource in RESOURCES}
    after = {resource: holder_of(*resource, NAMES) for resource in RESOURCES}
    moved = Counter(before[resource] for resource in RESOURCES if before[resource] != after[resource])
    assert {after[resource] for resource in RESOURCES if before[resource] != after[resource]} == {NAMES[4]}
    assert sum(moved.values()) == pytest.approx(len(RESOURCES) / 5, rel=0.15)
    assert all(count == pytest.approx(len(RESOURCES) / 20, rel=0.3) for count in moved.values())
    assert moved.keys() == set(NAMES[:4])


@pytest.mark.parametrize(
    ("own", "replicas", "told"),
    [
        ("", TWO, "PENSTOCK_REPLICA is '', which is none of penstock-drift-monitor-0, penstock-drift-monitor-1"),
        ("penstock-drift-monitor-2", TWO, "Set driftMonitor.replicas instead of scaling the StatefulSet by hand"),
        ("penstock-drift-monitor-0", "", "PENSTOCK_REPLICAS names none"),
        ("a", "a=http://a,a=http://b", "replica a is named twice"),
        ("a", "a", "replica a has the address ''"),
        ("a", "a=ftp://a:1", "it must be http://host:port"),
        ("a", "a=http://a:99999", "it must be http://host:port"),
        ("a", "a=http://a,", "'' names no replica"),
        ("A_B", "A_B=http://a", "'A_B=http://a' names no replica"),
        ("r0", ",".join(f"r{n}=http://r{n}" for n in range(MAX_REPLICAS + 1)), "33 replicas are named, more than 32"),
    ],
)
def test_a_replica_that_makes_no_sense_is_refused_with_what_to_do(own: str, replicas: str, told: str) -> None:
    with pytest.raises(ReplicasUnsuitable) as refused:
        ReplicaShare.of(own, replicas)
    assert told in str(refused.value)


def test_one_process_without_a_name_holds_everything() -> None:
    share = ReplicaShare.of("", "")
    assert all(share.holds(*resource) for resource in RESOURCES)
    assert share.others() == []
    assert MonitorReplicas().url("shop", "fraud", "http://service:8080") == "http://service:8080"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v1/drift/shop/fraud", ("shop", "fraud")),
        ("/v1/resources/shop/fraud", ("shop", "fraud")),
        ("/v1/window/shop/fraud/", ("shop", "fraud")),
        ("/v1/reports/shop/fraud", ("shop", "fraud")),
        ("/v1/reports/shop/fraud.json", ("shop", "fraud")),
        ("/v1/drift/shop/fraud.json", ("shop", "fraud.json")),
        ("/models/shop/fraud", ("shop", "fraud")),
        ("/models/shop/<b>", ("shop", "<b>")),
        ("/v1/labels", None),
        ("/v1/watched", None),
        ("/health/live", None),
        ("/", None),
    ],
)
def test_addresses_that_are_about_a_resource_name_it_in_the_same_place(
    path: str, resource: tuple[str, str] | None
) -> None:
    assert resource_in(path) == resource


def test_headers_of_one_connection_stay_with_it_and_those_for_the_browser_come_back() -> None:
    asked = [(b"Host", b"monitor"), (b"Connection", b"close, X-Hop"), (b"X-Hop", b"1"), (b"accept", b"text/csv")]
    assert asked_headers([*asked, (HEADER_PASSED_ON_BY.encode(), b"forged")]) == [(b"accept", b"text/csv")]
    policy = (b"content-security-policy", b"sandbox")
    assert answer_headers(
        [(b"Date", b"now"), (b"Transfer-Encoding", b"chunked"), policy, (b"content-length", b"3")]
    ) == [
        policy,
        (b"content-length", b"3"),
    ]


async def test_a_request_that_was_passed_on_once_goes_on_to_nobody() -> None:
    share = ReplicaShare.of("penstock-drift-monitor-0", TWO)
    passing_on = PassingOn(share, DriftMonitorTelemetry(CollectorRegistry()), silent_seconds=1)
    theirs, ours = (NamedResource(namespace="payments", name=name) for name in ("fraud", "churn"))

    def request(*headers: tuple[bytes, bytes]) -> Request:
        return Request({"type": "http", "method": "GET", "path": "/", "headers": list(headers)})

    by_other = request((HEADER_PASSED_ON_BY.encode(), b"penstock-drift-monitor-1"))
    try:
        holder = passing_on.to(theirs, request())
        assert holder is not None
        assert dataclasses.astuple(holder) == ("penstock-drift-monitor-1", "http://one:8080")
        assert passing_on.to(ours, request()) is None
        assert passing_on.to(ours, by_other) is None
        with pytest.raises(ReplicaAway, match=r"do not agree who holds payments/fraud.*driftMonitor\.replicas"):
            passing_on.to(theirs, by_other)
    finally:
        await passing_on.close()


def test_a_replica_whose_models_are_not_known_is_named_on_the_page_also_where_no_other_model_is() -> None:
    shown = fleet([], [SilentReplica(name="penstock-drift-monitor-1", why="no answer within 4 s <script>")])
    assert "penstock-drift-monitor-1 (no answer within 4 s &lt;script&gt;)" in shown
    assert "No model is watched" not in shown
