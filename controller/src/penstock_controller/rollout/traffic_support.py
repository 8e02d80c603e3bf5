"""What a spec asks of the traffic provider that it cannot do: left out of every split, and told in a condition."""

from collections.abc import Iterator

from penstock_contracts.api.reasons import Reason
from penstock_controller.gates.evidence import ComparedLatencies, ComparedTries, LabelledPairs, PairedOutputs
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.steps import matches_of, steps_of

SUPPORTED = "TrafficSupported"
"""The condition that says whether the traffic provider can do what the spec asks for."""
_COUNTED = {ComparedTries, ComparedLatencies}
_PAIRED = {PairedOutputs, LabelledPairs}


def judgement(context: RolloutContext) -> ConditionState | None:
    """The condition; None: the provider can do all of it, which nobody needs to be told."""
    found = tuple(_shortfalls(context))
    if not found:
        return None
    message = "the traffic provider of this installation cannot do all that is asked for: " + "; ".join(found)
    return ConditionState(type=SUPPORTED, status=False, reason=Reason.TRAFFIC_NOT_SUPPORTED, message=message)


def _shortfalls(context: RolloutContext) -> Iterator[str]:
    """Which field asks for what is left out, and what that means for users."""
    able, strategy = context.observation.capabilities, context.spec.strategy
    mirrors = [index for index, step in enumerate(steps_of(strategy)) if step.set_mirror and step.set_mirror.percentage]
    if mirrors and not able.mirror:
        fields = ", ".join(f"spec.strategy.canary.steps[{index}].setMirror" for index in mirrors)
        yield f"{fields}: no request is copied, and the candidate answers nobody in this step"
    if strategy.canary and strategy.canary.stickiness and not able.stickiness:
        yield "spec.strategy.canary.stickiness: a user may get another version with each request"
    elif strategy.canary and strategy.canary.stickiness and not able.mirror:
        yield "spec.strategy.canary.stickiness: no request is copied, so versions are compared on different users"
    if matches_of(strategy) and not able.header_match:
        field = "blueGreen" if strategy.blue_green else "canary"
        yield f"spec.strategy.{field}.match: requests with these headers are routed by weight, like all others"
    if not able.rescue:
        yield "a try that fails at a candidate is not repeated on stable: users get its failures"
    copying = [gate.name for gate in context.gates if not _PAIRED.isdisjoint(gate.needs) and not gate.dry_run]
    replays = any(step.set_replay for step in steps_of(strategy))
    if copying and not able.mirror and not replays:
        yield (
            f"spec.analysis.gates: no request is copied, which {', '.join(copying)} needs: no version is promoted by "
            "itself; take it out of the list"
        )
    blind = [gate.name for gate in context.gates if not _COUNTED.isdisjoint(gate.needs) and not gate.dry_run]
    if blind and not able.evidence:
        yield (
            f"spec.analysis.gates: tries are not counted, which {', '.join(blind)} needs: no version is promoted by "
            "itself; write spec.analysis: {gates: []} if nothing needs to be proven"
        )
