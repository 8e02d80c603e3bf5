"""What the gates of an attempt say. Nothing here knows which gates there are, or how one of them judges.

What a gate has seen stands in status; a new stage, or another configuration of the gate, begins a new test.
"""

from dataclasses import dataclass

from penstock_contracts.api.analysis import OnInconclusive
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import (
    AttemptStage,
    Completion,
    Ending,
    EvidenceStatus,
    GateResult,
    GateStatus,
    ModelDeploymentStatus,
)
from penstock_contracts.base import evolve
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import (
    ComparedCards,
    ComparedLatencies,
    ComparedTries,
    Evidence,
    MissingEvidence,
)
from penstock_controller.gates.gate import Gate, GateMemory
from penstock_controller.rollout import attempt_course, evidence, reading_times, sick_pods
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.observation import Wanted
from penstock_controller.rollout.steps import Setting, setting_at, steps_of
from penstock_controller.rollout.timestamps import moment, seconds_since

_NO_COUNTERS = MissingEvidence(
    # That promotes nothing, and is no fault of the candidate.
    verdict=Verdict.ERROR,
    reason=Reason.EVIDENCE_UNREADABLE,
    message="no gateway pod answered when its counters were asked for",
)
_NOT_COUNTED = MissingEvidence(
    verdict=Verdict.ERROR,
    reason=Reason.EVIDENCE_NOT_SUPPORTED,
    message="the traffic provider of this installation does not count tries",
)

_NO_GATES = "write spec.analysis: {gates: []} if nothing needs to be proven"

_REPLAY_ENDED = {Reason.REPLAY_OVER, Reason.COLUMNS_NOT_RECORDED, Reason.NOTHING_RECORDED}

_NO_CARDS = MissingEvidence(
    verdict=Verdict.ERROR, reason=Reason.NO_EVIDENCE, message="the model store was not asked for both versions yet"
)


@dataclass(frozen=True)
class Shortage:
    """What keeps an attempt from going on."""

    gate: Gate
    why: str


def judge(context: RolloutContext) -> ModelDeploymentStatus:
    """The status with this pass's evidence in it: read once, judged by every gate."""
    status, readings, now = context.status, context.observation.evidence, context.observation.now
    if readings is None:
        return status
    before, workloads = status.evidence, tuple(context.observation.workloads.values())
    if before is None or before.attempt != status.attempt:
        course = attempt_course.begun(status, now)
        return evolve(status, evidence=evidence.first_reading(status, readings, workloads, now), course=course)
    stage, interval = evidence.stage_of(status), evidence.interval_of(status, before, readings, workloads, now)
    latencies = evidence.compared_latencies(status, readings, context.timeout)
    counted = (interval.compared, latencies) if readings else ()
    uncounted = _NO_COUNTERS if context.observation.capabilities.evidence else _NOT_COUNTED
    missing = {**context.observation.not_measured, ComparedTries: uncounted, ComparedLatencies: uncounted}
    gathered = Evidence(parts=(*counted, *context.observation.measured), missing=missing)
    judged = tuple(
        _judge_gate(gate, _standing(status, gate, stage), gathered, delayed=_is_delayed(gate, before))
        for gate in context.gates
    )
    return evolve(
        status,
        evidence=evidence.next_reading(status, before, interval, now, _edges(context.gates, judged)),
        gates=(*(gate for gate in status.gates if gate.stage is not stage), *judged),
        course=attempt_course.with_reading(status, judged, now),
    )


def _edges(gates: tuple[Gate, ...], judged: tuple[GateStatus, ...]) -> tuple[int, ...]:
    """Where latencies of the next interval are counted."""
    asked = (gate.edges(found.state) for gate, found in zip(gates, judged, strict=True))
    return tuple(sorted({edge for edges in asked for edge in edges}))


def _is_delayed(gate: Gate, before: EvidenceStatus) -> bool:
    """Whether the interval began within the gate's initialDelay: a version that warms up is not judged by that."""
    if not gate.initial_delay:
        return False
    if before.since is None:
        return True
    return seconds_since(before.since, moment(before.taken_at)) < gate.initial_delay


def turned_by(status: ModelDeploymentStatus, gates: tuple[Gate, ...], part: object) -> bool:
    """Whether this part of the evidence, by itself, gives a gate that needs only it another verdict than it has."""
    before = status.evidence
    if before is None or before.attempt != status.attempt or not reading_times.gathering(status):
        return False
    found, stage = Evidence(parts=(part,)), evidence.stage_of(status)
    asking = (gate for gate in gates if gate.needs == (type(part),))
    standing = ((gate, _standing(status, gate, stage)) for gate in asking)
    return any(
        _judge_gate(gate, known, found, delayed=_is_delayed(gate, before)).verdict is not known.verdict
        for gate, known in standing
    )


def _standing(status: ModelDeploymentStatus, gate: Gate, stage: AttemptStage) -> GateStatus:
    """What a gate said last. One that was edited a moment ago has seen nothing."""
    for one in status.gates:
        if (one.name, one.stage, one.config) == (gate.name, stage, gate.config):
            return evolve(one, dry_run=gate.dry_run or None, min_samples=gate.min_samples)
    return GateStatus(
        name=gate.name,
        stage=stage,
        config=gate.config,
        min_samples=gate.min_samples,
        dry_run=gate.dry_run or None,
        verdict=Verdict.INCONCLUSIVE,
        reason=Reason.NO_EVIDENCE,
        message="no evidence yet",
    )


def _judge_gate(gate: Gate, before: GateStatus, gathered: Evidence, *, delayed: bool) -> GateStatus:
    if delayed:
        message = f"nothing is counted for {gate.initial_delay:g} s after the first request (initialDelay)"
        return evolve(before, verdict=Verdict.INCONCLUSIVE, reason=Reason.INITIAL_DELAY, message=message)
    judgement = gate.judge(gathered, _memory(before))
    new = max(0, judgement.seen.samples - before.samples)
    return evolve(
        before,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        samples=judgement.seen.samples,
        step_samples=before.step_samples + new,
        figures=judgement.seen.figures,
        bounds=judgement.seen.bounds,
        query=judgement.seen.query,
        state=judgement.seen.state,
    )


def _memory(seen: GateStatus) -> GateMemory:
    return GateMemory(
        samples=seen.samples, figures=seen.figures, bounds=seen.bounds, query=seen.query, state=seen.state
    )


def preflight(context: RolloutContext, wanted: Wanted) -> GateStatus | None:
    """What is to be said of a version before a pod of it starts; None: nothing is asked of it.

    Nothing is of the bytes that serve already, nor of a version that a person went back to.
    """
    status, stable = context.status, context.status.stable
    if context.preflight is None or status.hold or (stable and stable.digest == wanted.digest):
        return None
    judgement = context.preflight.judge(_cards(context, wanted), wanted.version)
    return GateStatus(
        name=context.preflight.entry.name,
        stage=AttemptStage.PREFLIGHT,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        figures=judgement.seen.figures,
        dry_run=context.preflight.entry.dry_run or None,
    )


def _cards(context: RolloutContext, wanted: Wanted) -> Evidence:
    """The cards of these two versions. Where a status was lost, this pass has asked before it knew what serves."""
    stable, observation = context.status.stable, context.observation
    digests = (wanted.digest, stable.digest if stable else None)
    for part in observation.measured:
        if isinstance(part, ComparedCards):
            served = part.stable.digest if part.stable else None
            if (part.candidate.digest, served) == digests:
                return Evidence(parts=(part,))
    return Evidence(missing={ComparedCards: observation.not_measured.get(ComparedCards, _NO_CARDS)})


def begin_step(status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """A step is reached: what came before it is none of its samples."""
    return evolve(status, gates=tuple(evolve(gate, step_samples=0) for gate in status.gates))


def shown_worse(context: RolloutContext, where: str = "") -> Ending | None:
    """The end that the version's failed gate or its sick pods call for; None: neither does.

    `where`: begins the message.
    """
    gate = _first_failure(context.status)
    if gate:
        message = f"{where}{gate.name}: {gate.message}"
        return Ending(completion=Completion.ROLLED_BACK, reason=Reason.GATE_FAILED, message=message)
    fault = _pods_at_fault(context)
    if not fault:
        return None
    return Ending(completion=Completion.ROLLED_BACK, reason=Reason.PODS_KEEP_FAILING, message=f"{where}{fault}")


def _first_failure(status: ModelDeploymentStatus) -> GateStatus | None:
    """The first gate that fails; None: none does. A gate in dry run fails nobody."""
    return next((gate for gate in status.gates if gate.verdict is Verdict.FAIL and not gate.dry_run), None)


def _pods_at_fault(context: RolloutContext) -> str:
    """Why the version that is judged is to blame for its sick pods; empty: it is not, or no gate asks for failures."""
    asked = any(ComparedTries in gate.needs for gate in deciding(context))
    return sick_pods.fault(context.status) if asked else ""


def in_words(status: ModelDeploymentStatus, stage: AttemptStage) -> str:
    """What the gates of a stage say, in a word each, to be put behind a sentence."""
    return "".join(f"; {gate.name}: {gate.verdict}" for gate in status.gates if gate.stage is stage)


def undecided(context: RolloutContext) -> tuple[Shortage, ...]:
    """The gates that have not passed, and why."""
    return tuple(Shortage(gate, f"{gate.name}: {seen.message}") for gate, seen in _undecided(context))


def may_promote(context: RolloutContext) -> bool:
    """Whether each gate has passed, or cannot say and promotes then, once it has seen enough of one that serves."""
    return all(
        _rule(context, gate) is OnInconclusive.PROMOTE and _enough(gate, seen) and _may_serve(seen)
        for gate, seen in _undecided(context)
    )


def must_roll_back(context: RolloutContext) -> bool:
    """Whether a gate cannot say and rolls back then, once all of them have seen enough."""
    enough = all(_enough(gate, _trial(context, gate)) for gate in deciding(context))
    return enough and any(_rule(context, gate) is OnInconclusive.ROLLBACK for gate, _ in _undecided(context))


def deciding(context: RolloutContext) -> tuple[Gate, ...]:
    """The gates that are not in dry run."""
    return tuple(gate for gate in context.gates if not gate.dry_run)


def samples_to_pass(context: RolloutContext, gate: Gate, share: float) -> int | None:
    """How many samples a gate is likely to need in all; None: it cannot say."""
    seen = _trial(context, gate)
    return gate.samples_to_pass(_memory(seen), share)


def _undecided(context: RolloutContext) -> list[tuple[Gate, GateStatus]]:
    judged = ((gate, _trial(context, gate)) for gate in deciding(context))
    return [(gate, seen) for gate, seen in judged if seen.verdict is not Verdict.PASS]


def _trial(context: RolloutContext, gate: Gate) -> GateStatus:
    return _standing(context.status, gate, AttemptStage.TRIAL)


def _rule(context: RolloutContext, gate: Gate) -> OnInconclusive:
    return gate.on_inconclusive or context.spec.analysis.on_inconclusive


def _enough(gate: Gate, seen: GateStatus) -> bool:
    """Whether it has its samples and could be asked. No evidence at all is never enough."""
    return seen.verdict is not Verdict.ERROR and seen.samples >= max(1, gate.min_samples)


def _may_serve(seen: GateStatus) -> bool:
    """Nobody who lets a version through that a gate cannot tell from stable asks for one that answers nobody."""
    return seen.reason != Reason.NOT_SHOWN_TO_SERVE


def lacking(context: RolloutContext, setting: Setting) -> tuple[Shortage, ...]:
    """The gates that lack samples of the current step that they can gather in it."""
    found = ((gate, _lacks(context, gate, setting)) for gate in deciding(context))
    return tuple(Shortage(gate, why) for gate, why in found if why)


def time_left(context: RolloutContext, gate: Gate) -> float | None:
    """Seconds that the attempt still waits for a gate without spending spec.progressDeadline; below 0: they are over.

    None: the gate has no deadline of its own, or no request has reached the candidate.
    """
    evidence = context.status.evidence
    if gate.deadline is None or evidence is None or evidence.attempt != context.status.attempt or not evidence.since:
        return None
    return gate.deadline - seconds_since(evidence.since, context.observation.now)


def _lacks(context: RolloutContext, gate: Gate, setting: Setting) -> str:
    if not gate.gathers(context.conditions(setting)):
        return ""
    found = _trial(context, gate)
    samples = found.step_samples
    if found.reason == Reason.SAME_MODEL:
        return ""
    if gate.replayed(context.conditions(setting)) and (found.verdict is Verdict.PASS or not setting.mirror):
        return _lacks_replay(context, gate, found)
    if samples >= gate.min_step_samples:
        return _last_chance(context, gate, found)
    if found.reason == Reason.EVIDENCE_NOT_SUPPORTED:
        return f"{gate.name}: {found.message}"
    needed = f"{gate.min_step_samples} are needed (minStepSamples)"
    told = f"{gate.name} has seen {samples} {gate.sample} in this step, {needed}"
    return told + ("" if samples else f"; {gate.how_to_get_samples}, or {_NO_GATES}")


def _lacks_replay(context: RolloutContext, gate: Gate, found: GateStatus) -> str:
    """What a gate lacks that gets recorded requests, whichever step they came in, and waits for no copies."""
    if found.reason in _REPLAY_ENDED:
        return _last_chance(context, gate, found)
    return "" if found.verdict is Verdict.PASS else f"{gate.name}: {found.message}"


def _last_chance(context: RolloutContext, gate: Gate, found: GateStatus) -> str:
    """What a gate says that cannot say yet, and gathers nothing in the steps to come; empty: it may be left."""
    candidate = context.status.candidate
    if found.verdict is Verdict.PASS or candidate is None or gathers_later(context, gate, candidate.step):
        return ""
    if _rule(context, gate) is not OnInconclusive.PAUSE and _enough(gate, found):
        return ""
    return f"{gate.name}: {found.message}; no later step brings it evidence"


def gathers_later(context: RolloutContext, gate: Gate, step: int) -> bool:
    """Whether a gate can gather evidence in any step after this one, or after the last."""
    steps = steps_of(context.spec.strategy)
    later = (setting_at(steps, index) for index in range(step + 1, len(steps) + 1))
    return any(gate.gathers(context.conditions(setting)) for setting in later)


def numbers(status: ModelDeploymentStatus, stage: AttemptStage, room: int) -> str:
    """What the gates of a stage say with their numbers, to be put behind a sentence.

    As many of them as there is room for, in characters; of the others only the verdicts.
    """
    said = [gate for gate in status.gates if gate.stage is stage]
    whole = [f"; {gate.name}: {gate.message}" for gate in said]
    short = [f"; {gate.name}: {gate.verdict}" for gate in said]
    fitting = range(len(said), -1, -1)
    found = ("".join((*whole[:count], *short[count:])) for count in fitting)
    return next((text for text in found if len(text) <= room), "".join(short))[:room]


def results(status: ModelDeploymentStatus) -> tuple[GateResult, ...]:
    """What a decision record keeps."""
    return tuple(
        GateResult.model_validate(gate.model_dump(include=set(GateResult.model_fields))) for gate in status.gates
    )
