"""Which clusters a split needs, and what changes them."""

from collections.abc import Mapping

import pytest

from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, TrafficSplit
from penstock_gateway.configuration import Arm, ClusterName, Clusters, Pool, Role, configure
from penstock_gateway.splits import LiveSplit
from penstock_gateway.world import Backing, Endpoint, Key

KEY = Key("payments", "fraud-detector")
OLD, NEW = Backing(KEY, "old"), Backing(KEY, "new")
ENDS = {OLD: (Endpoint("10.0.0.1", 8080),), NEW: (Endpoint("10.0.0.2", 8080),)}


def split(old: int, *, rescue: str | None = "old", mirror: Mirror | None = None, number: int = 1) -> TrafficSplit:
    backends = (Backend(revision="new", weight=100 - old), Backend(revision="old", weight=old))
    return TrafficSplit(number=number, attempt=4, backends=backends, rescue=rescue, mirror=mirror)


def clusters(wanted: TrafficSplit, endpoints: Mapping[Backing, tuple[Endpoint, ...]] = ENDS) -> Clusters:
    return configure({KEY: LiveSplit(uid="u", split=wanted)}, endpoints).checked().clusters


def test_at_rest_a_revision_is_one_cluster() -> None:
    assert clusters(split(100, rescue=None)) == {
        ClusterName(OLD): Pool(endpoints=ENDS[OLD]),
        ClusterName(NEW): Pool(endpoints=ENDS[NEW]),
    }


def test_in_a_rollout_later_tries_have_a_cluster_of_their_own() -> None:
    later = ClusterName(OLD, Role.RESCUE)
    assert clusters(split(50)) == {
        ClusterName(OLD): Pool(endpoints=ENDS[OLD]),
        ClusterName(NEW): Pool(endpoints=ENDS[NEW]),
        later: Pool(endpoints=ENDS[OLD]),
        ClusterName(OLD, Role.ARM): Arm(later=later, rescues=False),
        ClusterName(NEW, Role.ARM): Arm(later=later, rescues=True),
    }


def test_copies_are_made_where_most_requests_are_answered() -> None:
    found = clusters(split(100, mirror=Mirror(revision="new", percentage=30)))
    shadow = ClusterName(NEW, Role.SHADOW)
    assert found[shadow] == Pool(endpoints=ENDS[NEW], attempt=4)
    arms = {name.backing: one for name, one in found.items() if isinstance(one, Arm)}
    assert (arms[OLD].shadow, arms[OLD].percentage) == (shadow, 30)
    assert (arms[NEW].shadow, arms[NEW].percentage) == (None, 0)


@pytest.mark.parametrize("old", [0, 1, 50, 99, 100])
def test_weights_and_testers_change_no_cluster(old: int) -> None:
    testers = (HeaderMatch(headers={"x-canary": "always"}, revision="new"),)
    assert clusters(split(old, number=2).model_copy(update={"match": testers})) == clusters(split(100))


def test_the_begin_and_the_end_of_an_attempt_leave_the_users_servers_alone() -> None:
    """Their connections stay: what is added and removed has none."""
    rest, rollout = clusters(split(100, rescue=None)), clusters(split(100))
    assert {name: one for name, one in rollout.items() if name.role is Role.USERS} == rest


def test_a_candidate_without_a_server_fails_each_try_and_still_counts_none() -> None:
    found = configure({KEY: LiveSplit(uid="u", split=split(50))}, {OLD: ENDS[OLD]})
    assert found.clusters[ClusterName(NEW)] == Pool(refuses=True)
    assert (found.ready(NEW), found.ready(OLD)) == (0, 1)


def test_a_stable_version_without_a_server_has_none() -> None:
    assert clusters(split(50), {NEW: ENDS[NEW]})[ClusterName(OLD)] == Pool()
    assert clusters(split(100, rescue=None), {})[ClusterName(NEW)] == Pool()
