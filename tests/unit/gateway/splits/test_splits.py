"""A ModelDeployment that cannot be followed keeps what it has, and holds nobody else up."""

import pytest

from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_gateway.api_server.snapshot import Key, Wish
from penstock_gateway.splits.splits import LiveSplit, Settled, settle

KEY, OTHER = Key("payments", "fraud-detector"), Key("payments", "other")


def split(weights: dict[str, int], *, number: int = 2, seconds: float = 10.0) -> TrafficSplit:
    backends = tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items())
    return TrafficSplit(number=number, backends=backends, timeout_seconds=seconds)


def wish(wanted: TrafficSplit | None, *, key: Key = KEY, uid: str = "u1", problem: str = "") -> Wish:
    return Wish(key=key, uid=uid, split=wanted, problem=problem)


def settled(*wishes: Wish, last: TrafficSplit | None = None, last_uid: str = "u1") -> Settled:
    last_good = {KEY: LiveSplit(uid=last_uid, split=last)} if last else {}
    return settle({f"{number}": one for number, one in enumerate(wishes)}, last_good)


GOOD, LAST = split({"r1": 30, "r2": 70}), split({"r1": 100}, number=1)


def test_a_good_one_is_followed() -> None:
    assert settled(wish(GOOD), last=LAST) == Settled(live={KEY: LiveSplit(uid="u1", split=GOOD)}, rejected={})


def test_no_backends_is_a_wish_too() -> None:
    assert settled(wish(split({})), last=LAST).live[KEY].split == split({})


def test_a_lower_number_is_obeyed() -> None:
    """After a restore of the cluster's state the controller counts anew."""
    again = split({"r1": 100}, number=0)
    assert settled(wish(again), last=LAST).live[KEY].split == again


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
    found = settled(wish(bad), wish(GOOD, key=OTHER, uid="u2"), last=LAST)
    assert {key: one.split for key, one in found.live.items()} == {KEY: LAST, OTHER: GOOD}
    assert list(found.rejected) == [KEY]
    assert found.rejected[KEY].startswith(says)


def test_a_revision_named_twice_is_bad() -> None:
    twice = TrafficSplit(number=1, backends=(Backend(revision="r1", weight=50), Backend(revision="r1", weight=50)))
    assert settled(wish(twice)).rejected == {KEY: "status.traffic.desired.backends: a revision is named twice"}


def test_a_bad_one_without_a_past_serves_nothing() -> None:
    assert settled(wish(None, problem="unreadable")).live == {KEY: LiveSplit(uid="u1", split=None)}


def test_a_status_that_is_lost_keeps_the_last_split() -> None:
    found = settled(wish(None), last=LAST)
    assert (found.live[KEY].split, found.rejected) == (LAST, {})


def test_a_successor_of_the_same_name_inherits_nothing() -> None:
    assert settled(wish(None, uid="new"), last=LAST, last_uid="old").live[KEY] == LiveSplit(uid="new", split=None)


def test_a_deleted_one_is_gone() -> None:
    assert settled(last=LAST).live == {}


@pytest.mark.parametrize("name", ["with.dot", "UPPER", "a" * 64, "a/b", "-a"])
def test_a_name_that_makes_no_route_is_rejected_and_gets_none(name: str) -> None:
    key = Key("payments", name)
    found = settled(wish(GOOD, key=key), wish(GOOD, key=OTHER))
    assert (list(found.live), list(found.rejected)) == ([OTHER], [key])
