"""Which clusters a split needs, and what changes them."""

from collections.abc import Mapping

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.errors import UnknownCluster
from penstock_gateway.splits.configuration import (
    ClusterName,
    Clusters,
    CompositeCluster,
    Configuration,
    Pool,
    Role,
    configure,
)
from penstock_gateway.splits.splits import LiveSplit

KEY = ModelKey("payments", "fraud-detector")
OLD, NEW = RevisionRef(KEY, "old"), RevisionRef(KEY, "new")
ENDS = {OLD: (Endpoint("10.0.0.1", 8080),), NEW: (Endpoint("10.0.0.2", 8080),)}


def split(old: int, *, rescue: str | None = "old", mirror: Mirror | None = None, number: int = 1) -> TrafficSplit:
    backends = (Backend(revision="new", weight=100 - old), Backend(revision="old", weight=old))
    return TrafficSplit(number=number, attempt=4, backends=backends, rescue=rescue, mirror=mirror)


def clusters(wanted: TrafficSplit, endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]] = ENDS) -> Clusters:
    return configure({KEY: LiveSplit(uid="u", split=wanted)}, endpoints).check().clusters


def test_at_rest_a_revision_is_one_cluster() -> None:
    assert clusters(split(100, rescue=None)) == {
        ClusterName(OLD): Pool(endpoints=ENDS[OLD]),
        ClusterName(NEW): Pool(endpoints=ENDS[NEW]),
    }


def test_in_a_rollout_later_tries_have_a_cluster_of_their_own() -> None:
    rescue, back = ClusterName(OLD, Role.RESCUE), ClusterName(NEW, Role.RESCUE)
    assert clusters(split(50)) == {
        ClusterName(OLD): Pool(endpoints=ENDS[OLD]),
        ClusterName(NEW): Pool(endpoints=ENDS[NEW]),
        rescue: Pool(endpoints=ENDS[OLD]),
        back: Pool(endpoints=ENDS[NEW]),
        ClusterName(OLD, Role.COMPOSITE): CompositeCluster(later=(rescue, rescue, back, back), rescues=False),
        ClusterName(NEW, Role.COMPOSITE): CompositeCluster(later=(rescue, rescue), rescues=True),
    }


def test_a_rescue_without_a_server_hands_each_request_to_the_candidate_and_its_failures_are_counted() -> None:
    found = clusters(split(50), {NEW: ENDS[NEW]})
    assert found[ClusterName(OLD)] == Pool(refuses=True)
    composite = found[ClusterName(OLD, Role.COMPOSITE)]
    assert isinstance(composite, CompositeCluster)
    assert (set(composite.later), composite.rescues) == ({ClusterName(NEW, Role.RESCUE)}, False)


@pytest.mark.parametrize(
    ("wanted", "endpoints"),
    [
        pytest.param(split(100), ENDS, id="it answers no users"),
        pytest.param(split(50), {OLD: ENDS[OLD]}, id="it has no pod"),
        pytest.param(split(50), {OLD: ENDS[OLD], NEW: (Endpoint("10.0.0.2", 8080, ready=False),)}, id="none is ready"),
    ],
)
def test_a_candidate_that_is_not_known_to_answer_users_rescues_nobody(
    wanted: TrafficSplit, endpoints: Mapping[RevisionRef, tuple[Endpoint, ...]]
) -> None:
    composite = clusters(wanted, endpoints)[ClusterName(OLD, Role.COMPOSITE)]
    assert isinstance(composite, CompositeCluster)
    assert set(composite.later) == {ClusterName(OLD, Role.RESCUE)}


def test_of_several_the_one_that_answers_most_users_rescues_the_rescue() -> None:
    backends = [("new", 30), ("leaving", 0), ("old", 30), ("newest", 40)]
    wanted = evolve(
        split(50), backends=tuple(Backend(revision=revision, weight=weight) for revision, weight in backends)
    )
    newest = RevisionRef(KEY, "newest")
    found = clusters(wanted, {NEW: ENDS[NEW], newest: ENDS[NEW]})
    composite = found[ClusterName(OLD, Role.COMPOSITE)]
    assert isinstance(composite, CompositeCluster)
    assert set(composite.later) == {ClusterName(newest, Role.RESCUE)}


def test_copies_are_made_where_most_requests_are_answered() -> None:
    found = clusters(split(100, mirror=Mirror(revision="new", percentage=30)))
    shadow = ClusterName(NEW, Role.SHADOW)
    assert found[shadow] == Pool(endpoints=ENDS[NEW], attempt=4)
    composites = {name.ref: one for name, one in found.items() if isinstance(one, CompositeCluster)}
    assert (composites[OLD].shadow, composites[OLD].percentage) == (shadow, 30)
    assert (composites[NEW].shadow, composites[NEW].percentage) == (None, 0)


def test_copies_are_made_where_the_split_says() -> None:
    found = clusters(split(90, mirror=Mirror(revision="old", percentage=100, source="new")))
    shadow = ClusterName(OLD, Role.SHADOW)
    composites = {name.ref: one for name, one in found.items() if isinstance(one, CompositeCluster)}
    assert (composites[NEW].shadow, composites[NEW].percentage) == (shadow, 100)
    assert (composites[OLD].shadow, composites[OLD].percentage) == (None, 0)


@pytest.mark.parametrize("old", [0, 1, 50, 99])
def test_weights_and_testers_change_no_cluster(old: int) -> None:
    testers = (HeaderMatch(headers={"x-canary": "always"}, revision="new"),)
    assert clusters(evolve(split(old, number=2), match=testers)) == clusters(split(40))


def test_a_candidates_first_users_change_no_cluster_that_has_connections() -> None:
    before, after = clusters(split(100)), clusters(split(95))
    assert {name: after[name] for name in before if name.role is not Role.COMPOSITE} == {
        name: one for name, one in before.items() if name.role is not Role.COMPOSITE
    }


def test_the_begin_and_the_end_of_an_attempt_leave_the_users_servers_alone() -> None:
    """Their connections stay: what is added and removed has none."""
    rest, rollout = clusters(split(100, rescue=None)), clusters(split(100))
    assert {name: one for name, one in rollout.items() if name.role is Role.USERS} == rest


def test_a_candidate_without_a_server_fails_each_try_and_still_counts_none() -> None:
    found = configure({KEY: LiveSplit(uid="u", split=split(50))}, {OLD: ENDS[OLD]})
    assert found.clusters[ClusterName(NEW)] == Pool(refuses=True)
    assert (found.ready(NEW), found.ready(OLD)) == (0, 1)


def test_a_stable_version_without_a_server_has_none() -> None:
    assert clusters(split(100), {NEW: ENDS[NEW]})[ClusterName(OLD)] == Pool()
    assert clusters(split(100, rescue=None), {})[ClusterName(NEW)] == Pool()


def test_a_route_to_an_unknown_cluster_is_ours_to_find() -> None:
    wanted = {KEY: LiveSplit(uid="u1", split=split(100, rescue=None))}
    with pytest.raises(UnknownCluster, match=str(NEW)):
        Configuration(live=wanted).check()
