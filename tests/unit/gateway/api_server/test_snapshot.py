"""What the API server says, folded event by event."""

from typing import Any

import pytest

from penstock_gateway.api_server.snapshot import ApiServerSnapshot, Endpoint, ModelKey, RevisionRef, parse_slice
from penstock_testing.gateway.objects import NAME, NAMESPACE, endpoint_slice, model_deployment

R1 = RevisionRef(ModelKey(NAMESPACE, NAME), "r1")
ONE, TWO = Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)


def not_ready(endpoint: Endpoint) -> Endpoint:
    return Endpoint(endpoint.address, endpoint.port, ready=False)


def numbers(snapshot: ApiServerSnapshot) -> list[int | None]:
    return [desired.split.number if desired.split else None for desired in (snapshot.desired or {}).values()]


def test_nothing_is_complete_before_both_kinds_are_listed() -> None:
    assert not ApiServerSnapshot().complete
    assert not ApiServerSnapshot().with_model_deployments([]).complete
    assert not ApiServerSnapshot().with_slices([]).complete
    assert ApiServerSnapshot().with_model_deployments([]).with_slices([]).complete


def test_a_model_deployment_appears_changes_and_goes() -> None:
    snapshot = (
        ApiServerSnapshot().with_model_deployments([]).with_model_deployment(model_deployment({"r1": 100}, number=1))
    )
    assert numbers(snapshot) == [1]
    snapshot = snapshot.with_model_deployment(model_deployment({"r1": 100}, number=2))
    assert numbers(snapshot) == [2]
    assert numbers(snapshot.without_model_deployment(model_deployment())) == []


def test_a_new_list_forgets_what_is_not_in_it() -> None:
    snapshot = ApiServerSnapshot().with_model_deployments(
        [model_deployment(name="gone"), model_deployment({"r1": 100}, number=1)]
    )
    assert numbers(snapshot.with_model_deployments([model_deployment({"r1": 100}, number=5)])) == [5]


def test_the_late_end_of_a_predecessor_does_not_touch_its_successor() -> None:
    snapshot = ApiServerSnapshot().with_model_deployments([model_deployment({"r1": 100}, number=1, uid="old")])
    snapshot = snapshot.with_model_deployment(
        model_deployment({"r1": 100}, number=2, uid="new")
    ).without_model_deployment(model_deployment(uid="old"))
    assert numbers(snapshot) == [2]


@pytest.mark.parametrize(
    ("traffic", "problem"),
    [
        ({}, "status.traffic.desired: Field required"),
        ({"desired": {}}, "status.traffic.desired.number: Field required"),
        (
            {"desired": {"number": 1, "backends": [{"revision": "r1", "weight": 101}]}},
            "status.traffic.desired.backends.0.weight: Input should be less than or equal to 100",
        ),
        ("x", "status.traffic: Input should be"),
    ],
)
def test_a_traffic_that_cannot_be_read_becomes_a_problem_with_its_field(traffic: Any, problem: str) -> None:
    item = model_deployment() | {"status": {"traffic": traffic}}
    (desired,) = (ApiServerSnapshot().with_model_deployments([item]).desired or {}).values()
    assert desired.split is None
    assert desired.problem.startswith(problem)


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        pytest.param([endpoint_slice("r1", [TWO, ONE])], (ONE, TWO), id="ready ones, sorted"),
        pytest.param([endpoint_slice("r1", [not_ready(ONE), TWO])], (TWO,), id="one that ends is left out"),
        pytest.param([endpoint_slice("r1", [not_ready(ONE)])], (not_ready(ONE),), id="unless it is the only one"),
        pytest.param([endpoint_slice("r1", [])], (), id="none"),
        pytest.param(
            [endpoint_slice("r1", [ONE], uid="a"), endpoint_slice("r1", [TWO], uid="b")], (ONE, TWO), id="two slices"
        ),
        pytest.param(
            [endpoint_slice("r1", [not_ready(ONE)], uid="a"), endpoint_slice("r1", [ONE], uid="b")],
            (ONE,),
            id="a pod that moves between slices",
        ),
        pytest.param(
            [
                endpoint_slice("r1", [Endpoint("fd00::1", 8080)], uid="a", family="IPv6"),
                endpoint_slice("r1", [ONE], uid="b"),
            ],
            (ONE,),
            id="dual stack",
        ),
        pytest.param(
            [endpoint_slice("r1", [Endpoint("fd00::1", 8080)], family="IPv6")],
            (Endpoint("fd00::1", 8080),),
            id="IPv6 alone",
        ),
    ],
)
def test_where_requests_may_go(slices: list[dict[str, Any]], expected: tuple[Endpoint, ...]) -> None:
    assert ApiServerSnapshot().with_slices(slices).endpoints() == {R1: expected}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, {ONE}),
        ({"ready": None}, {ONE}),
        ({"ready": False}, {not_ready(ONE)}),
        ({"ready": False, "serving": True, "terminating": False}, {not_ready(ONE)}),
        ({"ready": False, "serving": False, "terminating": False}, {not_ready(ONE)}),
        ({"ready": False, "serving": False, "terminating": True}, set()),
        ({"ready": False, "serving": True, "terminating": True}, {not_ready(ONE)}),
    ],
)
def test_conditions(conditions: dict[str, Any], expected: set[Endpoint]) -> None:
    item = endpoint_slice("r1", [ONE])
    item["endpoints"][0]["conditions"] = conditions
    parsed = parse_slice(item)
    assert parsed is not None
    assert parsed.endpoints == expected


@pytest.mark.parametrize(
    ("ports", "port"),
    [
        ([{"name": "metrics", "port": 9}, {"name": "http", "port": 8080}], 8080),
        ([{"name": "grpc", "port": 8001}, {"name": "http", "port": 8000}], 8000),
        ([{"name": "grpc", "port": 9, "protocol": "UDP"}, {"name": "web", "port": 7}], 7),
    ],
)
def test_the_port_named_http_or_the_first(ports: list[dict[str, Any]], port: int) -> None:
    parsed = parse_slice(endpoint_slice("r1", [ONE]) | {"ports": ports})
    assert parsed is not None
    assert {endpoint.port for endpoint in parsed.endpoints} == {port}


@pytest.mark.parametrize(
    "change", [{"addressType": "FQDN"}, {"ports": None}, {"ports": [{"port": 1, "protocol": "UDP"}]}]
)
def test_a_slice_of_no_use_is_none(change: dict[str, Any]) -> None:
    assert parse_slice(endpoint_slice("r1", [ONE]) | change) is None


def test_a_slice_that_loses_its_labels_is_gone() -> None:
    item = endpoint_slice("r1", [ONE])
    snapshot = ApiServerSnapshot().with_slices([item])
    bare = item | {"metadata": item["metadata"] | {"labels": {}}}
    assert snapshot.with_slice(bare).endpoints() == {}
    assert snapshot.without_slice(item).endpoints() == {}
