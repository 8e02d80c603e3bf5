"""The statuses in docs/maintainer/rollout-states.md: one rollout, phase by phase. `make screens` writes them."""

import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from penstock_contracts.api.status import ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.verbs import Verb
from penstock_testing.rollout_scenes import has, is_paused, until
from penstock_testing.rollout_world import RolloutWorld

PAGE = Path(__file__).parents[4] / "docs" / "maintainer" / "rollout-states.md"
SPEC = re.compile(r"^```yaml\n(spec:\n.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(?<=<!-- status: )(\w+)( -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
CONDITIONS = ("Ready", "Reconciling", "Stalled")
POINTERS = ("stable", "candidate", "previous")


def page_spec() -> ModelDeploymentSpec:
    """The resource that the page begins with."""
    (text,) = SPEC.findall(PAGE.read_text())
    return ModelDeploymentSpec.model_validate(yaml.safe_load(text)["spec"])


def _in(world: RolloutWorld, phase: Phase) -> RolloutWorld:
    return until(world, lambda world: world.status.phase is phase)


def walk() -> Iterator[RolloutWorld]:
    """The world in each phase, one after the other."""
    world = RolloutWorld(spec=page_spec(), requests=10)
    world.tick()
    yield deepcopy(world)
    world.want("1").broken = {"rev1"}
    yield deepcopy(_in(world, Phase.INITIALIZING))
    world.broken.clear()
    yield deepcopy(_in(world, Phase.HEALTHY))
    served = deepcopy(world)
    world.want("2")
    yield deepcopy(until(world, has(25)))
    yield deepcopy(until(world, is_paused))
    fails = deepcopy(world)
    world.say(Verb.PROMOTE).silent = {"gw-1"}
    _in(world, Phase.PROMOTING).tick()  # once more: then the message names who is silent
    yield deepcopy(world)
    world.silent.clear()
    yield deepcopy(_in(world, Phase.BAKING))
    fails.failing = {"rev2": 0.5}
    yield deepcopy(_in(fails, Phase.ROLLING_BACK))
    served.broken = {"rev1"}
    yield _in(served, Phase.DEGRADED)


def excerpt(status: ModelDeploymentStatus) -> str:
    """What matters to the engine and to a reader, as YAML."""
    whole = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    lines = [f"  {name}: {_flow(whole[name])}" for name in ("phase", "reason", "message")]
    lines.append("  conditions:")
    found = {each["type"]: each for each in whole["conditions"]}
    lines += [f"    - {_flow(_part(found[kind], 'type', 'status', 'reason'))}" for kind in CONDITIONS]
    lines += [f"  {name}: {_flow(_pointer(whole[name]))}" for name in POINTERS if name in whole]
    traffic = whole.get("traffic", {})
    lines += ["  traffic:"] if traffic else []
    lines += [f"    {name}: {_flow(_split(traffic[name]))}" for name in ("desired", "applied") if name in traffic]
    gates = [_flow(_part(gate, "name", "stage", "verdict")) for gate in whole["gates"]]
    lines += ["  gates:", *(f"    - {gate}" for gate in gates)] if gates else []
    return "\n".join(("```yaml", "status:", *lines, "```", ""))


def _pointer(whole: Mapping[str, Any]) -> dict[str, Any]:
    pointer = _part(whole, "version", "revision", "step", "weight")
    return {**pointer, "ending": _part(whole["ending"], "completion", "reason")} if "ending" in whole else pointer


def _part(whole: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}


def _split(split: Mapping[str, Any]) -> dict[str, Any]:
    backends = [_part(backend, "revision", "weight") for backend in split["backends"]]
    return {"number": split["number"], "backends": backends, **_part(split, "rescue", "mirror")}


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def test_the_pages_statuses_are_what_the_engine_says() -> None:
    shown = {world.status.phase.value: excerpt(world.status) for world in walk()}
    page = PAGE.read_text()
    assert [phase for phase, *_ in SHOWN.findall(page)] == list(shown) == [phase.value for phase in Phase]
    anew = SHOWN.sub(lambda found: found[1] + found[2] + shown[found[1]] + found[4], page)
    if os.environ.get("PENSTOCK_UPDATE_SCREENS"):
        PAGE.write_text(anew)
    assert PAGE.read_text() == anew, "run `make screens`"
