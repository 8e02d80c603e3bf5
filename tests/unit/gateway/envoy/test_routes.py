import json
from typing import Any

import pytest

from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.envoy.routes import render_routes
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_testing.gateway.configurations import CASES, ENDPOINTS, KEY, LIMIT, live
from penstock_testing.gateway.golden import check_golden


def routes_of(configuration: Configuration) -> list[dict[str, Any]]:
    (resource,) = json.loads(render_routes(configuration.live, LIMIT).text)["resources"]
    return [route for host in resource["virtual_hosts"] for route in host["routes"]]


@pytest.mark.parametrize("name", CASES)
def test_routes_are_as_agreed(name: str) -> None:
    check_golden(f"{name}.routes", render_routes(CASES[name].live, LIMIT).text)


def test_a_new_number_alone_makes_a_new_version() -> None:
    """The acknowledgement of a number is that of the routes' version."""
    old, new = ({KEY: live({"r1": 100}, number=number)} for number in (1, 2))
    assert render_routes(old, LIMIT).version != render_routes(new, LIMIT).version


def test_endpoints_leave_the_routes_alone() -> None:
    wanted = {KEY: live({"r1": 100})}
    one, two = configure(wanted, ENDPOINTS), configure(wanted, {})
    assert render_routes(one.live, LIMIT) == render_routes(two.live, LIMIT)
    assert render_clusters(one.clusters).version != render_clusters(two.clusters).version


def test_a_request_meets_the_match_before_the_weights() -> None:
    routes = [route for route in routes_of(CASES["rollout"]) if route["name"] == str(KEY)]
    assert ["headers" in route["match"] for route in routes] == [True, False, True, False]
