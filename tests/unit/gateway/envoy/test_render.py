"""Envoy's files against golden ones, and what must hold for any configuration.

PENSTOCK_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before you commit it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.envoy.bootstrap import render_bootstrap
from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.envoy.reading import read_clusters, read_live
from penstock_gateway.envoy.routes import render_routes
from penstock_gateway.errors import UnknownCluster
from penstock_gateway.settings import GatewaySettings
from penstock_gateway.splits.configuration import ClusterName, Configuration, Pool, configure
from penstock_gateway.splits.splits import LiveSplit

GOLDEN = Path(__file__).resolve().parents[3] / "data" / "gateway"
LIMIT = 8 * 1024 * 1024
KEY = ModelKey("payments", "fraud-detector")
R1, R2 = RevisionRef(KEY, "r1"), RevisionRef(KEY, "r2")


def live(weights: dict[str, int] | None, *, number: int = 4, **fields: Any) -> LiveSplit:
    if weights is None:
        return LiveSplit(uid="u1", split=None)
    backends = tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items())
    return LiveSplit(uid="u1", split=TrafficSplit(number=number, backends=backends, timeout_seconds=9.0, **fields))


ENDPOINTS = {
    R1: (Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)),
    R2: (Endpoint("10.0.0.3", 8080, ready=False),),
}
CASES = {
    "one-version": configure({KEY: live({"r1": 100, "r2": 0})}, ENDPOINTS),
    "two-versions": configure({KEY: live({"r1": 95, "r2": 5})}, ENDPOINTS),
    "rollout": configure(
        {
            KEY: live(
                {"r1": 95, "r2": 5, "r3": 0},
                attempt=2,
                rescue="r1",
                mirror=Mirror(revision="r3", percentage=10),
                match=(HeaderMatch(headers={"x-canary": "always"}, revision="r2"),),
                stickiness=Stickiness(header="x-user-id"),
            )
        },
        ENDPOINTS,
    ),
    "nothing-to-serve": configure({KEY: live(None), ModelKey("payments", "other"): live({})}, {}),
    "empty": Configuration(),
}


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.json"
    shown = json.dumps(json.loads(text), indent=2) + "\n"
    if os.environ.get("PENSTOCK_UPDATE_GOLDEN"):
        path.write_text(shown)
    assert shown == path.read_text()


@pytest.mark.parametrize("name", CASES)
def test_clusters_and_routes_are_as_agreed(name: str) -> None:
    configuration = CASES[name]
    check_golden(f"{name}.clusters", render_clusters(configuration.clusters).text)
    check_golden(f"{name}.routes", render_routes(configuration.live, LIMIT).text)


def test_the_bootstrap_is_as_agreed() -> None:
    check_golden("bootstrap", render_bootstrap(GatewaySettings(pod_name="gateway-0"), epoch="e1"))


def test_traces_are_all_that_a_collector_adds_to_the_bootstrap() -> None:
    traced = GatewaySettings(
        pod_name="gateway-0", tracing_endpoint="http://collector.svc:4318/", tracing_sampling_percentage=5
    )
    rendered = json.loads(render_bootstrap(traced, epoch="e1"))
    users = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    tracing = users.pop("tracing")
    (collector,) = rendered["static_resources"].pop("clusters")
    del rendered["layered_runtime"]
    check_golden("bootstrap", json.dumps(rendered))
    sampler = tracing["provider"]["typed_config"]["sampler"]["typed_config"]["wrapped_sampler"]["typed_config"]
    assert sampler["sampling_percentage"] == {"numerator": 50_000, "denominator": "MILLION"}
    sent_to = tracing["provider"]["typed_config"]["http_service"]["http_uri"]
    assert (sent_to["uri"], sent_to["cluster"]) == ("http://collector.svc:4318/v1/traces", collector["name"])
    address = collector["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert address == {"address": "collector.svc", "port_value": 4318}


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "https://collector", "http://u:p@collector", "http://collector?a=b"]
)
def test_an_endpoint_that_envoy_cannot_be_told_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="tracing_endpoint"):
        GatewaySettings(tracing_endpoint=endpoint)


labels = st.sampled_from(["a", "0", "b-1", "c9", "x" * 63])
keys = st.builds(ModelKey, labels, labels)
endpoints = st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(1, 65535), st.booleans())


@st.composite
def splits(draw: st.DrawFn) -> TrafficSplit | None:
    revisions = draw(st.lists(labels, unique=True, max_size=3))
    if not revisions:
        return draw(st.sampled_from([None, TrafficSplit(number=1)]))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(revisions) - 1, max_size=len(revisions) - 1)))
    weights = [end - begin for begin, end in zip([0, *cuts], [*cuts, 100], strict=True)]
    backends = tuple(Backend(revision=one, weight=weight) for one, weight in zip(revisions, weights, strict=True))
    unused = [backend.revision for backend in backends if not backend.weight]
    return TrafficSplit(
        number=draw(st.integers(0, 10**6)),
        attempt=draw(st.integers(0, 100)),
        backends=backends,
        timeout_seconds=draw(st.floats(0.1, 3600)),
        rescue=draw(st.sampled_from([None, *revisions])),
        mirror=draw(mirrors(unused)) if unused else None,
        match=tuple(draw(st.lists(matches(revisions), max_size=2))),
        stickiness=draw(st.sampled_from([None, Stickiness(header="x-user-id")])),
    )


def mirrors(revisions: list[str]) -> st.SearchStrategy[Mirror | None]:
    return st.none() | st.builds(Mirror, revision=st.sampled_from(revisions), percentage=st.integers(0, 100))


def matches(revisions: list[str]) -> st.SearchStrategy[HeaderMatch]:
    headers = st.dictionaries(labels, labels, min_size=1, max_size=2)
    return st.builds(HeaderMatch, headers=headers, revision=st.sampled_from(revisions))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    live_splits = draw(st.dictionaries(keys, st.builds(LiveSplit, uid=labels, split=splits()), max_size=4))
    known = [
        RevisionRef(key, backend.revision)
        for key, one in live_splits.items()
        for backend in (one.split.backends if one.split else ())
    ]
    found = {ref: tuple(sorted(draw(st.sets(endpoints, max_size=3)))) for ref in known}
    return configure(live_splits, found)


def routes_of(configuration: Configuration) -> list[dict[str, Any]]:
    (resource,) = json.loads(render_routes(configuration.live, LIMIT).text)["resources"]
    return [route for host in resource["virtual_hosts"] for route in host["routes"]]


def clusters_of(route: dict[str, Any]) -> dict[str, int]:
    action = route.get("route", {})
    if "cluster" in action:
        return {action["cluster"]: 100}
    return {one["name"]: one["weight"] for one in action.get("weighted_clusters", {}).get("clusters", [])}


@given(configurations())
def test_weights_add_up_and_every_route_leads_to_a_cluster(configuration: Configuration) -> None:
    defined = {one["name"] for one in json.loads(render_clusters(configuration.clusters).text)["resources"]}
    for route in routes_of(configuration):
        found = clusters_of(route)
        assert set(found) <= defined
        assert sum(found.values()) in (0, 100)
        assert all(weight > 0 for weight in found.values())
        assert bool(found) != ("direct_response" in route)


@given(configurations())
def test_the_files_say_everything_that_they_were_made_from(configuration: Configuration) -> None:
    clusters, routes = render_clusters(configuration.clusters), render_routes(configuration.live, LIMIT)
    assert read_clusters(clusters.text) == configuration.clusters
    assert read_live(routes.text) == configuration.live


@given(configurations())
def test_the_order_of_discovery_makes_no_difference(configuration: Configuration) -> None:
    turned = Configuration(
        clusters=dict(reversed(list(configuration.clusters.items()))),
        live=dict(reversed(list(configuration.live.items()))),
    )
    assert render_clusters(turned.clusters) == render_clusters(configuration.clusters)
    assert render_routes(turned.live, LIMIT) == render_routes(configuration.live, LIMIT)


@given(configurations())
def test_no_host_is_claimed_twice(configuration: Configuration) -> None:
    """Envoy would refuse all routes."""
    (resource,) = json.loads(render_routes(configuration.live, LIMIT).text)["resources"]
    domains = [domain for host in resource["virtual_hosts"] for domain in host["domains"]]
    assert len(domains) == len(set(domains))


def test_a_new_number_alone_makes_a_new_version() -> None:
    """The acknowledgement of a number is that of the routes' version."""
    old, new = ({KEY: live({"r1": 100}, number=number)} for number in (1, 2))
    assert render_routes(old, LIMIT).version != render_routes(new, LIMIT).version


def test_endpoints_leave_the_routes_alone() -> None:
    wanted = {KEY: live({"r1": 100})}
    one, two = configure(wanted, ENDPOINTS), configure(wanted, {})
    assert render_routes(one.live, LIMIT) == render_routes(two.live, LIMIT)
    assert render_clusters(one.clusters).version != render_clusters(two.clusters).version


def test_of_few_pods_all_may_be_left_alone_and_of_many_half() -> None:
    pods = [Endpoint(f"10.0.0.{number}", 8080) for number in range(1, 5)]
    shares = []
    for count in (1, 3, 4):
        pool = Pool(endpoints=tuple(pods[:count]))
        (cluster,) = json.loads(render_clusters({ClusterName(R1): pool}).text)["resources"]
        shares.append(cluster["outlier_detection"]["max_ejection_percent"])
    assert shares == [100, 100, 50]


def test_a_route_to_an_unknown_cluster_is_ours_to_find() -> None:
    with pytest.raises(UnknownCluster, match="payments/fraud-detector/r1"):
        Configuration(live={KEY: live({"r1": 100})}).check()


def test_clusters_come_before_the_composites_that_lead_to_them() -> None:
    clusters = json.loads(render_clusters(CASES["rollout"].clusters).text)["resources"]
    composites = ["cluster_type" in cluster for cluster in clusters]
    assert composites == sorted(composites)
    defined = {cluster["name"] for cluster in clusters}
    for cluster in clusters[composites.index(True) :]:
        assert {one["name"] for one in cluster["cluster_type"]["typed_config"]["clusters"]} < defined


def test_a_request_meets_the_match_before_the_weights() -> None:
    routes = [route for route in routes_of(CASES["rollout"]) if route["name"] == str(KEY)]
    assert ["headers" in route["match"] for route in routes] == [True, False, True, False]
