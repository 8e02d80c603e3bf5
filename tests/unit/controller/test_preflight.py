"""The gate `preflight`: what is not compatible with the version that serves never gets a pod."""

from penstock_contracts.api.status import AttemptStage, Completion, Phase
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout.decision import CreateWorkload
from penstock_testing.model_cards import a_card
from penstock_testing.rollout_scenes import canary, condition, last, pause, stable
from penstock_testing.rollout_world import RolloutWorld, wanted
from penstock_testing.strategies import weight

OTHER_INPUT = a_card(inputs=[("features", "FP32", (-1, 3))])


def serving(*gates: dict[str, object]) -> RolloutWorld:
    """Version 1 serves; its input is `x`."""
    analysis = {"interval": "1s", "gates": [{"name": "preflight"}, *gates]}
    world = RolloutWorld(spec=canary(weight(50), pause("1s"), analysis=analysis)).want("1").settle(0.2)
    world.actions.clear()
    world.announcements.clear()
    return world


def test_a_version_with_another_input_never_gets_a_pod_and_stable_goes_on_serving() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    assert not [action for action in world.actions if isinstance(action, CreateWorkload)]
    assert (stable(world), world.status.phase, world.lost) == ("1", Phase.HEALTHY, 0)
    assert "input 'x' is named 'features' now" in world.status.message
    record = last(world)
    assert (record.completion, record.reason) == (Completion.REFUSED, "PreflightFailed")
    (gate,) = record.gates
    assert (gate.name, gate.stage, gate.verdict, gate.reason) == (
        "preflight",
        AttemptStage.PREFLIGHT,
        Verdict.FAIL,
        "Incompatible",
    )
    assert condition(world, "Stalled") == ("True", "PreflightFailed")
    assert condition(world, "Ready") == ("True", "Serving")
