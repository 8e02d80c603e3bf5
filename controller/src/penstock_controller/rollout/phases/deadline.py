"""The clock of spec.progressDeadline: it runs while something is waited for that ought to come by itself."""

from dataclasses import replace

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Candidate, Completion, Ending
from penstock_contracts.base import evolve
from penstock_controller.rollout import forecast
from penstock_controller.rollout.context import RolloutContext, Transition
from penstock_controller.rollout.phases import rolling_back
from penstock_controller.rollout.timestamps import seconds_since, stamp


def run(context: RolloutContext, step: Transition) -> Transition:
    """Run the clock of spec.progressDeadline, or stop it. When it is over, the candidate is taken away."""
    candidate, now = step.status.candidate, context.observation.now
    if candidate is None or candidate.promoting:
        return step
    spent = candidate.waited_seconds
    spent += int(seconds_since(candidate.waiting_since, now)) if candidate.waiting_since else 0
    if not step.spends:
        return _with_candidate(step, evolve(candidate, waited_seconds=spent, waiting_since=None))
    deadline = forecast.deadline(context)
    if spent > deadline:
        message = f"after {in_words(deadline)} of waiting (spec.progressDeadline): {step.spends}"
        ending = Ending(completion=Completion.ROLLED_BACK, reason=Reason.PROGRESS_DEADLINE_EXCEEDED, message=message)
        return rolling_back.begin(context, candidate, ending)
    since = candidate.waiting_since or stamp(now)
    return _with_candidate(step, evolve(candidate, waiting_since=since))


def _with_candidate(step: Transition, candidate: Candidate) -> Transition:
    return replace(step, status=evolve(step.status, candidate=candidate))


def in_words(seconds: float) -> str:
    """A length of time as durations are written, to the second."""
    hours, minutes, rest = int(seconds // 3600), int(seconds % 3600 // 60), int(seconds % 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
