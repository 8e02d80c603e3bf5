"""What is told of live data: conditions, `status.drift` and Events. Nothing of a rollout depends on them. Pure."""

from collections.abc import Iterator

from penstock_contracts.api import duration
from penstock_contracts.api.drift import DriftStatus
from penstock_contracts.api.logger import LoggerMode
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Condition, ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftReason, DriftVerdict, DriftWish, RolloutFacts, VersionTries
from penstock_contracts.evidence import TryReason
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout import counters
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.monitor_answer import NO_MONITOR, DriftFinding, served
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.timestamps import stamp

DETECTED, REACHABLE, SKEW = "DriftDetected", "MonitorReachable", "FeatureSkew"
_STATUS = {DriftVerdict.DRIFT: True, DriftVerdict.NO_DRIFT: False}
"""Of the condition; what is neither is not known."""
_QUIET = frozenset({DriftReason.NO_DRIFT, DriftReason.COLUMN_DRIFT, DriftReason.INSUFFICIENT_DATA})
"""Reasons for which nobody needs to do anything."""


def wish(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> DriftWish | None:
    """Whom the monitor is to watch, and what counts as drift; None: nobody asks for that, or no version serves yet."""
    drift, stable = spec.drift, status.stable
    if drift is None or stable is None:
        return None
    others = tuple(served(pointer) for pointer in (status.candidate, status.previous) if pointer)
    return DriftWish(
        stable=served(stable),
        others=others,
        margin=drift.margin,
        period_seconds=duration.seconds(drift.period),
        key_columns=drift.key_columns,
        share=drift.share,
        hashed_columns=spec.predictor.logger.hash if spec.predictor.logger else (),
        rollout=_rollout(stable, status),
    )


def _rollout(stable: Revision, status: ModelDeploymentStatus) -> RolloutFacts:
    candidate = status.candidate
    weights = {candidate.version: candidate.weight} if candidate else {}
    if stable.version not in weights:
        weights[stable.version] = 100 - sum(weights.values())
    ends = (f"version {end.version} {end.completion.value} ({end.reason}), {end.ended_at}" for end in status.history)
    return RolloutFacts(
        phase=status.phase or "",
        weights=weights,
        decision=next(ends, ""),
        attempt=status.evidence.attempt if status.evidence else 0,
        tries=_tries(status),
    )


def _tries(status: ModelDeploymentStatus) -> dict[str, VersionTries]:
    """Users' tries by version, as the gateways' counters told them last: they count while something is judged."""
    pointers = (status.stable, status.candidate, status.previous)
    versions = {pointer.revision: pointer.version for pointer in pointers if pointer}
    found: dict[str, VersionTries] = {}
    for (revision, arm), count in _counts(status):
        version = versions.get(revision)
        if version is None or arm != TryReason.USERS:
            continue
        known = found.get(version, VersionTries())
        found[version] = VersionTries(tries=known.tries + count.tries, failures=known.failures + count.failures)
    return found


def _counts(status: ModelDeploymentStatus) -> Iterator[tuple[tuple[str, str], TryCount]]:
    """What each gateway pod counted, by revision and arm."""
    for text in status.evidence.readings.values() if status.evidence else ():
        yield from (counters.from_text(text) or {}).items()


def update(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation) -> ModelDeploymentStatus:
    """The status with what the monitor said. What it said before stays until it says something else."""
    if spec.drift is None:
        return status if status.drift is None else evolve(status, drift=None)
    finding, known = observation.monitoring.finding, status.drift
    if finding is None:
        return status
    begun = finding.since or stamp(observation.now)
    found = DriftStatus(
        verdict=finding.verdict.value,
        reason=finding.reason.value,
        columns=finding.columns,
        since=known.since if known and known.reason == finding.reason else begun,
        report_url=observation.monitoring.report_url or None,
    )
    return evolve(status, drift=found)


def announcements(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, observation: Observation
) -> tuple[Announcement, ...]:
    """What is told once where the reason has changed."""
    old, new, finding = before.drift, after.drift, observation.monitoring.finding
    if new is None or finding is None or (old and old.reason == new.reason):
        return ()
    # What was before tells two Events of the same words apart, also where a pass is repeated.
    was = f" (before: {old.reason} since {old.since})" if old else ""
    told = Announcement(
        type="Normal" if finding.reason in _QUIET else "Warning",
        reason=new.reason,
        message=f"{_sentence(finding)}{was}",
        attempt=after.attempt,
    )
    return (told,)


def judgements(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    observation: Observation,
    before: tuple[Condition, ...],
) -> tuple[ConditionState, ...]:
    """The conditions about live data; empty: nothing of it is asked for. `status`: with what this pass noted."""
    logger = spec.predictor.logger
    if spec.drift is None:
        lacks = logger is not None and logger.mode is LoggerMode.ALL and not observation.monitoring.installed
        return (_no_monitor(),) if lacks else ()
    return _detected(status, observation, before), _reachable(observation, before), *_skew(observation, before)


def _no_monitor() -> ConditionState:
    return ConditionState(type=REACHABLE, status=False, reason=Reason.NO_MONITOR, message=NO_MONITOR)


def _detected(status: ModelDeploymentStatus, observation: Observation, before: tuple[Condition, ...]) -> ConditionState:
    monitoring = observation.monitoring
    if not monitoring.installed:
        message = f"there is nobody to ask: condition {REACHABLE} says more"
        return ConditionState(type=DETECTED, status=None, reason=Reason.NOT_ASKED, message=message)
    if monitoring.away:
        last = f"; the last that is known, {status.drift.reason}, stands in status.drift" if status.drift else ""
        message = f"the drift monitor has not answered{last}"
        return ConditionState(type=DETECTED, status=None, reason=Reason.MONITOR_AWAY, message=message)
    if monitoring.finding and status.drift:
        found, message = monitoring.finding, _sentence(monitoring.finding)
        return ConditionState(
            type=DETECTED, status=_STATUS.get(found.verdict), reason=found.reason.value, message=message
        )
    return _unasked(DETECTED, "live data are judged as soon as a version serves and the drift monitor is asked", before)


def _reachable(observation: Observation, before: tuple[Condition, ...]) -> ConditionState:
    monitoring = observation.monitoring
    if not monitoring.installed:
        return _no_monitor()
    if monitoring.away:
        message = f"{monitoring.away}; what serves goes on, and a rollout whose gates do not ask it"
        return ConditionState(type=REACHABLE, status=False, reason=Reason.MONITOR_AWAY, message=message)
    if monitoring.finding:
        return ConditionState(type=REACHABLE, status=True, reason=Reason.ANSWERED, message="")
    return _unasked(REACHABLE, "", before)


def _skew(observation: Observation, before: tuple[Condition, ...]) -> tuple[ConditionState, ...]:
    """Nothing where nobody has compared features."""
    finding = observation.monitoring.finding
    if finding is None:  # what was found before stands
        return (_unasked(SKEW, "", before),) if any(item.type == SKEW for item in before) else ()
    if finding.skewed is None:
        return ()
    reason = Reason.FEATURES_DIFFER if finding.skewed else Reason.FEATURES_AGREE
    return (ConditionState(type=SKEW, status=finding.skewed, reason=reason, message=finding.skew),)


def _unasked(kind: str, message: str, before: tuple[Condition, ...]) -> ConditionState:
    """A controller that has just started has asked for nothing yet: what status said stands until it has."""
    known = next((item for item in before if item.type == kind and item.reason != Reason.NO_MONITOR), None)
    if known is None or known.reason == Reason.NOT_ASKED:
        return ConditionState(type=kind, status=None, reason=Reason.NOT_ASKED, message=message)
    said = {"True": True, "False": False}.get(known.status)
    return ConditionState(type=kind, status=said, reason=known.reason, message=known.message)


def _sentence(finding: DriftFinding) -> str:
    """What the monitor says; where it says nothing, which columns."""
    if finding.message or not finding.columns:
        return finding.message or "the drift monitor gives no reason"
    return ", ".join(finding.columns) + (f", since {finding.since}" if finding.since else "")
