"""What a gateway pod may acknowledge."""

from penstock_contracts.traffic import AppliedTraffic, Backend, TrafficSplit
from penstock_gateway.applied import acknowledge, as_contract
from penstock_gateway.configuration import Configuration, configure
from penstock_gateway.splits import LiveSplit
from penstock_gateway.world import Backing, Endpoint, Key

KEY = Key("payments", "fraud-detector")


def confirmed(number: int, *, uid: str = "u1") -> Configuration:
    split = TrafficSplit(number=number, backends=(Backend(revision="r1", weight=100), Backend(revision="r2", weight=0)))
    ends = (Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080))
    return configure({KEY: LiveSplit(uid=uid, split=split)}, {Backing(KEY, "r1"): ends})


def test_number_time_and_endpoints() -> None:
    assert as_contract(acknowledge({}, confirmed(3), now=100.0)) == (
        AppliedTraffic(
            namespace="payments",
            name="fraud-detector",
            number=3,
            applied_at=100.0,
            endpoints={"r1": 2, "r2": 0},
        ),
    )


def test_the_time_is_that_of_the_first_confirmation() -> None:
    first = acknowledge({}, confirmed(3), now=100.0)
    assert acknowledge(first, confirmed(3), now=200.0)[KEY].at == 100.0
    assert acknowledge(first, confirmed(4), now=200.0)[KEY].at == 200.0
    assert acknowledge(first, confirmed(3, uid="another"), now=200.0)[KEY].at == 200.0


def test_nothing_confirmed_is_nothing_acknowledged_and_the_time_begins_anew() -> None:
    lost = acknowledge(acknowledge({}, confirmed(3), now=100.0), None, now=150.0)
    assert lost == {}
    assert acknowledge(lost, confirmed(3), now=200.0)[KEY].at == 200.0


def test_a_pod_that_ends_is_not_counted_as_ready() -> None:
    ends = {Backing(KEY, "r1"): (Endpoint("10.0.0.1", 8080, ready=False),)}
    split = LiveSplit(uid="u", split=TrafficSplit(number=1, backends=(Backend(revision="r1", weight=100),)))
    assert acknowledge({}, configure({KEY: split}, ends), now=1.0)[KEY].endpoints == {"r1": 0}


def test_without_a_split_there_is_no_number_to_acknowledge() -> None:
    assert acknowledge({}, configure({KEY: LiveSplit(uid="u", split=None)}, {}), now=1.0) == {}
