"""What a person's word does in each phase. A word acts once, for the place it names; one for another place is ignored.

`TABLE` is what docs/user/steering.md shows. Where it says that a verb acts, what it meets may still refuse it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import (
    LONGEST_ANSWER,
    CommandOutcome,
    CommandResult,
    Completion,
    DecisionRecord,
    Ending,
    ModelDeploymentStatus,
    Phase,
    Stable,
)
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb, word
from penstock_controller.rollout import command, hold
from penstock_controller.rollout.attempt import ABORTED, UNDONE
from penstock_controller.rollout.command import ParsedCommand
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.steps import steps_of
from penstock_controller.rollout.training import brakes, retraining


@dataclass(frozen=True)
class Allowed:
    """In this phase the verb does something."""

    what: str


@dataclass(frozen=True)
class Denied:
    """In this phase the verb makes no sense."""

    why: str


@dataclass(frozen=True, kw_only=True)
class HandledCommands:
    """The context after what was said, and what users are told of it."""

    context: RolloutContext
    announcements: tuple[Announcement, ...] = ()


_NOBODY = "nothing is on trial"
_FIRST = "the first version takes no steps: it serves as soon as its pods are ready"
_PROMOTED = "the gateway is moving all requests to it already"
_GOING = "it is being rolled back already"
_BUSY = "an attempt is under way: abort ends it"
_LEAVING = "an attempt is ending: try again after that"
_BAKED = "it is promoted already: promote ends its bake, abort goes back"
_BAKES = "a promoted version bakes: try again after that"
_UNSERVED = "no version serves"
_REST = (Phase.PENDING, Phase.HEALTHY, Phase.DEGRADED)
_TRIAL = (Phase.PROGRESSING, Phase.PAUSED)


def _row(verb: Verb, *cells: tuple[tuple[Phase, ...], Allowed | Denied]) -> dict[tuple[Verb, Phase], Allowed | Denied]:
    return {(verb, phase): outcome for phases, outcome in cells for phase in phases}


TABLE: Mapping[tuple[Verb, Phase], Allowed | Denied] = {
    **_row(
        Verb.PROMOTE,
        (_REST, Denied(_NOBODY)),
        ((Phase.INITIALIZING,), Denied(_FIRST)),
        (_TRIAL, Allowed("ends the pause")),
        ((Phase.PROMOTING,), Denied(_PROMOTED)),
        ((Phase.BAKING,), Allowed("ends the bake")),
        ((Phase.ROLLING_BACK,), Denied(_GOING)),
    ),
    **_row(
        Verb.PROMOTE_FULL,
        (_REST, Denied(_NOBODY)),
        ((Phase.INITIALIZING,), Denied(_FIRST)),
        (_TRIAL, Allowed("skips steps and gates")),
        ((Phase.PROMOTING,), Denied(_PROMOTED)),
        ((Phase.BAKING,), Denied(_BAKED)),
        ((Phase.ROLLING_BACK,), Denied(_GOING)),
    ),
    **_row(
        Verb.ABORT,
        (_REST, Denied(_NOBODY)),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Allowed("ends the attempt")),
        ((Phase.BAKING,), Allowed("goes back")),
        ((Phase.ROLLING_BACK,), Denied(_GOING)),
    ),
    **_row(
        Verb.RETRY,
        ((Phase.PENDING,), Denied("no version was refused, and none is held")),
        ((Phase.HEALTHY, Phase.DEGRADED), Allowed("tries the refused version again, ends a hold")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING, Phase.BAKING), Denied(_BUSY)),
        ((Phase.ROLLING_BACK,), Denied(_LEAVING)),
    ),
    **_row(
        Verb.PAUSE,
        (_REST, Denied(_NOBODY)),
        ((Phase.INITIALIZING,), Denied(_FIRST)),
        (_TRIAL, Allowed("stays at this step")),
        ((Phase.PROMOTING,), Denied(_PROMOTED)),
        ((Phase.BAKING,), Denied(_BAKED)),
        ((Phase.ROLLING_BACK,), Denied(_GOING)),
    ),
    **_row(
        Verb.RESUME,
        (_REST, Denied(_NOBODY)),
        ((Phase.INITIALIZING,), Denied(_FIRST)),
        ((Phase.PROGRESSING,), Denied("it is not paused")),
        ((Phase.PAUSED,), Allowed("ends a person's pause")),
        ((Phase.PROMOTING,), Denied(_PROMOTED)),
        ((Phase.BAKING,), Denied(_BAKED)),
        ((Phase.ROLLING_BACK,), Denied(_GOING)),
    ),
    **_row(
        Verb.UNDO,
        ((Phase.PENDING,), Denied("no version served before")),
        ((Phase.HEALTHY, Phase.DEGRADED), Allowed("starts an attempt with a version that served before")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Denied(_BUSY)),
        ((Phase.BAKING,), Allowed("goes back and stays there")),
        ((Phase.ROLLING_BACK,), Denied(_LEAVING)),
    ),
    **_row(
        Verb.RETRAIN,
        ((Phase.PENDING,), Denied(_UNSERVED)),
        ((Phase.HEALTHY, Phase.DEGRADED), Allowed("starts a Job that trains a new version")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Denied(_BUSY)),
        ((Phase.BAKING,), Denied(_BAKES)),
        ((Phase.ROLLING_BACK,), Denied(_LEAVING)),
    ),
}


def place(status: ModelDeploymentStatus) -> str:
    """Where the resource stands, as a word names it."""
    return word(status.attempt, status.candidate.step if status.candidate else 0)


def handle(context: RolloutContext) -> HandledCommands:
    """Do, or refuse, each word that is new and names this place. One that is neither acts in no later pass."""
    said = context.observation.words
    before = context.status.handled_commands
    # A word that was taken back is forgotten: it may be said again. A refused one is over like one that was done.
    standing = {verb: text for verb, text in command.as_remembered(said).items() if before.get(verb) == text}
    answers = {verb: answer for verb, answer in context.status.command_results.items() if verb in standing}
    context = _remembering(context, standing, answers)
    told: list[Announcement] = []
    at = place(context.status)
    for verb in Verb:
        text = said.get(verb)
        if text is None or verb.value in standing:
            continue
        context, announcement = _handle_one(context, verb, text, at)
        told += [announcement] if announcement else []
    return HandledCommands(context=context, announcements=tuple(told))


def _handle_one(context: RolloutContext, verb: Verb, text: str, at: str) -> tuple[RolloutContext, Announcement | None]:
    spoken = command.parse(verb, text)
    if spoken and word(spoken.attempt, spoken.step) != at:
        return context, None
    phase = phase_of(context)
    outcome = _outcome(context, spoken) if spoken else f"it must be like {at}, not {text[: command.LONGEST]!r}"
    told = f"{verb.value} {text[: command.LONGEST]}"
    if isinstance(outcome, str):
        message = f"{told} denied in phase {phase}: {outcome}"
        after = _with_result(context, verb, text, CommandOutcome.DENIED, message)
        return after, _announcement(context, "Warning", Reason.COMMAND_DENIED, message)
    message = f"{told} accepted in phase {phase}"
    after = _with_result(outcome, verb, text, CommandOutcome.ACCEPTED, f"{message}: {_deed(verb, phase)}")
    return after, _announcement(context, "Normal", Reason.COMMAND_ACCEPTED, message)


def _deed(verb: Verb, phase: Phase) -> str:
    cell = TABLE[verb, phase]
    return cell.what if isinstance(cell, Allowed) else ""


def _with_result(
    context: RolloutContext, verb: Verb, text: str, outcome: CommandOutcome, message: str
) -> RolloutContext:
    status = context.status
    answer = CommandResult(outcome=outcome, message=message[:LONGEST_ANSWER])
    handled = {**status.handled_commands, **command.as_remembered({verb: text})}
    return _remembering(context, handled, {**status.command_results, verb.value: answer})


def _announcement(context: RolloutContext, kind: str, reason: str, message: str) -> Announcement:
    return Announcement(
        type="Warning" if kind == "Warning" else "Normal",
        reason=reason,
        message=message,
        attempt=context.status.attempt,
    )


def _remembering(context: RolloutContext, handled: dict[str, str], answers: dict[str, CommandResult]) -> RolloutContext:
    return context.with_status(evolve(context.status, handled_commands=handled, command_results=answers))


def phase_of(context: RolloutContext) -> Phase:
    """The phase as it is after what was said in this pass."""
    candidate = context.status.candidate
    if context.bake_fails or (candidate and candidate.ending):
        return Phase.ROLLING_BACK
    return context.status.phase


def _outcome(context: RolloutContext, spoken: ParsedCommand) -> RolloutContext | str:
    """The context after it, or why it is refused."""
    cell = TABLE[spoken.verb, phase_of(context)]
    return cell.why if isinstance(cell, Denied) else _DEEDS[spoken.verb](context, spoken)


def _promote(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    candidate = context.status.candidate
    if candidate is None:
        return replace(context, bake_is_over=True)
    if context.spec.paused:
        return "spec.paused holds it: edit that"
    steps = steps_of(context.spec.strategy)
    pauses = candidate.step < len(steps) and steps[candidate.step].pause is not None
    if not pauses and not candidate.paused:
        return _no_pause(candidate.step, len(steps))
    return context.with_candidate(evolve(candidate, paused=False, pause_ended=pauses))


def _no_pause(step: int, steps: int) -> str:
    if step >= steps:
        return "all steps are done, and its gates are waited for: promote-full goes on without them"
    return f"step {step + 1} of {steps} is no pause: it goes on by itself"


def _promote_full(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    candidate = context.status.candidate
    if candidate is None:
        return _NOBODY
    if context.spec.paused:
        return "spec.paused holds it: edit that"
    if candidate.promote_full:
        return "it was sent already"
    return context.with_candidate(evolve(candidate, promote_full=True, paused=False))


def _abort(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    candidate = context.status.candidate
    if candidate is None:
        return _back(context, ABORTED, "a person said abort in its bake")
    if candidate.promoting and context.status.stable is None:
        return "it is the first version, and the gateway moves all requests to it: there is nothing to go back to"
    ending = _ending(context, ABORTED, "a person said abort")
    return context.with_candidate(evolve(candidate, ending=ending))


def _ending(context: RolloutContext, reason: str, message: str) -> Ending:
    generation = context.observation.generation
    return Ending(completion=Completion.ABORTED, generation=generation, reason=reason, message=message)


def _back(context: RolloutContext, reason: str, message: str) -> RolloutContext | str:
    """In the bake: the version before serves again, if it can."""
    previous = context.status.previous
    if previous is None:
        return _NOBODY
    if not context.ready(previous.revision):
        return f"no pod of version {previous.version} is ready: there is nothing to go back to"
    return replace(context, bake_fails=_ending(context, reason, message))


def _pause(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    candidate = context.status.candidate
    if candidate is None or candidate.paused:
        return "a person has paused it already"
    return context.with_candidate(evolve(candidate, paused=True))


def _resume(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    candidate = context.status.candidate
    if candidate is None or not candidate.paused:
        return "no person has paused it: promote ends a step's pause, and spec.paused is edited"
    return context.with_candidate(evolve(candidate, paused=False))


def _retry(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    status = context.status
    if status.refused is None and status.hold is None:
        return "no version was refused, and none is held"
    if status.hold is None and status.refused and status.refused.revision is None:
        return f"the model store refuses version {status.refused.version}: register another one"
    return context.with_status(evolve(status, refused=None, hold=None))


def _undo(context: RolloutContext, spoken: ParsedCommand) -> RolloutContext | str:
    stable = context.status.stable
    if stable is None:
        return "no version served before"
    back_to = _before(context.status, stable, spoken.version)
    if isinstance(back_to, str):
        return back_to
    begun = hold.begin(back_to, stable, context.observation)
    held = evolve(context.status, hold=begun)
    previous = context.status.previous
    if previous and previous.digest == back_to.digest:
        gone_back = _back(context, UNDONE, f"a person said undo in its bake, back to version {previous.version}")
        return gone_back if isinstance(gone_back, str) else gone_back.with_status(held)
    return context.with_status(held)


def _before(status: ModelDeploymentStatus, stable: Stable, version: str) -> DecisionRecord | str:
    """The record of the version to go back to, or why there is none."""
    served = [record for record in status.history if record.completion is Completion.PROMOTED]
    asked = [record for record in served if version in {record.version, ""}]
    if version and not asked:
        known = ", ".join(dict.fromkeys(record.version for record in served)) or "none"
        return f"version {version} is not among those in status.history that served: {known}"
    others = [record for record in asked if record.digest != stable.digest]
    if not others:
        return f"version {version} serves already" if version else "status.history has no other version that served"
    return _allowed(status, others[0])


def _allowed(status: ModelDeploymentStatus, record: DecisionRecord) -> DecisionRecord | str:
    refused = status.refused
    if not record.created_at_ms:
        return f"the record of version {record.version} is from an older controller: move the alias instead"
    if refused and refused.version == record.version:
        return f"version {record.version} was refused ({refused.reason}): retry tries it again"
    return record


def _retrain(context: RolloutContext, _: ParsedCommand) -> RolloutContext | str:
    spec, status, observation = context.spec, context.status, context.observation
    brake = brakes.on_command(spec, status, observation)
    if brake or spec.retrain is None:
        return brake.message if brake else _NOBODY
    return context.with_status(retraining.begin(spec.retrain, status, observation, retraining.BY_HAND))


_DEEDS: Mapping[Verb, Callable[[RolloutContext, ParsedCommand], RolloutContext | str]] = {
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.UNDO: _undo,
    Verb.RETRAIN: _retrain,
}
