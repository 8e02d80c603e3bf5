"""Each verb in each phase, run through the engine, against the table that users read; and what the verbs do."""

from collections.abc import Callable
from itertools import product

import pytest

from penstock_contracts.api.status import LONGEST_ANSWER, CommandOutcome, Completion, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.commands import TABLE, Allowed, Denied
from penstock_controller.rollout.observation import RefusedVersion, Unresolved
from penstock_testing import steering_page
from penstock_testing.rollout_scenes import (
    NO_GATES,
    asked,
    canary,
    condition,
    error_rate,
    has,
    is_baking,
    is_paused,
    last,
    on_trial,
    pause,
    stable,
    until,
)
from penstock_testing.rollout_world import RolloutWorld, spec, wanted
from penstock_testing.strategies import weight


def _in(world: RolloutWorld, phase: Phase) -> RolloutWorld:
    return until(world, lambda world: world.status.phase is phase)


def _pending() -> RolloutWorld:
    world = RolloutWorld()
    world.tick()
    return world


def _initializing() -> RolloutWorld:
    world = RolloutWorld(broken={"rev1"}).want("1")
    return _in(world, Phase.INITIALIZING)


def two_versions_served(**fields: object) -> RolloutWorld:
    """Version 1 served, then version 2."""
    return RolloutWorld(spec=spec(**fields)).want("1").settle(0.2).want("2").settle(0.2)


def _refused() -> RolloutWorld:
    """Two versions served, the third was taken back."""
    world = two_versions_served()
    world.broken = {"rev3"}
    world.edit(canary(pause(), predictor={"minReplicas": 1}, progressDeadline="5s")).want("3")
    until(world, lambda world: world.status.refused is not None)
    world.broken.clear()
    return world.settle(0.2)


def _degraded() -> RolloutWorld:
    world = _refused()
    world.broken = {"rev2"}
    return _in(world, Phase.DEGRADED)


def paused_by_a_step() -> RolloutWorld:
    return until(on_trial(canary(weight(5), pause(), weight(50), pause(), bake="60s")), is_paused)


def paused_by_a_person() -> RolloutWorld:
    world = paused_by_a_step().say(Verb.PAUSE)
    world.tick()
    return world


def _progressing() -> RolloutWorld:
    return until(on_trial(canary(weight(5), pause("60s"), weight(50))), has(5))


def _promoting() -> RolloutWorld:
    world = _in(on_trial(canary(bake="60s")), Phase.PROMOTING)
    world.silent = {"gw-1"}
    return world


def baking() -> RolloutWorld:
    return until(on_trial(canary(bake="60s")), is_baking)


def _rolling_back() -> RolloutWorld:
    world = baking()
    world.silent = {"gw-1"}
    world.say(Verb.ABORT)
    return _in(world, Phase.ROLLING_BACK)


BEGINNINGS: dict[Phase, Callable[[], RolloutWorld]] = {
    Phase.PENDING: _pending,
    Phase.INITIALIZING: _initializing,
    Phase.HEALTHY: _refused,
    Phase.PROGRESSING: _progressing,
    Phase.PAUSED: paused_by_a_person,
    Phase.PROMOTING: _promoting,
    Phase.BAKING: baking,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.DEGRADED: _degraded,
}


TRAINED = ModelDeploymentSpec.model_validate(
    {
        "registry": {"model": "m", "alias": "champion"},
        "retrain": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "train"}]}}}}},
    }
)


def _begin(verb: Verb, phase: Phase) -> RolloutWorld:
    """A world in that phase in which nothing was said with that verb yet."""
    world = paused_by_a_step() if (verb, phase) == (Verb.PAUSE, Phase.PAUSED) else BEGINNINGS[phase]()
    if verb is Verb.RETRAIN:
        world.spec = evolve(world.spec, retrain=TRAINED.retrain)
    world.words.clear()
    world.tick(0.2)
    assert world.status.phase is phase
    world.announcements.clear()
    return world


def said(world: RolloutWorld, reason: str) -> list[str]:
    """What users were told under that reason."""
    return [told.message for told in world.announcements if told.reason == reason]


def answers(world: RolloutWorld) -> dict[str, tuple[CommandOutcome, str]]:
    """What the status says of each word."""
    return {verb: (answer.outcome, answer.message) for verb, answer in world.status.command_results.items()}


def refusal(world: RolloutWorld) -> str:
    """The only refusal."""
    (message,) = said(world, "CommandDenied")
    return message


@pytest.mark.parametrize(("verb", "phase"), list(product(Verb, Phase)), ids=lambda each: each.value)
def test_each_verb_in_each_phase_does_what_the_table_says_once(verb: Verb, phase: Phase) -> None:
    world = _begin(verb, phase)
    silent = world.branch()
    silent.run_pass()
    unsaid = silent.status
    world.say(verb).run_pass()
    cell = TABLE[verb, phase]
    forgetful = evolve(world.status, handled_commands={}, command_results={})
    if isinstance(cell, Allowed):
        heard = f"{verb.value} {world.words[verb]} accepted in phase {phase}"
        assert said(world, "CommandAccepted") == [heard]
        assert said(world, "CommandDenied") == []
        assert forgetful != unsaid
        assert answers(world) == {verb: (CommandOutcome.ACCEPTED, f"{heard}: {cell.what}")}
    else:
        assert refusal(world) == f"{verb.value} {world.words[verb]} denied in phase {phase}: {cell.why}"
        assert forgetful == unsaid
        assert answers(world) == {verb: (CommandOutcome.DENIED, refusal(world))}
    assert world.status.handled_commands[verb] == world.words[verb]
    world.announcements.clear()
    for _ in range(5):
        world.tick(0.2)
    assert said(world, "CommandAccepted") == said(world, "CommandDenied") == []


def test_the_page_for_users_has_the_table_of_the_engine() -> None:
    shown = {key: cell.does or cell.why_not for key, cell in steering_page.read().items()}
    refused = {key for key, cell in steering_page.read().items() if cell.why_not}
    assert shown == {key: cell.what if isinstance(cell, Allowed) else cell.why for key, cell in TABLE.items()}
    assert refused == {key for key, cell in TABLE.items() if isinstance(cell, Denied)}


def test_promote_ends_a_pause_that_has_a_length() -> None:
    world = _progressing()
    world.say(Verb.PROMOTE)
    until(world, has(50))


def test_promote_waits_for_samples_all_the_same() -> None:
    world = until(on_trial(canary(weight(5), pause("60s"), weight(50), analysis=error_rate())), has(5))
    world.requests = 0
    world.say(Verb.PROMOTE)
    for _ in range(20):
        world.tick()
    assert world.status.candidate
    assert world.status.candidate.weight == 5
    assert "minStepSamples" in world.status.message


def test_promote_is_refused_where_nothing_pauses() -> None:
    world = on_trial(canary(weight(5), pause()))
    world.silent = {"gw-1"}
    until(world, lambda world: world.status.candidate is not None)
    world.say(Verb.PROMOTE).tick()
    assert "step 1 of 2 is no pause" in refusal(world)


def test_promote_ends_the_bake_and_the_record_says_so() -> None:
    world = baking()
    world.say(Verb.PROMOTE).tick()
    assert world.status.previous is None
    assert (last(world).completion, last(world).version) == (Completion.PROMOTED, "2")
    assert "because a person said promote" in last(world).message


def test_promote_full_needs_no_gate_and_the_record_says_who() -> None:
    world = until(on_trial(canary(weight(5), pause("60s"), weight(50), pause(), analysis=error_rate())), has(5))
    world.requests = 0
    world.say(Verb.PROMOTE_FULL)
    until(world, lambda world: stable(world) == "2")
    assert "a person left out its steps and gates (promote-full)" in last(world).message
    assert world.lost == 0


def test_promote_full_is_remembered_over_the_bake() -> None:
    world = paused_by_a_step().say(Verb.PROMOTE_FULL)
    until(world, is_baking).say(Verb.PROMOTE).tick()
    assert "promote-full" in last(world).message


def test_promote_full_needs_ready_pods() -> None:
    world = until(on_trial(canary(weight(25), pause())), is_paused)
    world.broken = {"rev2"}
    world.say(Verb.PROMOTE_FULL)
    until(world, lambda world: bool(world.status.history and last(world).version == "2"))
    assert (last(world).completion, last(world).reason) == (Completion.ROLLED_BACK, "CandidateUnavailable")
    assert stable(world) == "1"


def test_a_gate_that_fails_takes_back_what_promote_full_promotes() -> None:
    world = until(on_trial(canary(weight(50), pause(), bake="60s", analysis=error_rate())), has(50))
    world.failing = {"rev2": 1.0}
    world.say(Verb.PROMOTE_FULL)
    until(world, lambda world: bool(world.status.history and last(world).version == "2"), 1.0)
    assert (last(world).completion, last(world).reason) == (Completion.ROLLED_BACK, "GateFailed")
    assert world.lost == 0


def test_abort_takes_the_candidate_away_and_it_stays_away() -> None:
    world = paused_by_a_step()
    world.say(Verb.ABORT).settle(0.2)
    assert (last(world).completion, last(world).reason, last(world).version) == (Completion.ABORTED, "Aborted", "2")
    assert stable(world) == "1"
    assert asked(world)["rev1"] == 100
    assert condition(world, "Stalled") == ("True", "Aborted")
    assert condition(world, "Ready")[0] == "True"
    attempt = world.status.attempt
    world.tick(3600)
    assert world.status.attempt == attempt


@pytest.mark.parametrize("again", [lambda world: world.edit(world.spec), lambda world: world.say(Verb.RETRY)])
def test_who_was_aborted_is_tried_again_after_an_edit_or_retry(again: Callable[[RolloutWorld], object]) -> None:
    world = paused_by_a_step()
    world.say(Verb.ABORT).settle(0.2)
    again(world)
    until(world, is_paused)
    assert world.status.attempt == 3


def test_abort_in_the_bake_goes_back_at_once() -> None:
    world = baking()
    world.say(Verb.ABORT).tick(0.2)
    assert asked(world) == {"rev1": 100, "rev2": 0}
    world.settle(0.2)
    assert (last(world).completion, last(world).reason) == (Completion.ABORTED, "Aborted")
    assert stable(world) == "1"
    assert world.lost == 0


def test_abort_in_the_bake_is_refused_while_there_is_no_pod_to_go_back_to() -> None:
    world = baking()
    world.broken = {"rev1"}
    world.say(Verb.ABORT).tick()
    assert "no pod of version 1 is ready" in refusal(world)
    assert is_baking(world)


def test_abort_ends_a_first_version_that_does_not_get_ready() -> None:
    world = _initializing()
    world.say(Verb.ABORT).settle(0.2)
    assert last(world).completion is Completion.ABORTED
    assert world.status.phase is Phase.DEGRADED
    assert not world.workloads


def test_a_persons_pause_stops_the_deadline_and_not_the_gates() -> None:
    world = until(on_trial(canary(weight(5), pause("5s"), weight(50), analysis=error_rate())), has(5))
    world.say(Verb.PAUSE).tick()
    assert is_paused(world)
    assert condition(world, "Reconciling") == ("True", "Paused")
    assert "resume=2/1" in world.status.message
    world.tick(3600 * 24)
    assert is_paused(world)
    world.failing = {"rev2": 1.0}
    until(world, lambda world: bool(world.status.history and last(world).version == "2"), 1.0)
    assert last(world).reason == "GateFailed"


def test_resume_and_promote_end_a_persons_pause() -> None:
    for verb in (Verb.RESUME, Verb.PROMOTE):
        world = until(on_trial(canary(weight(5), pause("5s"), weight(50), pause())), has(5))
        world.say(Verb.PAUSE).tick()
        world.say(verb)
        until(world, has(50))


def test_a_word_that_was_taken_back_may_be_said_again() -> None:
    world = paused_by_a_person()
    world.say(Verb.RESUME).tick()
    world.words.clear()
    world.tick()
    assert (world.status.handled_commands, world.status.command_results) == ({}, {})
    world.say(Verb.PAUSE).tick()
    assert "paused by a person" in world.status.message


def test_retry_is_refused_for_what_the_store_refuses() -> None:
    world = two_versions_served()
    world.target = RefusedVersion(version="3", created_at_ms=1003, reason="PickleOnly", message="model.pkl")
    world.tick()
    world.say(Verb.RETRY).tick()
    assert "the model store refuses version 3" in refusal(world)


def test_retry_of_nothing_is_refused() -> None:
    world = two_versions_served().say(Verb.RETRY)
    world.tick()
    assert "no version was refused" in refusal(world)


def test_undo_to_a_version_that_failed_its_trial_anew_is_refused_until_retry() -> None:
    world = two_versions_served()
    world.spec = canary(weight(50), pause(), predictor={"minReplicas": 1}, progressDeadline="5s")
    world.broken = {"rev1"}
    world.say(Verb.UNDO)
    until(world, lambda world: world.status.refused is not None)
    world.broken.clear()
    world.settle(0.2)
    assert stable(world) == "2"
    world.say(Verb.UNDO).tick()
    assert "version 1 was refused (ProgressDeadlineExceeded): retry tries it again" in refusal(world)
    world.say(Verb.RETRY).settle(0.2)
    assert (stable(world), world.status.hold, world.status.refused) == ("2", None, None)


@pytest.mark.parametrize("word", ["yes", "2", "2/1/7", "-2/1", "2/1 ", "9" * 5000])
def test_a_word_without_its_form_is_refused_once_and_remembered_in_part(word: str) -> None:
    world = paused_by_a_step()
    world.words[Verb.PROMOTE] = word
    for _ in range(3):
        world.tick()
    assert "must be like 2/1" in refusal(world)
    assert len(world.status.handled_commands["promote"]) <= 64
    outcome, message = answers(world)["promote"]
    assert (outcome, message) == (CommandOutcome.DENIED, refusal(world))
    assert len(message) <= LONGEST_ANSWER


@pytest.mark.parametrize("word", ["1/1", "2/0", "2/3", "3/0"])
def test_a_word_for_another_place_is_neither_done_nor_refused(word: str) -> None:
    world = paused_by_a_step()
    world.words[Verb.PROMOTE] = world.words[Verb.ABORT] = word
    for _ in range(5):
        world.tick()
    assert is_paused(world)
    assert said(world, "CommandDenied") == []
    assert answers(world) == {}


def refused_resume() -> RolloutWorld:
    """`resume` was refused in Progressing; then, at the same step, a person paused it."""
    world = _progressing().say(Verb.RESUME)
    world.tick()
    assert "it is not paused" in refusal(world)
    world.say(Verb.PAUSE).tick()
    assert is_paused(world)
    return world


def test_a_refused_word_is_over_also_where_it_would_act_later_at_the_same_place() -> None:
    world = refused_resume()
    for _ in range(5):
        world.tick()
    assert is_paused(world)
    assert answers(world)["resume"] == (CommandOutcome.DENIED, refusal(world))


def test_a_refused_word_that_was_taken_back_and_is_said_again_is_heard_and_the_status_says_so() -> None:
    world = refused_resume()
    text = world.words.pop(Verb.RESUME)
    world.tick()
    assert "resume" not in answers(world)
    world.say(Verb.RESUME).tick()
    assert world.words[Verb.RESUME] == text
    outcome, message = answers(world)["resume"]
    assert (outcome, message) == (
        CommandOutcome.ACCEPTED,
        f"resume {text} accepted in phase Paused: ends a person's pause",
    )
    assert not is_paused(world)


def test_a_word_for_a_place_to_come_is_answered_when_that_place_is_reached() -> None:
    world = _progressing()
    world.words[Verb.PAUSE] = "2/2"
    world.tick()
    assert answers(world) == {}
    until(world, lambda world: bool(world.status.command_results), 60)
    assert answers(world)["pause"][0] is CommandOutcome.ACCEPTED
    assert is_paused(world)


def test_another_word_of_the_same_verb_takes_the_answer_of_the_one_before_away() -> None:
    world = paused_by_a_person()
    world.words[Verb.PAUSE] = "9/9"
    world.tick()
    assert answers(world) == {}
    assert world.status.handled_commands == {}


def test_undo_goes_back_through_the_steps_and_stays_there() -> None:
    world = two_versions_served(bake={"duration": "0s"})
    world.spec = canary(weight(50), pause("1s"))
    world.say(Verb.UNDO)
    until(world, has(50))
    until(world, lambda world: stable(world) == "1")
    for _ in range(5):
        world.tick(30)
    attempt, writes = world.status.attempt, world.writes
    world.tick(3600)
    assert (world.status.attempt, world.writes) == (attempt, writes)
    assert "went back from version 2" in world.status.message
    assert condition(world, "Ready")[0] == "True"
    assert condition(world, "Stalled")[0] == "False"


@pytest.mark.parametrize(
    ("ends", "serves"),
    [
        (lambda world: world.want("3"), "3"),
        (lambda world: world.edit(world.spec), "2"),
        (lambda world: world.say(Verb.RETRY), "2"),
    ],
    ids=["the alias moves", "the spec changes", "retry"],
)
def test_a_hold_ends(ends: Callable[[RolloutWorld], object], serves: str) -> None:
    world = two_versions_served()
    world.say(Verb.UNDO).settle(0.2)
    assert stable(world) == "1"
    ends(world)
    world.settle(0.2)
    assert stable(world) == serves
    assert world.status.hold is None


def test_a_hold_outlasts_a_registry_that_is_away_and_an_alias_that_is_gone() -> None:
    world = two_versions_served()
    world.say(Verb.UNDO).settle(0.2)
    for reason in ("RegistryAway", "AliasNotFound"):
        world.target = Unresolved(reason=reason, message="", permanent=reason == "AliasNotFound")
        world.settle(0.2)
        assert stable(world) == "1"
    world.want("2").settle(0.2)
    assert stable(world) == "1"


def test_a_hold_that_began_while_the_registry_was_away_learns_what_is_named() -> None:
    world = two_versions_served()
    world.target = Unresolved(reason="RegistryAway", message="away")
    world.say(Verb.UNDO).settle(0.2)
    assert stable(world) == "1"
    world.want("2").settle(0.2)
    assert stable(world) == "1"
    assert world.status.hold
    assert world.status.hold.alias_version == "2"
    world.want("3").settle(0.2)
    assert stable(world) == "3"


def test_undo_in_the_bake_goes_back_at_once_and_stays() -> None:
    world = baking()
    world.say(Verb.UNDO).tick(0.2)
    assert asked(world) == {"rev1": 100, "rev2": 0}
    world.settle(0.2)
    assert (last(world).completion, last(world).reason) == (Completion.ABORTED, "Undone")
    attempt = world.status.attempt
    world.tick(3600)
    assert (stable(world), world.status.attempt) == ("1", attempt)


def test_undo_to_a_version_further_back() -> None:
    world = two_versions_served()
    world.want("3").settle(0.2)
    world.say(Verb.UNDO, "1").settle(0.2)
    assert stable(world) == "1"


@pytest.mark.parametrize(
    ("version", "why"),
    [("7", "version 7 is not among those in status.history that served: 2, 1"), ("2", "version 2 serves already")],
)
def test_undo_to_a_version_that_cannot_be_gone_back_to_is_refused(version: str, why: str) -> None:
    world = two_versions_served()
    world.say(Verb.UNDO, version).tick()
    assert why in refusal(world)
    assert world.status.hold is None


def test_undo_of_the_only_version_is_refused() -> None:
    world = RolloutWorld().want("1").settle(0.2)
    world.say(Verb.UNDO).tick()
    assert "no other version that served" in refusal(world)


def test_undo_goes_back_over_more_attempts_that_failed_than_there_are_records_kept() -> None:
    world = two_versions_served(revisionHistoryLimit=3)
    world.edit(canary(weight(50), pause(), analysis=NO_GATES, revisionHistoryLimit=3))
    for version in "3456":
        until(world.want(version), is_paused)
        world.say(Verb.ABORT).settle(0.2)
    assert [record.version for record in world.status.history] == ["6", "2", "1"]
    world.say(Verb.UNDO)
    until(world, is_paused)
    assert world.status.candidate
    assert world.status.candidate.version == "1"


def test_one_record_kept_is_the_newest() -> None:
    world = two_versions_served(revisionHistoryLimit=1)
    world.edit(canary(weight(50), pause(), analysis=NO_GATES, revisionHistoryLimit=1))
    until(world.want("3"), is_paused)
    world.say(Verb.ABORT).settle(0.2)
    assert [record.version for record in world.status.history] == ["3"]


def test_undo_of_a_new_label_for_the_same_bytes_looks_further_back() -> None:
    world = two_versions_served()
    two = world.status.stable
    assert two
    world.target = wanted("3", digest=two.digest, revision=two.revision)
    world.settle(0.2)
    world.say(Verb.UNDO).settle(0.2)
    assert stable(world) == "1"


def test_after_a_lost_status_no_number_is_given_again_and_old_words_do_nothing() -> None:
    world = two_versions_served()
    world.words = {Verb.UNDO: "9/0", Verb.ABORT: "7/2"}
    world.lose_status()
    world.settle(0.2)
    assert stable(world) == "2"
    assert world.status.attempt == 9
    assert said(world, "CommandDenied") == []
    assert answers(world) == {}
    world.want("3").settle(0.2)
    assert world.status.attempt == 10


def test_two_words_at_once_are_taken_one_after_the_other() -> None:
    world = paused_by_a_step()
    world.say(Verb.ABORT).say(Verb.PAUSE).tick(0.2)
    assert "being rolled back" in refusal(world)
    world.settle(0.2)
    assert last(world).completion is Completion.ABORTED


def test_spec_paused_outranks_promote() -> None:
    world = paused_by_a_step()
    world.edit(canary(weight(5), pause(), weight(50), analysis=NO_GATES, paused=True)).tick()
    world.say(Verb.PROMOTE).tick()
    assert "spec.paused" in refusal(world)
