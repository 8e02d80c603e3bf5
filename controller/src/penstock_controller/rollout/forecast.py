"""How long an attempt is likely to take at the rate of requests that is seen, and how long it may wait for that."""

from penstock_contracts.api import duration
from penstock_contracts.api.status import Forecast, ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_controller.gates.gate import Gate
from penstock_controller.rollout import verdicts
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.steps import EVERYTHING, Setting, setting_at, steps_of
from penstock_controller.rollout.timestamps import moment, seconds_since

_FEWEST = 3
"""Requests before a rate is known."""
_SHORTEST = 600.0
_LONGEST = 86400.0
"""Seconds within which a deadline is that nobody wrote."""
_PATIENCE = 3
"""Times the forecast."""
_TOLD_AGAIN = 1.5
"""A forecast that changed by less than this factor is not told again."""
_LONG = 900
"""Seconds beyond which it is said what to write."""


def update(context: RolloutContext) -> ModelDeploymentStatus:
    """The status with a forecast in it, as soon as a rate is known, and another one when that has changed."""
    status, candidate = context.status, context.status.candidate
    if candidate is None or status.stable is None or candidate.ending or candidate.promoting:
        return status
    if context.observation.evidence is None:
        return status  # nothing was read: nothing is known better
    rate = _requests_per_second(status)
    seconds = seconds_at(context, rate) if rate else None
    if not rate or seconds is None:
        return status
    known = candidate.forecast
    if known and 1 / _TOLD_AGAIN < seconds / max(1, known.seconds) < _TOLD_AGAIN:
        return status
    found = Forecast(
        requests_per_second=float(f"{rate:.3g}"), seconds=round(seconds), message=_message(context, rate, seconds)
    )
    return evolve(status, candidate=evolve(candidate, forecast=found))


def deadline(context: RolloutContext) -> float:
    """Seconds that the attempt may wait in all."""
    written = context.spec.progress_deadline
    if written is not None:
        return duration.seconds(written)
    candidate = context.status.candidate
    likely = candidate.forecast.seconds if candidate and candidate.forecast else 0
    interval = duration.seconds(context.spec.analysis.interval)
    return min(_LONGEST, max(_SHORTEST, _PATIENCE * likely, _PATIENCE * interval))


def _requests_per_second(status: ModelDeploymentStatus) -> float | None:
    evidence = status.evidence
    if evidence is None or evidence.attempt != status.attempt or evidence.asked_since is None:
        return None
    seconds = seconds_since(evidence.asked_since, moment(evidence.taken_at))
    return evidence.asked / seconds if evidence.asked >= _FEWEST and seconds > 0 else None


def seconds_at(context: RolloutContext, rate: float) -> float | None:
    """From the beginning to the promotion of a candidate like stable, at so many requests a second.

    None: no gate can say how many samples it needs, or none of them gathers any in the last step.
    """
    steps = steps_of(context.spec.strategy)
    gates = [gate for gate in verdicts.deciding(context) if gate.min_step_samples or _need(context, gate, 0.5)]
    if not gates or not rate:
        return None
    total, samples = 0.0, dict.fromkeys(gates, 0.0)
    for index, step in enumerate(steps):
        if step.pause is None:
            continue
        setting = setting_at(steps, index)
        gathering = [gate for gate in gates if gate.gathers(context.conditions(setting))]
        paces = {gate: rate * _share(setting) * gate.samples_per_request(context.spec) for gate in gathering}
        shortest = duration.seconds(step.pause.duration) if step.pause.duration else 0.0
        wanted = {gate: _wanted(context, gate, index, samples[gate]) for gate in gathering}
        seconds = max([shortest, *(wanted[gate] / pace for gate, pace in paces.items() if pace)])
        total += seconds
        for gate, pace in paces.items():
            samples[gate] += pace * seconds
    return total + _rest(context, samples, setting_at(steps, len(steps)), rate)


def _wanted(context: RolloutContext, gate: Gate, step: int, seen: float) -> float:
    """Samples that a step must bring: all that are missing, where no later one brings any."""
    if verdicts.gathers_later(context, gate, step):
        return gate.min_step_samples
    return max(gate.min_step_samples, _need(context, gate, 0.5) - seen)


def _rest(context: RolloutContext, samples: dict[Gate, float], last: Setting, rate: float) -> float:
    """Seconds after the last step until every gate has passed."""
    share = _share(last)
    if not share:
        return 0.0
    waits = (
        (_need(context, gate, share) - seen) / (rate * share * gate.samples_per_request(context.spec))
        for gate, seen in samples.items()
        if gate.gathers(context.conditions(last))
    )
    return max([0.0, *waits])


def _share(setting: Setting) -> float:
    """Of the users' requests, how many bring a sample."""
    return max(setting.weight, setting.mirror) / EVERYTHING


def _need(context: RolloutContext, gate: Gate, share: float) -> float:
    return verdicts.samples_to_pass(context, gate, min(max(share, 0.01), 0.99)) or 0


def _message(context: RolloutContext, rate: float, seconds: float) -> str:
    pace = f"{rate:.3g} requests a second" if rate >= 1 else f"{60 * rate:.3g} requests a minute"
    told = f"at {pace} a good version takes about {_in_words(seconds)} until promotion"
    if seconds <= _LONG:
        return told
    last = setting_at(steps_of(context.spec.strategy), len(steps_of(context.spec.strategy)))
    ways = (gate.how_to_need(int(rate * _share(last) * _LONG / 2)) for gate in verdicts.deciding(context))
    margins = [
        f"{{name: {gate.name}, {way}}}" for gate, way in zip(verdicts.deciding(context), ways, strict=True) if way
    ]
    shorter = f"write spec.analysis.gates: [{', '.join(margins)}], or " if margins else "write "
    return f"{told}; if that is too long, {shorter}spec.analysis: {{gates: []}} if nothing needs to be proven"


def _in_words(seconds: float) -> str:
    if seconds < 5400:  # noqa: PLR2004 - an hour and a half
        return f"{max(1, round(seconds / 60))}m"
    return f"{seconds / 3600:.2g}h"
