"""What may happen to a rollout, as functions on its world. `pick` is any number: it chooses where there is a choice."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb, word
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_testing.model_cards import a_card
from penstock_testing.rollout_counters import GatewayCounters
from penstock_testing.rollout_world import RolloutWorld, spec, wanted

Happening = Callable[[RolloutWorld, int], None]


def _strategies() -> tuple[dict[str, object], ...]:
    by_weight = [{"setWeight": 10}, {"pause": {"duration": "2s"}}, {"setWeight": 50}, {"pause": {"duration": "3s"}}]
    shadow = [{"setMirror": {"percentage": 100}}, {"pause": {"duration": "2s"}}, {"setWeight": 30}]
    large = [{"setCanaryScale": {"replicas": 3}}, {"setWeight": 20}, {"pause": {}}, {"setWeight": 100}]
    down = [{"setWeight": 60}, {"pause": {"duration": "1s"}}, {"setWeight": 0}, {"pause": {"duration": "1s"}}]
    testers = {"match": [{"headers": {"x-canary": "always"}}], "stickiness": {"header": "x-user-id"}}
    return (
        {"canary": {"steps": by_weight}},
        {"canary": {"steps": shadow, **testers}},
        {"canary": {"steps": large}},
        {"canary": {"steps": down}},
        {"canary": {"steps": []}},
        {"blueGreen": {}},
        {"blueGreen": {"pause": {"duration": "2s"}}},
    )


def _gates() -> tuple[dict[str, object], ...]:
    return (
        {"gates": [{"name": "error-rate", "minSamples": 50}]},
        {
            "gates": [{"name": "error-rate", "minSamples": 20, "margin": {"absolute": "5%"}}],
            "onInconclusive": "Promote",
        },
        {
            "gates": [{"name": "error-rate", "minSamples": 20, "margin": {"absolute": "1%"}}],
            "onInconclusive": "Rollback",
        },
        {"gates": []},
    )


STRATEGIES = _strategies()
GATES = _gates()
BAKES: tuple[dict[str, object], ...] = ({"duration": "5s"}, {"duration": "0s"}, {"duration": "30s"})


def trial_spec(strategy: int, gates: int, bake: int, *, replicas: int = 2, paused: bool = False) -> ModelDeploymentSpec:
    """One of the specs that the machine knows; time runs fast in it."""
    return spec(
        registry={"model": "m", "alias": "champion", "liveAlias": "live"},
        strategy=STRATEGIES[strategy % len(STRATEGIES)],
        analysis={"interval": "1s", **GATES[gates % len(GATES)]},
        bake=BAKES[bake % len(BAKES)],
        predictor={"minReplicas": replicas, "timeout": "2s"},
        progressDeadline="40s",
        revisionHistoryLimit=3,
        paused=paused,
    )


_KNOWN: dict[tuple[int, int, int], ModelDeploymentSpec] = {
    (strategy, gates, bake): trial_spec(strategy, gates, bake)
    for strategy in range(len(STRATEGIES))
    for gates in range(len(GATES))
    for bake in range(len(BAKES))
}


def _edited(world: RolloutWorld, **fields: object) -> None:
    world.edit(world.spec.model_copy(update=fields))


def strategy_is_edited(world: RolloutWorld, pick: int) -> None:
    _edited(world, strategy=_KNOWN[pick % len(STRATEGIES), 0, 0].strategy)


def gates_are_edited(world: RolloutWorld, pick: int) -> None:
    _edited(world, analysis=_KNOWN[0, pick % len(GATES), 0].analysis)


def bake_is_edited(world: RolloutWorld, pick: int) -> None:
    _edited(world, bake=_KNOWN[0, 0, pick % len(BAKES)].bake)


def pods_are_edited(world: RolloutWorld, pick: int) -> None:
    _edited(world, predictor=evolve(world.spec.predictor, min_replicas=1 + pick % 4))


def pods_begin_to_follow_the_load_or_stop(world: RolloutWorld, pick: int) -> None:
    most = (None, 4, 6, 9)[pick % 4]
    _edited(world, predictor=evolve(world.spec.predictor, max_replicas=most))


def load_changes(world: RolloutWorld, pick: int) -> None:
    world.load = (0.0, 1.5, 3.0, 8.0)[pick % 4]


def paused_is_switched(world: RolloutWorld, pick: int) -> None:
    _edited(world, paused=not world.spec.paused)


def template_is_edited(world: RolloutWorld, pick: int) -> None:
    """The same version would run as another revision."""
    world.generation += 1
    if isinstance(world.target, Wanted):
        world.target = replace(world.target, revision=f"{world.target.revision.split('-')[0]}-{world.generation}")


def predictor_image_is_upgraded(world: RolloutWorld, pick: int) -> None:
    """Nobody edited the spec; other resources may be before it."""
    if isinstance(world.target, Wanted):
        world.target = replace(world.target, revision=f"{world.target.revision.split('-')[0]}-image{pick}")
    world.turn = "waits for its turn" if pick % 2 else ""


def its_turn_comes(world: RolloutWorld, pick: int) -> None:
    world.turn = ""


def _newest(world: RolloutWorld) -> int:
    """The highest number that anything remembers: a registry never gives a number to other bytes."""
    status = world.status
    remembered = (status.stable, status.candidate, status.previous, status.refused, *status.retiring, *status.history)
    versions = [each.version for each in remembered if each]
    versions += [world.target.version] if isinstance(world.target, Wanted | RefusedVersion) else []
    return max((int(version) for version in versions), default=0)


def alias_moves_on(world: RolloutWorld, pick: int) -> None:
    world.want(str(_newest(world) + 1))


def next_version_has_another_input(world: RolloutWorld, pick: int) -> None:
    version = str(_newest(world) + 1)
    world.cards[wanted(version).digest] = a_card(inputs=[("features", "FP32", (-1, 3))])
    world.want(version)


def alias_moves_back(world: RolloutWorld, pick: int) -> None:
    """To what stood before, as it ran then."""
    pointers = [world.status.previous, world.status.stable, world.status.candidate, *world.status.retiring]
    known = [pointer for pointer in pointers if pointer]
    if known:
        back = known[pick % len(known)]
        world.target = wanted(back.version, digest=back.digest, revision=back.revision)


def same_bytes_get_another_version(world: RolloutWorld, pick: int) -> None:
    stable = world.status.stable
    if stable:
        world.target = wanted(str(_newest(world) + 1), digest=stable.digest, revision=stable.revision)


def version_is_refused_by_the_store(world: RolloutWorld, pick: int) -> None:
    version = str(_newest(world) + 1)
    world.target = RefusedVersion(
        version=version, created_at_ms=1000 + int(version), reason="PickleOnly", message="model.pkl"
    )


def alias_is_deleted(world: RolloutWorld, pick: int) -> None:
    world.target = Unresolved(reason="AliasNotFound", message="no alias 'champion'", permanent=True)


def registry_goes_away_and_comes_back(world: RolloutWorld, pick: int) -> None:
    wish = world.target
    world.target = Unresolved(reason="RegistryAway", message="registry 'default' does not answer")
    world.registry.away = True
    for _ in range(1 + pick % 3):
        world.tick()
    world.target = wish
    world.registry.away = False


def registry_takes_nothing(world: RolloutWorld, pick: int) -> None:
    """It can be read, but writing is refused, or fails."""
    world.registry.away, world.registry.refuses = pick % 2 == 0, pick % 2 == 1


def another_model_is_named(world: RolloutWorld, pick: int) -> None:
    """Its versions have numbers of their own."""
    registry = evolve(world.spec.registry, model="mn"[pick % 2])
    world.edit(evolve(world.spec, registry=registry))
    alias_moves_on(world, pick)


def store_goes_away(world: RolloutWorld, pick: int) -> None:
    world.target = Unresolved(reason="StoreAway", message="the model store does not answer")


_RATES = (0.02, 0.3, 1.0)


def candidate_begins_to_fail(world: RolloutWorld, pick: int) -> None:
    """The newest that runs: in the bake that is stable."""
    newest = world.status.candidate or world.status.stable
    if newest:
        world.failing[newest.revision] = _RATES[pick % len(_RATES)]


def stable_begins_to_fail(world: RolloutWorld, pick: int) -> None:
    oldest = world.status.previous or world.status.stable
    if oldest:
        world.failing[oldest.revision] = _RATES[pick % len(_RATES)]


def failures_stop(world: RolloutWorld, pick: int) -> None:
    world.failing.clear()


def _one_of(world: RolloutWorld, pick: int) -> str | None:
    known = sorted(world.workloads)
    return known[pick % len(known)] if known else None


def all_pods_are_lost(world: RolloutWorld, pick: int) -> None:
    revision = _one_of(world, pick)
    if revision:
        world.broken.add(revision)
        world.change(revision, lambda workload: replace(workload, ready=0))


def one_pod_is_lost(world: RolloutWorld, pick: int) -> None:
    revision = _one_of(world, pick)
    if revision and world.spec.predictor.min_replicas > 1 and world.workloads[revision].replicas > 1:
        world.short.add(revision)
        world.change(revision, lambda workload: replace(workload, ready=max(0, workload.ready - 1)))


def newer_pods_never_get_ready(world: RolloutWorld, pick: int) -> None:
    if isinstance(world.target, Wanted) and world.target.revision not in world.workloads:
        world.broken.add(world.target.revision)


def pods_come_back(world: RolloutWorld, pick: int) -> None:
    world.broken.clear()
    world.short.clear()


def somebody_deletes_a_deployment(world: RolloutWorld, pick: int) -> None:
    revision = _one_of(world, pick)
    if revision:
        world.delete_workload(revision)


def status_is_lost(world: RolloutWorld, pick: int) -> None:
    world.lose_status()


def resource_is_deleted_and_made_again(world: RolloutWorld, pick: int) -> None:
    """Its objects are owned by it and go with it; gateway pods forget it."""
    world.lose_status()
    world.workloads.clear()
    world.gateways.update(dict.fromkeys(world.gateways))
    world.endpoints.clear()
    for counters in world.counters.values():
        counters.restart()
    world.words.clear()
    world.generation = 1


def controller_is_killed(world: RolloutWorld, pick: int) -> None:
    """In the middle of a pass, after some of its writes."""
    world.let_time_pass(1.0)
    world.run_pass(killed_after=pick % 4)


def status_write_meets_a_conflict(world: RolloutWorld, pick: int) -> None:
    world.let_time_pass(0.2)
    world.run_pass(overtaken=True)


def time_jumps(world: RolloutWorld, pick: int) -> None:
    """The controller was away, or slow."""
    world.now += timedelta(seconds=(7, 45, 3600)[pick % 3])


def controller_restarts_by_another_clock(world: RolloutWorld, pick: int) -> None:
    jump = timedelta(hours=(1, -1, 9600)[pick % 3])
    world.now += jump
    world.skew += jump
    world.resumed = True


def gateway_pod_falls_silent(world: RolloutWorld, pick: int) -> None:
    names = sorted(world.gateways)
    if names:
        world.silent.add(names[pick % len(names)])


def gateway_pod_learns_of_no_pods(world: RolloutWorld, pick: int) -> None:
    names = sorted(world.gateways)
    if names:
        world.blind.add(names[pick % len(names)])


def gateway_pods_answer_again(world: RolloutWorld, pick: int) -> None:
    world.silent.clear()
    world.blind.clear()
    world.deaf = False


def gateway_pod_joins(world: RolloutWorld, pick: int) -> None:
    """It starts into what the API server says; or it has nothing yet."""
    name = f"gw-{len(world.counters)}"
    world.counters[name] = GatewayCounters(name)
    world.gateways[name] = world.status.traffic.desired if world.status.traffic and pick % 2 else None


def gateway_pod_leaves(world: RolloutWorld, pick: int) -> None:
    names = sorted(world.gateways)
    if len(names) > 1:
        gone = names[pick % len(names)]
        del world.gateways[gone]
        world.silent.discard(gone)
        world.blind.discard(gone)


def gateway_pod_restarts(world: RolloutWorld, pick: int) -> None:
    names = sorted(world.gateways)
    if names:
        world.counters_of(names[pick % len(names)]).restart()


def counters_cannot_be_read(world: RolloutWorld, pick: int) -> None:
    world.deaf = True


def _says(world: RolloutWorld, verb: Verb, pick: int) -> None:
    """For the place where it stands, or, one time in four, for one that has been."""
    world.say(verb)
    if pick % 4 == 3:
        world.words[verb] = word(max(0, world.status.attempt - 1), 0)


def user_says_promote(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.PROMOTE, pick)


def user_says_promote_full(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.PROMOTE_FULL, pick)


def user_says_abort(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.ABORT, pick)


def user_says_retry(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.RETRY, pick)


def user_says_pause(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.PAUSE, pick)


def user_says_resume(world: RolloutWorld, pick: int) -> None:
    _says(world, Verb.RESUME, pick)


def user_says_undo(world: RolloutWorld, pick: int) -> None:
    """To the version before, or, one time in three, to one of the records."""
    _says(world, Verb.UNDO, pick)
    history = world.status.history
    if history and pick % 3 == 1:
        world.say(Verb.UNDO, history[pick % len(history)].version)


def user_takes_words_back(world: RolloutWorld, pick: int) -> None:
    world.words.clear()


def time_passes(world: RolloutWorld, pick: int) -> None:
    for _ in range(pick % 4):
        world.tick(0.5)


@dataclass(frozen=True)
class Event:
    """Something that happens."""

    happens: Happening

    @property
    def name(self) -> str:
        """In words."""
        return self.happens.__name__.replace("_", " ")

    def __repr__(self) -> str:
        return f"<{self.name}>"


EVENTS = tuple(
    map(
        Event,
        (
            time_passes,
            strategy_is_edited,
            gates_are_edited,
            bake_is_edited,
            pods_are_edited,
            pods_begin_to_follow_the_load_or_stop,
            load_changes,
            paused_is_switched,
            template_is_edited,
            predictor_image_is_upgraded,
            its_turn_comes,
            alias_moves_on,
            next_version_has_another_input,
            alias_moves_back,
            same_bytes_get_another_version,
            version_is_refused_by_the_store,
            alias_is_deleted,
            registry_goes_away_and_comes_back,
            registry_takes_nothing,
            another_model_is_named,
            store_goes_away,
            candidate_begins_to_fail,
            stable_begins_to_fail,
            failures_stop,
            all_pods_are_lost,
            one_pod_is_lost,
            newer_pods_never_get_ready,
            pods_come_back,
            somebody_deletes_a_deployment,
            status_is_lost,
            resource_is_deleted_and_made_again,
            controller_is_killed,
            status_write_meets_a_conflict,
            time_jumps,
            controller_restarts_by_another_clock,
            gateway_pod_falls_silent,
            gateway_pod_learns_of_no_pods,
            gateway_pods_answer_again,
            gateway_pod_joins,
            gateway_pod_leaves,
            gateway_pod_restarts,
            counters_cannot_be_read,
            user_says_promote,
            user_says_promote_full,
            user_says_abort,
            user_says_retry,
            user_says_pause,
            user_says_resume,
            user_says_undo,
            user_takes_words_back,
        ),
    )
)
