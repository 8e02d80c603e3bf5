"""What the registry is to show: how each attempt ended, on its version, and the live alias on stable.

All of it stands in `status.registryWrite` from the pass that decided it until the pass that knows it written, so a
controller that was killed, or a registry that was away, loses nothing.
"""

from penstock_contracts.api.registry_write import (
    AttemptOutcome,
    LiveAlias,
    RegistryWrite,
    RevisionSource,
    UnwrittenOutcome,
)
from penstock_contracts.api.status import DecisionRecord, ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.rollout.gate_outcomes import outcomes
from penstock_controller.rollout.observation import Observation, Target, Wanted
from penstock_controller.rollout.registry_entry import Entry, RegistryAnswer, Writing

MOST = 20
"""Outcomes that wait at the same time: of more versions than that the oldest are given up."""
_LONGEST_MESSAGE = 2048
_LONGEST_PROBLEM = 1024


def due(status: ModelDeploymentStatus, *, moves_alias: bool = True) -> tuple[Entry, ...]:
    """What the registry does not show yet, as far as we know. Empty: nothing is to be done there."""
    known = status.registry_write
    live = (_alias_entry(known.live),) if known.live and not known.live.shown and moves_alias else ()
    return (*live, *map(_outcome_entry, known.unwritten))


def update(
    spec: ModelDeploymentSpec, before: ModelDeploymentStatus, after: ModelDeploymentStatus, observation: Observation
) -> ModelDeploymentStatus:
    """The status with what this pass adds to that, and without what the registry shows by now."""
    known = _apply_answers(before.registry_write, observation.registry_answers)
    sources = _sources(spec, before, after, observation)
    known = evolve(
        known,
        sources=_named(after, sources),
        unwritten=_unwritten(known, _new_records(before, after), sources),
        live=_live(spec, after, known.live, sources),
    )
    return evolve(after, registry_write=known)


def _alias_entry(live: LiveAlias) -> Entry:
    return Entry(connection=live.connection, model=live.model, version=live.version, alias=live.alias)


def _outcome_entry(item: UnwrittenOutcome) -> Entry:
    return Entry(connection=item.connection, model=item.model, version=item.version, outcome=item.outcome)


def _apply_answers(known: RegistryWrite, answers: tuple[RegistryAnswer, ...]) -> RegistryWrite:
    done = {answer.entry for answer in answers if answer.writing in {Writing.WRITTEN, Writing.IMPOSSIBLE}}
    if not done:
        return known
    live = known.live
    if live and _alias_entry(live) in done:
        live = evolve(live, shown=True)
    unwritten = tuple(item for item in known.unwritten if _outcome_entry(item) not in done)
    return evolve(known, live=live, unwritten=unwritten, problem=_problem(answers))


def _problem(answers: tuple[RegistryAnswer, ...]) -> str:
    impossible = [answer.message for answer in answers if answer.writing is Writing.IMPOSSIBLE]
    return "; ".join(impossible)[:_LONGEST_PROBLEM]


def _sources(
    spec: ModelDeploymentSpec, before: ModelDeploymentStatus, after: ModelDeploymentStatus, observation: Observation
) -> dict[str, RevisionSource]:
    """By revision. What was named first in this pass, and what is wanted now, comes from the model the spec names."""
    known = {source.revision: source for source in before.registry_write.sources}
    target = observation.target
    named: tuple[Revision | DecisionRecord, ...] = (*_pointers(before), *_pointers(after), *_new_records(before, after))
    new = {item.revision for item in named if item.revision not in known or _is_wanted(target, item)}
    registry = spec.registry
    fresh = {name: RevisionSource(revision=name, connection=registry.connection, model=registry.model) for name in new}
    return known | fresh


def _is_wanted(target: Target, item: Revision | DecisionRecord) -> bool:
    return isinstance(target, Wanted) and (target.revision, target.version) == (item.revision, item.version)


def _pointers(status: ModelDeploymentStatus) -> tuple[Revision, ...]:
    return tuple(pointer for pointer in (status.stable, status.candidate, status.previous) if pointer)


def _named(status: ModelDeploymentStatus, sources: dict[str, RevisionSource]) -> tuple[RevisionSource, ...]:
    named = dict.fromkeys(pointer.revision for pointer in _pointers(status))
    return tuple(sources[revision] for revision in named)


def _new_records(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[DecisionRecord, ...]:
    """Records that this pass wrote, oldest first."""
    known = {(record.attempt, record.started_at) for record in before.history}
    return tuple(record for record in reversed(after.history) if (record.attempt, record.started_at) not in known)


def _unwritten(
    known: RegistryWrite, ended: tuple[DecisionRecord, ...], sources: dict[str, RevisionSource]
) -> tuple[UnwrittenOutcome, ...]:
    items = [*known.unwritten, *(_of(record, sources[record.revision]) for record in ended)]
    newest = {(item.connection, item.model, item.version): item for item in items}
    return tuple(item for item in items if item in newest.values())[-MOST:]


def _of(record: DecisionRecord, source: RevisionSource) -> UnwrittenOutcome:
    outcome = AttemptOutcome(
        attempt=record.attempt,
        completion=record.completion.value,
        reason=record.reason,
        message=record.message[:_LONGEST_MESSAGE],
        ended_at=record.ended_at,
        gates=outcomes(record.gates),
    )
    return UnwrittenOutcome(connection=source.connection, model=source.model, version=record.version, outcome=outcome)


def _live(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    known: LiveAlias | None,
    sources: dict[str, RevisionSource],
) -> LiveAlias | None:
    """Where the alias belongs. From another place it is moved until the registry confirms, in flight or not."""
    alias, stable = spec.registry.live_alias, status.stable
    if alias is None or stable is None:
        return None
    source = sources[stable.revision]
    wanted = LiveAlias(connection=source.connection, model=source.model, alias=alias, version=stable.version)
    if known and evolve(known, shown=False) == wanted:
        return known
    return wanted
