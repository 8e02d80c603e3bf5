"""A ModelDeployment that cannot be followed keeps what it has, and holds nobody else up."""

import pytest

from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_gateway.api_server.snapshot import DesiredTraffic, ModelKey
from penstock_gateway.splits.splits import ChosenSplits, LiveSplit, choose_splits

KEY, OTHER = ModelKey("payments", "fraud-detector"), ModelKey("payments", "other")


def split(weights: dict[str, int], *, number: int = 2, seconds: float = 10.0) -> TrafficSplit:
    backends = tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items())
    return TrafficSplit(number=number, backends=backends, timeout_seconds=seconds)


def traffic(wanted: TrafficSplit | None, *, key: ModelKey = KEY, uid: str = "u1", problem: str = "") -> DesiredTraffic:
    return DesiredTraffic(key=key, uid=uid, split=wanted, problem=problem)


def choose(*desired: DesiredTraffic, last: TrafficSplit | None = None, last_uid: str = "u1") -> ChosenSplits:
    last_good = {KEY: LiveSplit(uid=last_uid, split=last)} if last else {}
    return choose_splits({f"{number}": one for number, one in enumerate(desired)}, last_good)


GOOD, LAST = split({"r1": 30, "r2": 70}), split({"r1": 100}, number=1)


def test_a_good_one_is_followed() -> None:
    assert choose(traffic(GOOD), last=LAST) == ChosenSplits(live={KEY: LiveSplit(uid="u1", split=GOOD)}, rejected={})


def test_no_backends_may_be_desired_too() -> None:
    assert choose(traffic(split({})), last=LAST).live[KEY].split == split({})


def test_a_lower_number_is_obeyed() -> None:
    """After a restore of the cluster's state the controller counts anew."""
    again = split({"r1": 100}, number=0)
    assert choose(traffic(again), last=LAST).live[KEY].split == again


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (split({"r1": 99}), "status.traffic.desired.backends: the weights add up to 99, not 100"),
        (split({"r1": 100, "r2": 1}), "status.traffic.desired.backends: the weights add up to 101, not 100"),
        (split({"r1": 0}), "status.traffic.desired.backends: the weights add up to 0, not 100"),
        (split({"../r1": 100}), "status.traffic.desired.backends: revision '../r1' is not a DNS label"),
        (split({"r/1": 100}), "status.traffic.desired.backends: revision 'r/1' is not a DNS label"),
        (split({"": 100}), "status.traffic.desired.backends: revision '' is not a DNS label"),
        (split({"r1\n": 100}), r"status.traffic.desired.backends: revision 'r1\n' is not a DNS label"),
        (split({"r1": 100}, seconds=0), "status.traffic.desired.timeoutSeconds: 0.0 is not above 0 and at most 3600"),
        (split({"r1": 100}, seconds=float("nan")), "status.traffic.desired.timeoutSeconds: nan is not above"),
        (split({"r1": 100}, seconds=float("inf")), "status.traffic.desired.timeoutSeconds: inf is not above"),
    ],
)
def test_a_bad_one_keeps_its_last_good_split(bad: TrafficSplit, says: str) -> None:
    found = choose(traffic(bad), traffic(GOOD, key=OTHER, uid="u2"), last=LAST)
    assert {key: one.split for key, one in found.live.items()} == {KEY: LAST, OTHER: GOOD}
    assert list(found.rejected) == [KEY]
    assert found.rejected[KEY].startswith(says)


def test_a_revision_named_twice_is_bad() -> None:
    twice = TrafficSplit(number=1, backends=(Backend(revision="r1", weight=50), Backend(revision="r1", weight=50)))
    assert choose(traffic(twice)).rejected == {KEY: "status.traffic.desired.backends: a revision is named twice"}


def test_a_bad_one_without_a_past_serves_nothing() -> None:
    assert choose(traffic(None, problem="unreadable")).live == {KEY: LiveSplit(uid="u1", split=None)}


def test_a_status_that_is_lost_keeps_the_last_split() -> None:
    found = choose(traffic(None), last=LAST)
    assert (found.live[KEY].split, found.rejected) == (LAST, {})


def test_a_successor_of_the_same_name_inherits_nothing() -> None:
    assert choose(traffic(None, uid="new"), last=LAST, last_uid="old").live[KEY] == LiveSplit(uid="new", split=None)


def test_a_deleted_one_is_gone() -> None:
    assert choose(last=LAST).live == {}


@pytest.mark.parametrize("name", ["with.dot", "UPPER", "a" * 64, "a/b", "-a"])
def test_a_name_that_makes_no_route_is_rejected_and_gets_none(name: str) -> None:
    key = ModelKey("payments", name)
    found = choose(traffic(GOOD, key=key), traffic(GOOD, key=OTHER))
    assert (list(found.live), list(found.rejected)) == ([OTHER], [key])
