"""Rollouts that live data hold back, and what the drift monitor's report is as evidence for that."""

from dataclasses import replace

import pytest

from penstock_contracts.api.status import GateStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftReason, DriftReport, DriftVerdict, PartialDrift, PredictionDrift
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import LiveData, MissingEvidence
from penstock_controller.rollout.live_data import judged_data
from penstock_controller.rollout.monitor_answer import Monitoring, finding_in, parts_in
from penstock_testing.rollout_scenes import canary, condition, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

FINE = PartialDrift(verdict=DriftVerdict.NO_DRIFT, reason=DriftReason.NO_DRIFT, message="none", rows=90)
DRIFTS = PartialDrift(verdict=DriftVerdict.DRIFT, reason=DriftReason.DATASET_DRIFT, message="5 of 8 columns drift")
BROKEN = PartialDrift(verdict=DriftVerdict.DRIFT, reason=DriftReason.DATA_QUALITY, message="missing values in amount")
EARLY = PartialDrift(verdict=DriftVerdict.INCONCLUSIVE, reason=DriftReason.INSUFFICIENT_DATA, message="no period yet")
NO_SAMPLE = PartialDrift(verdict=DriftVerdict.ERROR, reason=DriftReason.NO_REFERENCE, message="the version has none")


def held(**gate: object) -> ModelDeploymentSpec:
    gates = [{"name": "error-rate", "minSamples": 50}, {"name": "drift", "deadline": "1h", **gate}]
    return canary(
        weight(50),
        pause("5s"),
        analysis={"interval": "1s", "gates": gates},
        predictor={"minReplicas": 4, "logger": {"mode": "all"}},
        drift={},
    )


def monitored(
    inputs: PartialDrift, *, stable: PartialDrift = FINE, candidate: PartialDrift | None = FINE
) -> Monitoring:
    """The monitor's answer about versions 1 and, unless None, 2."""
    found = {"1": stable} | ({"2": candidate} if candidate else {})
    report = DriftReport(
        namespace="ns",
        name="m",
        dataset_drift=False,
        verdict=inputs.verdict,
        reason=inputs.reason,
        message=inputs.message,
        inputs=inputs,
        predictions=tuple(
            PredictionDrift(version=version, digest=DIGESTS[version], found=each) for version, each in found.items()
        ),
    )
    return Monitoring(installed=True, finding=finding_in(report), parts=parts_in(report))


def _digests() -> dict[str, str]:
    status = until(on_trial(held()), lambda world: world.status.candidate is not None).status
    assert status.stable
    assert status.candidate
    return {"1": status.stable.digest, "2": status.candidate.digest}


DIGESTS = _digests()


def trial(monitoring: Monitoring, spec: ModelDeploymentSpec | None = None) -> RolloutWorld:
    world = on_trial(spec or held())
    tell(world, monitoring)
    return world


def tell(world: RolloutWorld, monitoring: Monitoring) -> None:
    """From now on the monitor answers this."""
    world.monitoring = monitoring

    def look() -> tuple[object, ...]:
        found = judged_data.part(world.spec, world.status, monitoring)
        world.not_measured = {LiveData: found} if isinstance(found, MissingEvidence) else {}
        return (found,) if isinstance(found, LiveData) else ()

    world.measured = look


def ticked(world: RolloutWorld, seconds: float, step: float = 5.0) -> RolloutWorld:
    for _ in range(int(seconds / step)):
        world.tick(step)
    return world


def ended(world: RolloutWorld, step: float = 5.0) -> RolloutWorld:
    """Until the attempt of version 2 is over."""

    def over(world: RolloutWorld) -> bool:
        return last(world).version == "2" and world.status.candidate is None and world.status.previous is None

    return until(world, over, step)


def gate(world: RolloutWorld) -> GateStatus:
    return next(one for one in world.status.gates if one.name == "drift")


def test_with_live_data_as_expected_a_candidate_is_promoted() -> None:
    world = ended(trial(monitored(FINE)))
    assert (stable(world), last(world).completion) == ("2", "Promoted")


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (monitored(BROKEN), "DataQuality"),
        (monitored(FINE, candidate=DRIFTS), "DatasetDrift"),
        (monitored(DRIFTS, candidate=DRIFTS), "DatasetDrift"),
        (monitored(FINE, candidate=EARLY), "InsufficientData"),
        (monitored(EARLY), "InsufficientData"),
        (monitored(FINE, candidate=None), "NoEvidence"),
        (monitored(FINE, candidate=NO_SAMPLE), "NoReference"),
        (replace(monitored(FINE), away="the drift monitor does not answer"), "MonitorAway"),
        (replace(monitored(FINE), parts=None), "MonitorAway"),
        (replace(monitored(FINE), is_current=False), "NoEvidence"),
        (Monitoring(installed=True), "NoEvidence"),
        (Monitoring(), "NoMonitor"),
    ],
    ids=[
        *("broken", "predictions drift", "all drifts", "candidate not judged", "inputs not judged", "not asked about"),
        *("no sample", "away", "older monitor", "about another stable", "not answered", "not installed"),
    ],
)
def test_a_candidate_is_held_back_until_live_data_are_as_it_expects_them(before: Monitoring, reason: str) -> None:
    world = ticked(trial(before), 900)
    assert (stable(world), gate(world).reason) == ("1", reason)
    assert gate(world).verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}
    assert world.status.candidate
    assert world.status.candidate.waited_seconds < 60
    tell(world, monitored(FINE))
    ended(world)
    assert (stable(world), last(world).completion) == ("2", "Promoted")
    assert world.lost == 0


def test_a_version_that_was_trained_on_moved_data_is_not_held_back_by_inputs_that_moved() -> None:
    world = ended(trial(monitored(DRIFTS, stable=DRIFTS, candidate=FINE)))
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_drift_beyond_the_gates_deadline_ends_the_attempt_and_blames_the_data() -> None:
    world = ended(trial(monitored(FINE, candidate=DRIFTS)), 20)
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")
    assert last(world).message.startswith("1h are over (deadline of drift): drift: what it predicts is not as in its")


def test_who_promotes_what_is_inconclusive_does_not_promote_into_drift() -> None:
    world = ended(trial(monitored(FINE, candidate=DRIFTS), held(onInconclusive="Promote")), 20)
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")


def test_drift_in_the_bake_takes_nothing_back() -> None:
    spec = held()
    world = trial(monitored(FINE), evolve(spec, bake=evolve(spec.bake, duration="10m")))
    until(world, lambda world: world.status.previous is not None, 5)
    tell(world, monitored(BROKEN, stable=DRIFTS, candidate=DRIFTS))
    ended(world)
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_a_candidate_without_a_sample_is_told_in_a_condition() -> None:
    world = ticked(trial(monitored(FINE, candidate=NO_SAMPLE)), 60)
    assert condition(world, "LiveEvidenceAvailable") == ("False", "NoReference")


def test_without_the_gate_there_is_no_such_evidence() -> None:
    world = on_trial(canary(weight(50), pause("5s")))
    until(world, lambda world: world.status.candidate is not None)
    assert judged_data.part(world.spec, world.status, monitored(FINE)) is None
