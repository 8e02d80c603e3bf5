"""A status that another controller wrote, older or newer, is read, and nothing of it is lost that matters."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.crd import custom_resource_definition
from penstock_contracts.api.status import LONGEST_ANSWER, CommandOutcome, Completion, ModelDeploymentStatus, Phase
from penstock_contracts.verbs import Verb
from penstock_testing.rollout_scenes import canary, is_paused, last, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import weight

OLDER: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "data/statuses/before-verbs.json").read_text()
)
"""Phase to a status that a controller wrote which knew no verbs, no write-back and no autoscaling."""


def dumped(status: ModelDeploymentStatus) -> dict[str, Any]:
    content: dict[str, Any] = status.model_dump(mode="json", exclude_none=True)
    return content


def missing(old: Any, new: Any, path: str = "status") -> list[str]:
    """What stands in the old one and not in the new one."""
    if isinstance(old, dict):
        return [gone for key, value in old.items() for gone in missing(value, (new or {}).get(key), f"{path}.{key}")]
    if isinstance(old, list):
        new = new or []
        pairs = zip(old, [*new, *[None] * (len(old) - len(new))], strict=False)
        return [gone for number, pair in enumerate(pairs) for gone in missing(*pair, f"{path}[{number}]")]
    return [] if old == new else [path]


@pytest.mark.parametrize("phase", OLDER)
def test_a_status_of_an_older_controller_is_kept_whole(phase: str) -> None:
    old = OLDER[phase]
    status = ModelDeploymentStatus.model_validate(old)
    assert status.phase == phase
    assert missing(old, dumped(status)) == []


def test_the_older_statuses_are_of_every_phase_that_names_something() -> None:
    assert OLDER.keys() | {Phase.PENDING} == {phase.value for phase in Phase}  # which says nothing but that


def strangers(node: Any) -> Any:
    """The same with a field in every object that nobody here knows."""
    if isinstance(node, dict):
        return {key: strangers(value) for key, value in node.items()} | {"ofANewerOne": {"deep": [1]}}
    return [strangers(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("phase", OLDER)
def test_fields_of_a_newer_controller_are_let_pass(phase: str) -> None:
    maps = ("readings", "handledCommands", "commandResults")
    newer = {key: value for key, value in strangers(OLDER[phase]).items() if key not in maps}
    known = json.loads(json.dumps(newer), object_hook=lambda item: _without_maps(item, maps))
    assert dumped(ModelDeploymentStatus.model_validate(known)) == dumped(
        ModelDeploymentStatus.model_validate(
            json.loads(json.dumps(OLDER[phase]), object_hook=lambda item: _without_maps(item, maps))
        )
    )


def _without_maps(item: dict[str, Any], maps: tuple[str, ...]) -> dict[str, Any]:
    """Maps have names of their own for keys: a stranger there is none."""
    return {key: value for key, value in item.items() if key not in maps}


def test_words_of_a_newer_controller_stop_nothing_and_its_records_stay() -> None:
    newer = json.loads(json.dumps(OLDER["Healthy"]))
    newer["phase"] = "Meditating"
    newer["history"][0]["completion"] = "Sublimated"
    status = ModelDeploymentStatus.model_validate(newer)
    assert dumped(status)["history"][0]["completion"] == "Sublimated"
    assert status.history[0].completion not in set(Completion)
    assert status.phase is Phase.PENDING


def test_a_word_that_an_older_controller_dealt_with_is_over_and_nothing_is_made_up_of_it() -> None:
    """It remembered words alone."""
    world = on_trial(canary(weight(5), pause()))
    until(world, is_paused)
    world.say(Verb.PAUSE)
    world.status = ModelDeploymentStatus.model_validate(dumped(world.status) | {"handledCommands": {"pause": "2/1"}})
    world.tick()
    assert world.words[Verb.PAUSE] == "2/1"
    assert (world.status.handled_commands, world.status.command_results) == ({"pause": "2/1"}, {})
    assert world.status.candidate
    assert not world.status.candidate.paused


def test_what_a_newer_controller_made_of_a_word_stops_no_pass_and_stays() -> None:
    world = on_trial(canary(weight(5), pause()))
    until(world, is_paused)
    answered = {
        "handledCommands": {"pause": "2/1"},
        "commandResults": {"pause": {"outcome": "Postponed", "message": "till noon"}},
    }
    world.say(Verb.PAUSE)
    world.status = ModelDeploymentStatus.model_validate(dumped(world.status) | answered)
    world.tick()
    assert dumped(world.status)["commandResults"] == answered["commandResults"]
    assert world.status.command_results["pause"].outcome not in set(CommandOutcome)


def test_an_outcome_that_is_not_known_here_is_let_pass_by_the_api_server_too() -> None:
    versions = custom_resource_definition()["spec"]["versions"]
    status = versions[0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    answer = status["commandResults"]["additionalProperties"]["properties"]
    assert "enum" not in answer["outcome"]
    assert answer["message"]["maxLength"] == LONGEST_ANSWER


def test_a_rollout_that_an_older_controller_began_is_ended_by_this_one() -> None:
    """Its status knows nothing of what is new; all that is new has a value for that."""
    world = on_trial(spec())
    until(world, lambda world: world.status.candidate is not None)
    fields = ("handledCommands", "commandResults", "upgradeFailure", "hold", "minPods", "registryWrite")
    old = {key: value for key, value in dumped(world.status).items() if key not in fields}
    old["stable"].pop("generation")
    world.status = ModelDeploymentStatus.model_validate(old)
    world.settle()
    assert _served(world) == "2"
    assert last(world).completion is Completion.PROMOTED
    assert world.lost == 0


def _served(world: RolloutWorld) -> str:
    assert world.status.stable
    return world.status.stable.version
