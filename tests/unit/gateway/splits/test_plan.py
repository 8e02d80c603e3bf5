"""In which order files are replaced: at no step may a route lead to a cluster that Envoy does not have."""

from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.traffic import Backend, Mirror, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.splits.configuration import ClusterName, Configuration, Role, configure
from penstock_gateway.splits.plan import (
    PutClusters,
    PutRoutes,
    apply_only,
    apply_step,
    differing_models,
    initial_plan,
    plan,
)
from penstock_gateway.splits.splits import LiveSplit

KEY, OTHER = ModelKey("payments", "fraud-detector"), ModelKey("payments", "other")
R1, R2 = RevisionRef(KEY, "r1"), RevisionRef(KEY, "r2")
HERE, THERE = Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)


def configuration(*revisions: str, key: ModelKey = KEY, end: Endpoint = HERE, shielded: bool = False) -> Configuration:
    """Shielded: the first revision rescues the others, and the last one gets copies where there is another."""
    backends = tuple(Backend(revision=one, weight=0 if place else 100) for place, one in enumerate(revisions))
    rescue = revisions[0] if shielded and revisions else None
    mirror = Mirror(revision=revisions[-1], percentage=50) if shielded and len(revisions) > 1 else None
    split = LiveSplit(uid="u", split=TrafficSplit(number=1, backends=backends, rescue=rescue, mirror=mirror))
    return configure({key: split}, {RevisionRef(key, revision): (end,) for revision in revisions})


def test_nothing_to_do_is_no_step() -> None:
    assert plan(configuration("r1"), configuration("r1"), frozenset()) == ()


def test_endpoints_alone_touch_the_clusters_alone() -> None:
    target = configuration("r1", end=THERE)
    assert plan(configuration("r1"), target, frozenset()) == (PutClusters(clusters=target.clusters),)


def test_a_new_cluster_comes_before_its_route() -> None:
    target = configuration("r1")
    assert plan(Configuration(), target, frozenset()) == (
        PutClusters(clusters=target.clusters),
        PutRoutes(live=target.live),
    )


def test_a_route_goes_before_its_cluster() -> None:
    assert plan(configuration("r1"), Configuration(), frozenset()) == (PutRoutes(live={}), PutClusters(clusters={}))


def test_a_lingering_cluster_stays() -> None:
    assert plan(configuration("r1"), Configuration(), frozenset({ClusterName(R1)})) == (PutRoutes(live={}),)


def test_a_switch_adds_routes_and_removes() -> None:
    current, target = configuration("r1"), configuration("r2")
    assert plan(current, target, frozenset()) == (
        PutClusters(clusters={**current.clusters, **target.clusters}),
        PutRoutes(live=target.live),
        PutClusters(clusters=target.clusters),
    )


def test_a_rollout_begins_with_its_clusters_and_ends_with_its_routes() -> None:
    rest, rollout = configuration("r1", "r2"), configuration("r1", "r2", shielded=True)
    assert plan(rest, rollout, frozenset()) == (PutClusters(clusters=rollout.clusters), PutRoutes(live=rollout.live))
    assert plan(rollout, rest, frozenset()) == (PutRoutes(live=rest.live), PutClusters(clusters=rest.clusters))
    lingering = frozenset(rollout.clusters) - frozenset(rest.clusters)
    assert plan(rollout, rest, lingering) == (PutRoutes(live=rest.live),)


def test_the_first_time_both_files_are_written_also_with_nothing_to_serve() -> None:
    assert initial_plan(Configuration()) == (PutClusters(clusters={}), PutRoutes(live={}))


revisions = st.lists(st.sampled_from(["r1", "r2", "r3"]), unique=True, max_size=3).map(tuple)
endpoint_choice = st.sampled_from([HERE, THERE])


@st.composite
def worlds(draw: st.DrawFn) -> Configuration:
    parts = [
        configuration(*draw(revisions), key=key, end=draw(endpoint_choice), shielded=draw(st.booleans()))
        for key in draw(st.lists(st.sampled_from([KEY, OTHER]), unique=True))
    ]
    return Configuration(
        clusters={name: ends for part in parts for name, ends in part.clusters.items()},
        live={key: one for part in parts for key, one in part.live.items()},
    )


@given(
    worlds(),
    worlds(),
    st.sets(st.builds(ClusterName, st.sampled_from([R1, R2, RevisionRef(OTHER, "r1")]), st.sampled_from(Role))),
)
def test_every_state_between_is_sound_and_the_last_is_the_target(
    current: Configuration, target: Configuration, lingering: set[ClusterName]
) -> None:
    state = current
    for step in plan(current, target, lingering):
        state = apply_step(state, step).check()
    assert state.live == target.live
    assert {name: ends for name, ends in state.clusters.items() if name not in lingering - set(target.clusters)} == (
        target.clusters
    )
    assert plan(state, target, lingering) == ()


@given(worlds(), worlds())
def test_one_model_deployment_after_another_reaches_the_same_target(
    current: Configuration, target: Configuration
) -> None:
    state = current
    for key in differing_models(current, target):
        state = apply_only(state, target, key).check()
    assert state == target
    assert differing_models(state, target) == ()
