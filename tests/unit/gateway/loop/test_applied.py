"""What a gateway pod may acknowledge."""

from penstock_contracts.traffic import AppliedTraffic, Backend, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.loop.applied import AppliedSplit, acknowledge, as_contract, describe_changes
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_gateway.splits.splits import LiveSplit

KEY = ModelKey("payments", "fraud-detector")


def confirmed(number: int, *, uid: str = "u1") -> Configuration:
    split = TrafficSplit(number=number, backends=(Backend(revision="r1", weight=100), Backend(revision="r2", weight=0)))
    ends = (Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080))
    return configure({KEY: LiveSplit(uid=uid, split=split)}, {RevisionRef(KEY, "r1"): ends})


def test_number_time_and_endpoints() -> None:
    applied = acknowledge({}, confirmed(3), now=100.0)[KEY]
    assert as_contract(applied) == AppliedTraffic(number=3, applied_at=100.0, endpoints={"r1": 2, "r2": 0})


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
    ends = {RevisionRef(KEY, "r1"): (Endpoint("10.0.0.1", 8080, ready=False),)}
    split = LiveSplit(uid="u", split=TrafficSplit(number=1, backends=(Backend(revision="r1", weight=100),)))
    assert acknowledge({}, configure({KEY: split}, ends), now=1.0)[KEY].endpoints == {"r1": 0}


def test_without_a_split_there_is_no_number_to_acknowledge() -> None:
    assert acknowledge({}, configure({KEY: LiveSplit(uid="u", split=None)}, {}), now=1.0) == {}


def test_the_news_names_the_resource_its_split_and_each_revision_with_its_share_and_endpoints() -> None:
    configuration = confirmed(3)
    applied = acknowledge({}, configuration, now=1.0)
    (line,) = describe_changes({}, applied, configuration.live)
    assert line == (
        "ModelDeployment payments/fraud-detector: Envoy runs on split 3 of attempt 0: "
        "revision r1 100 % on 2 endpoints, revision r2 0 % on 0 endpoints"
    )


def test_what_stays_is_no_news_and_other_endpoints_are() -> None:
    configuration = confirmed(3)
    applied = acknowledge({}, configuration, now=1.0)
    assert describe_changes(applied, acknowledge(applied, configuration, now=9.0), configuration.live) == []
    fewer = {KEY: AppliedSplit(uid="u1", number=3, at=1.0, endpoints={"r1": 1, "r2": 0})}
    (line,) = describe_changes(applied, fewer, configuration.live)
    assert "revision r1 100 % on 1 endpoints" in line


def test_of_very_many_changes_the_news_is_short() -> None:
    split = TrafficSplit(number=1, backends=(Backend(revision="r1", weight=100),))
    live = {ModelKey("payments", f"m{number:03}"): LiveSplit(uid="u", split=split) for number in range(200)}
    lines = describe_changes({}, acknowledge({}, configure(live, {}), now=1.0), live)
    assert (len(lines), lines[-1]) == (51, "and 150 more ModelDeployments")
