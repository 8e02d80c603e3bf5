"""What a person's word does in each phase. A word acts once, for the place it names; one for another place is ignored.

`TABLE` is what docs/user/steering.md shows. Where it says that a verb acts, what it meets may still refuse it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

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
from penstock_controller.rollout import brakes, hold, retraining, words
from penstock_controller.rollout.actions import Announcement
from penstock_controller.rollout.attempt import ABORTED, UNDONE
from penstock_controller.rollout.situation import Situation
from penstock_controller.rollout.steps import steps_of
from penstock_controller.rollout.words import Word


@dataclass(frozen=True)
class Acts:
    """In this phase the verb does something."""

    what: str


@dataclass(frozen=True)
class Refuses:
    """In this phase the verb makes no sense."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The situation after what was said, and what users are told of it."""

    situation: Situation
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


def _row(verb: Verb, *cells: tuple[tuple[Phase, ...], Acts | Refuses]) -> dict[tuple[Verb, Phase], Acts | Refuses]:
    return {(verb, phase): outcome for phases, outcome in cells for phase in phases}


TABLE: Mapping[tuple[Verb, Phase], Acts | Refuses] = {
    **_row(
        Verb.PROMOTE,
        (_REST, Refuses(_NOBODY)),
        ((Phase.INITIALIZING,), Refuses(_FIRST)),
        (_TRIAL, Acts("ends the pause")),
        ((Phase.PROMOTING,), Refuses(_PROMOTED)),
        ((Phase.BAKING,), Acts("ends the bake")),
        ((Phase.ROLLING_BACK,), Refuses(_GOING)),
    ),
    **_row(
        Verb.PROMOTE_FULL,
        (_REST, Refuses(_NOBODY)),
        ((Phase.INITIALIZING,), Refuses(_FIRST)),
        (_TRIAL, Acts("skips steps and gates")),
        ((Phase.PROMOTING,), Refuses(_PROMOTED)),
        ((Phase.BAKING,), Refuses(_BAKED)),
        ((Phase.ROLLING_BACK,), Refuses(_GOING)),
    ),
    **_row(
        Verb.ABORT,
        (_REST, Refuses(_NOBODY)),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Acts("ends the attempt")),
        ((Phase.BAKING,), Acts("goes back")),
        ((Phase.ROLLING_BACK,), Refuses(_GOING)),
    ),
    **_row(
        Verb.RETRY,
        ((Phase.PENDING,), Refuses("no version was refused, and none is held")),
        ((Phase.HEALTHY, Phase.DEGRADED), Acts("tries the refused version again, ends a hold")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING, Phase.BAKING), Refuses(_BUSY)),
        ((Phase.ROLLING_BACK,), Refuses(_LEAVING)),
    ),
    **_row(
        Verb.PAUSE,
        (_REST, Refuses(_NOBODY)),
        ((Phase.INITIALIZING,), Refuses(_FIRST)),
        (_TRIAL, Acts("stays at this step")),
        ((Phase.PROMOTING,), Refuses(_PROMOTED)),
        ((Phase.BAKING,), Refuses(_BAKED)),
        ((Phase.ROLLING_BACK,), Refuses(_GOING)),
    ),
    **_row(
        Verb.RESUME,
        (_REST, Refuses(_NOBODY)),
        ((Phase.INITIALIZING,), Refuses(_FIRST)),
        ((Phase.PROGRESSING,), Refuses("it is not paused")),
        ((Phase.PAUSED,), Acts("ends a person's pause")),
        ((Phase.PROMOTING,), Refuses(_PROMOTED)),
        ((Phase.BAKING,), Refuses(_BAKED)),
        ((Phase.ROLLING_BACK,), Refuses(_GOING)),
    ),
    **_row(
        Verb.UNDO,
        ((Phase.PENDING,), Refuses("no version served before")),
        ((Phase.HEALTHY, Phase.DEGRADED), Acts("starts an attempt with a version that served before")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Refuses(_BUSY)),
        ((Phase.BAKING,), Acts("goes back and stays there")),
        ((Phase.ROLLING_BACK,), Refuses(_LEAVING)),
    ),
    **_row(
        Verb.RETRAIN,
        ((Phase.PENDING,), Refuses(_UNSERVED)),
        ((Phase.HEALTHY, Phase.DEGRADED), Acts("starts a Job that trains a new version")),
        ((Phase.INITIALIZING, *_TRIAL, Phase.PROMOTING), Refuses(_BUSY)),
        ((Phase.BAKING,), Refuses(_BAKES)),
        ((Phase.ROLLING_BACK,), Refuses(_LEAVING)),
    ),
}


def place(status: ModelDeploymentStatus) -> str:
    """Where the resource stands, as a word names it."""
    return word(status.attempt, status.candidate.step if status.candidate else 0)


def heard(situation: Situation) -> Heard:
    """Do, or refuse, each word that is new and names this place. One that is neither acts in no later pass."""
    said = situation.observation.words
    before = situation.status.handled_commands
    # A word that was taken back is forgotten: it may be said again. A refused one is over like one that was done.
    standing = {verb: text for verb, text in words.kept(said).items() if before.get(verb) == text}
    answers = {verb: answer for verb, answer in situation.status.command_results.items() if verb in standing}
    situation = _remembering(situation, standing, answers)
    told: list[Announcement] = []
    at = place(situation.status)
    for verb in Verb:
        text = said.get(verb)
        if text is None or verb.value in standing:
            continue
        situation, announcement = _said(situation, verb, text, at)
        told += [announcement] if announcement else []
    return Heard(situation=situation, announcements=tuple(told))


def _said(situation: Situation, verb: Verb, text: str, at: str) -> tuple[Situation, Announcement | None]:
    spoken = words.read(verb, text)
    if spoken and word(spoken.attempt, spoken.step) != at:
        return situation, None
    phase = phase_of(situation)
    outcome = _outcome(situation, spoken) if spoken else f"it must be like {at}, not {text[: words.LONGEST]!r}"
    told = f"{verb.value} {text[: words.LONGEST]}"
    if isinstance(outcome, str):
        message = f"{told} denied in phase {phase}: {outcome}"
        after = _answered(situation, verb, text, CommandOutcome.DENIED, message)
        return after, _announcement(situation, "Warning", "CommandDenied", message)
    message = f"{told} accepted in phase {phase}"
    after = _answered(outcome, verb, text, CommandOutcome.ACCEPTED, f"{message}: {_deed(verb, phase)}")
    return after, _announcement(situation, "Normal", "CommandAccepted", message)


def _deed(verb: Verb, phase: Phase) -> str:
    cell = TABLE[verb, phase]
    return cell.what if isinstance(cell, Acts) else ""


def _answered(situation: Situation, verb: Verb, text: str, outcome: CommandOutcome, message: str) -> Situation:
    status = situation.status
    answer = CommandResult(outcome=outcome, message=message[:LONGEST_ANSWER])
    handled = {**status.handled_commands, **words.kept({verb: text})}
    return _remembering(situation, handled, {**status.command_results, verb.value: answer})


def _announcement(situation: Situation, kind: str, reason: str, message: str) -> Announcement:
    return Announcement(
        type="Warning" if kind == "Warning" else "Normal",
        reason=reason,
        message=message,
        attempt=situation.status.attempt,
    )


def _remembering(situation: Situation, handled: dict[str, str], answers: dict[str, CommandResult]) -> Situation:
    return situation.with_status(evolve(situation.status, handled_commands=handled, command_results=answers))


def phase_of(situation: Situation) -> Phase:
    """The phase as it is after what was said in this pass."""
    candidate = situation.status.candidate
    if situation.bake_fails or (candidate and candidate.ending):
        return Phase.ROLLING_BACK
    return situation.status.phase


def _outcome(situation: Situation, spoken: Word) -> Situation | str:
    """The situation after it, or why it is refused."""
    cell = TABLE[spoken.verb, phase_of(situation)]
    return cell.why if isinstance(cell, Refuses) else _DEEDS[spoken.verb](situation, spoken)


def _promote(situation: Situation, _: Word) -> Situation | str:
    candidate = situation.status.candidate
    if candidate is None:
        return replace(situation, bake_is_over=True)
    if situation.spec.paused:
        return "spec.paused holds it: edit that"
    steps = steps_of(situation.spec.strategy)
    pauses = candidate.step < len(steps) and steps[candidate.step].pause is not None
    if not pauses and not candidate.paused:
        return _no_pause(candidate.step, len(steps))
    return situation.with_candidate(evolve(candidate, paused=False, pause_ended=pauses))


def _no_pause(step: int, steps: int) -> str:
    if step >= steps:
        return "all steps are done, and its gates are waited for: promote-full goes on without them"
    return f"step {step + 1} of {steps} is no pause: it goes on by itself"


def _promote_full(situation: Situation, _: Word) -> Situation | str:
    candidate = situation.status.candidate
    if candidate is None:
        return _NOBODY
    if situation.spec.paused:
        return "spec.paused holds it: edit that"
    if candidate.promote_full:
        return "it was sent already"
    return situation.with_candidate(evolve(candidate, promote_full=True, paused=False))


def _abort(situation: Situation, _: Word) -> Situation | str:
    candidate = situation.status.candidate
    if candidate is None:
        return _back(situation, ABORTED, "a person said abort in its bake")
    if situation.status.phase is Phase.PROMOTING and situation.status.stable is None:
        return "it is the first version, and the gateway moves all requests to it: there is nothing to go back to"
    ending = _ending(situation, ABORTED, "a person said abort")
    return situation.with_candidate(evolve(candidate, ending=ending))


def _ending(situation: Situation, reason: str, message: str) -> Ending:
    generation = situation.observation.generation
    return Ending(completion=Completion.ABORTED, generation=generation, reason=reason, message=message)


def _back(situation: Situation, reason: str, message: str) -> Situation | str:
    """In the bake: the version before serves again, if it can."""
    previous = situation.status.previous
    if previous is None:
        return _NOBODY
    if not situation.ready(previous.revision):
        return f"no pod of version {previous.version} is ready: there is nothing to go back to"
    return replace(situation, bake_fails=_ending(situation, reason, message))


def _pause(situation: Situation, _: Word) -> Situation | str:
    candidate = situation.status.candidate
    if candidate is None or candidate.paused:
        return "a person has paused it already"
    return situation.with_candidate(evolve(candidate, paused=True))


def _resume(situation: Situation, _: Word) -> Situation | str:
    candidate = situation.status.candidate
    if candidate is None or not candidate.paused:
        return "no person has paused it: promote ends a step's pause, and spec.paused is edited"
    return situation.with_candidate(evolve(candidate, paused=False))


def _retry(situation: Situation, _: Word) -> Situation | str:
    status = situation.status
    if status.refused is None and status.hold is None:
        return "no version was refused, and none is held"
    if status.hold is None and status.refused and status.refused.revision is None:
        return f"the model store refuses version {status.refused.version}: register another one"
    return situation.with_status(evolve(status, refused=None, hold=None))


def _undo(situation: Situation, spoken: Word) -> Situation | str:
    stable = situation.status.stable
    if stable is None:
        return "no version served before"
    back_to = _before(situation.status, stable, spoken.version)
    if isinstance(back_to, str):
        return back_to
    begun = hold.begun(back_to, stable, situation.observation)
    held = evolve(situation.status, hold=begun)
    previous = situation.status.previous
    if previous and previous.digest == back_to.digest:
        gone_back = _back(situation, UNDONE, f"a person said undo in its bake, back to version {previous.version}")
        return gone_back if isinstance(gone_back, str) else gone_back.with_status(held)
    return situation.with_status(held)


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


def _retrain(situation: Situation, _: Word) -> Situation | str:
    spec, status, observation = situation.spec, situation.status, situation.observation
    brake = brakes.on_command(spec, status, observation)
    if brake or spec.retrain is None:
        return brake.message if brake else _NOBODY
    return situation.with_status(retraining.begun(spec.retrain, status, observation, retraining.BY_HAND))


_DEEDS: Mapping[Verb, Callable[[Situation, Word], Situation | str]] = {
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.UNDO: _undo,
    Verb.RETRAIN: _retrain,
}
