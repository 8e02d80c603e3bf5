"""How long an attempt is likely to take at the rate of requests that is seen, and how long it may wait for that."""

import math
from dataclasses import dataclass

from penstock_contracts.api import duration
from penstock_contracts.api.status import Forecast, ModelDeploymentStatus
from penstock_contracts.api.strategy import Pause
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
    seconds = seconds_at(context, rate)
    if seconds is None:
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


def _requests_per_second(status: ModelDeploymentStatus) -> float:
    """0: not known, or nobody asks."""
    evidence = status.evidence
    if evidence is None or evidence.attempt != status.attempt or evidence.asked_since is None:
        return 0.0
    seconds = seconds_since(evidence.asked_since, moment(evidence.taken_at))
    return evidence.asked / seconds if evidence.asked >= _FEWEST and seconds > 0 else 0.0


@dataclass
class _SamplesSoFar:
    """What a gate has got."""

    samples: float = 0.0
    replayed: float = 0.0
    """Of these, by recorded requests."""

    def add(self, flow: "_Flow", seconds: float) -> None:
        """Get what comes in that time."""
        replayed = min(flow.left, flow.rate * seconds)
        self.replayed += replayed
        self.samples += replayed + flow.pace * seconds


@dataclass(frozen=True, kw_only=True)
class _Flow:
    """What brings a gate samples while a step lasts."""

    pace: float
    """Samples a second by users' requests."""
    rate: int
    """By recorded requests."""
    left: float
    """Recorded requests that it has not got."""

    def seconds_until(self, wanted: float) -> float:
        """Until so many came; infinite: they never do."""
        if wanted <= 0:
            return 0.0
        seconds = wanted / (self.pace + self.rate) if self.left else math.inf
        if seconds * self.rate <= self.left:
            return seconds
        return (wanted - self.left) / self.pace if self.pace else math.inf


def seconds_at(context: RolloutContext, rate: float) -> float | None:
    """From the beginning to the promotion of a candidate like stable, at so many requests a second.

    None: no gate can say how many samples it needs, or one of them never gets them.
    """
    steps = steps_of(context.spec.strategy)
    gates = [gate for gate in verdicts.deciding(context) if gate.min_step_samples or _need(context, gate, 0.5)]
    if not gates:
        return None
    gathered = {gate: _SamplesSoFar() for gate in gates}
    total = sum(_step(context, gathered, index, step.pause, rate) for index, step in enumerate(steps) if step.pause)
    total += _rest(context, gathered, setting_at(steps, len(steps)), rate)
    return total if math.isfinite(total) else None


def _step(context: RolloutContext, gathered: dict[Gate, _SamplesSoFar], step: int, pause: Pause, rate: float) -> float:
    """Seconds that a step with a pause lasts; what it brings is added to what was gathered."""
    setting = setting_at(steps_of(context.spec.strategy), step)
    flows = _flows(context, gathered, setting, rate)
    waits = (flow.seconds_until(_wanted(context, gate, step, gathered[gate], flow)) for gate, flow in flows.items())
    seconds = max([duration.seconds(pause.duration) if pause.duration else 0.0, *waits])
    for gate, flow in flows.items():
        gathered[gate].add(flow, seconds)
    return seconds


def _flows(
    context: RolloutContext, gathered: dict[Gate, _SamplesSoFar], setting: Setting, rate: float
) -> dict[Gate, _Flow]:
    """Of the gates whose samples are requests of this step."""
    conditions, share = context.conditions(setting), _share(setting)
    found: dict[Gate, _Flow] = {}
    for gate, got in gathered.items():
        replay = gate.replayed(conditions)
        if gate.gathers(conditions) and (share or replay):
            left = max(0.0, replay.max_requests - got.replayed) if replay else 0.0
            pace = rate * share * gate.samples_per_request(context.spec)
            found[gate] = _Flow(pace=pace, rate=replay.rate if replay else 0, left=left)
    return found


def _wanted(context: RolloutContext, gate: Gate, step: int, got: _SamplesSoFar, flow: _Flow) -> float:
    """Samples that a step must bring: all that are missing, where no later one brings any."""
    missing = _need(context, gate, 0.5) - got.samples
    later = verdicts.gathers_later(context, gate, step)
    if flow.left and not flow.pace:
        # Recorded requests alone: until the gate has decided, or there are no more.
        return max(0.0, min(missing, flow.left) if later else missing)
    return gate.min_step_samples if later else max(gate.min_step_samples, missing)


def _rest(context: RolloutContext, gathered: dict[Gate, _SamplesSoFar], last: Setting, rate: float) -> float:
    """Seconds after the last step until every gate has passed."""
    flows = _flows(context, gathered, last, rate)
    share = _share(last)
    missing = {gate: _need(context, gate, share) - gathered[gate].samples for gate in flows}
    return max([0.0, *(flow.seconds_until(missing[gate]) for gate, flow in flows.items() if missing[gate] > 0)])


def _share(setting: Setting) -> float:
    """Of the users' requests, how many bring a sample."""
    return max(setting.weight, setting.mirror) / EVERYTHING


def _need(context: RolloutContext, gate: Gate, share: float) -> float:
    return verdicts.samples_to_pass(context, gate, min(max(share, 0.01), 0.99)) or 0


def _message(context: RolloutContext, rate: float, seconds: float) -> str:
    pace = f"at {rate:.3g} requests a second" if rate >= 1 else f"at {60 * rate:.3g} requests a minute"
    by = pace if rate else "by recorded requests alone"
    told = f"{by} a good version takes about {_in_words(seconds)} until promotion{_awaited(context)}"
    if seconds <= _LONG:
        return told
    last = setting_at(steps_of(context.spec.strategy), len(steps_of(context.spec.strategy)))
    ways = (gate.how_to_need(int(rate * _share(last) * _LONG / 2)) for gate in verdicts.deciding(context))
    margins = [
        f"{{name: {gate.name}, {way}}}" for gate, way in zip(verdicts.deciding(context), ways, strict=True) if way
    ]
    shorter = f"write spec.analysis.gates: [{', '.join(margins)}], or " if margins else "write "
    return f"{told}; if that is too long, {shorter}spec.analysis: {{gates: []}} if nothing needs to be proven"


def _awaited(context: RolloutContext) -> str:
    """Gates for which the attempt waits as long as they say, whatever the rate."""
    gates = [
        f"{gate.name} ({_in_words(gate.deadline)} at most)" for gate in verdicts.deciding(context) if gate.deadline
    ]
    return f", not counting what it waits for {' and '.join(gates)}" if gates else ""


def _in_words(seconds: float) -> str:
    if seconds < 5400:  # noqa: PLR2004 - an hour and a half
        return f"{max(1, round(seconds / 60))}m"
    return f"{seconds / 3600:.2g}h"
