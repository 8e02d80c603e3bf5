"""What must hold for Envoy's files of any configuration."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.envoy.reading import read_clusters, read_live
from penstock_gateway.envoy.routes import render_routes
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_gateway.splits.splits import LiveSplit
from penstock_testing.gateway.configurations import LIMIT

labels = st.sampled_from(["a", "0", "b-1", "c9", "x" * 63])
keys = st.builds(ModelKey, labels, labels)
endpoints = st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(1, 65535), st.booleans())


@st.composite
def splits(draw: st.DrawFn) -> TrafficSplit | None:
    """Any split that the gateway follows."""
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
        timed=draw(st.booleans()),
        by_pod=draw(st.booleans()),
        backends=backends,
        timeout_seconds=draw(st.floats(0.1, 3600)),
        rescue=draw(st.sampled_from([None, *revisions])),
        mirror=draw(mirrors(unused, revisions)),
        match=tuple(draw(st.lists(matches(revisions), max_size=2))),
        stickiness=draw(st.sampled_from([None, Stickiness(header="x-user-id")])),
    )


def mirrors(unused: list[str], revisions: list[str]) -> st.SearchStrategy[Mirror | None]:
    """Any copies to a revision of weight 0, from one revision to another, or none."""
    percentages = st.integers(0, 100)
    pairs = [(one, other) for one in revisions for other in revisions if one != other]
    found: st.SearchStrategy[Mirror | None] = st.none()
    if unused:
        found |= st.builds(Mirror, revision=st.sampled_from(unused), percentage=percentages)
    if pairs:
        found |= st.sampled_from(pairs).flatmap(
            lambda pair: st.builds(Mirror, source=st.just(pair[0]), revision=st.just(pair[1]), percentage=percentages)
        )
    return found


def matches(revisions: list[str]) -> st.SearchStrategy[HeaderMatch]:
    """Any header match of these revisions."""
    headers = st.dictionaries(labels, labels, min_size=1, max_size=2)
    return st.builds(HeaderMatch, headers=headers, revision=st.sampled_from(revisions))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Any configuration: up to four ModelDeployments, and endpoints of their revisions."""
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
