"""What the gate drift says of what the drift monitor finds."""

import pytest

from penstock_contracts.api.analysis import DriftGate
from penstock_contracts.drift import DriftReason, DriftVerdict, PartialDrift
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence, LiveData
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.live_data import LiveDataCheck

GATE = LiveDataCheck.of(DriftGate(name="drift"))


def part(verdict: DriftVerdict, reason: DriftReason, message: str = "", score: float = 0.5) -> PartialDrift:
    return PartialDrift(verdict=verdict, reason=reason, message=message, score=score, rows=200)


FINE = part(DriftVerdict.NO_DRIFT, DriftReason.NO_DRIFT)
SOME = part(DriftVerdict.NO_DRIFT, DriftReason.COLUMN_DRIFT, "amount: drift")
DRIFTS = part(DriftVerdict.DRIFT, DriftReason.DATASET_DRIFT, "5 of 8 columns drift", 1.5)
BROKEN = part(DriftVerdict.DRIFT, DriftReason.DATA_QUALITY, "missing values in amount", 1.5)
EARLY = part(DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, "fewer than 50 rows so far")
NO_SAMPLE = part(DriftVerdict.ERROR, DriftReason.NO_REFERENCE, "the version has none")


def judged(inputs: PartialDrift, prediction: PartialDrift | None) -> Judgement:
    return GATE.judge(Evidence(parts=(LiveData(inputs=inputs, prediction=prediction),)), GateMemory())


@pytest.mark.parametrize(
    ("inputs", "prediction", "verdict", "reason", "message"),
    [
        (FINE, FINE, Verdict.PASS, "NoDrift", "and inputs are as expected"),
        (SOME, FINE, Verdict.PASS, "NoDrift", "and inputs are as expected"),
        (FINE, DRIFTS, Verdict.INCONCLUSIVE, "DatasetDrift", "what it predicts is not as in its reference sample"),
        (DRIFTS, DRIFTS, Verdict.INCONCLUSIVE, "DatasetDrift", "what it predicts is not as in its reference sample"),
        (
            DRIFTS,
            FINE,
            Verdict.PASS,
            "NoDrift",
            "though inputs drift from that of the version that serves: 5 of 8 columns drift",
        ),
        (BROKEN, FINE, Verdict.INCONCLUSIVE, "DataQuality", "live data are broken: missing values in amount"),
        (BROKEN, None, Verdict.INCONCLUSIVE, "DataQuality", "live data are broken"),
        (FINE, BROKEN, Verdict.INCONCLUSIVE, "DataQuality", "what it predicts is not as in its reference sample"),
        (FINE, None, Verdict.INCONCLUSIVE, "NoEvidence", "was not asked about this version yet"),
        (FINE, EARLY, Verdict.INCONCLUSIVE, "InsufficientData", "not judged yet: fewer than 50 rows so far"),
        (EARLY, FINE, Verdict.INCONCLUSIVE, "InsufficientData", "inputs are not judged yet"),
        (DRIFTS, EARLY, Verdict.INCONCLUSIVE, "InsufficientData", "its predictions are not judged yet"),
        (FINE, NO_SAMPLE, Verdict.ERROR, "NoReference", "its predictions cannot be judged: the version has none"),
        (NO_SAMPLE, FINE, Verdict.PASS, "NoDrift", "inputs cannot be judged: the version has none"),
    ],
)
def test_verdicts(
    inputs: PartialDrift, prediction: PartialDrift | None, verdict: Verdict, reason: str, message: str
) -> None:
    found = judged(inputs, prediction)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert message in found.message


def test_it_never_fails_a_candidate_and_what_is_held_back_is_never_enough() -> None:
    for inputs in (FINE, SOME, DRIFTS, BROKEN, EARLY, NO_SAMPLE):
        for prediction in (None, FINE, SOME, DRIFTS, BROKEN, EARLY, NO_SAMPLE):
            found = judged(inputs, prediction)
            assert found.verdict is not Verdict.FAIL
            assert found.seen.samples == int(found.verdict is Verdict.PASS)
    assert not GATE.statistical


def test_figures_and_bounds() -> None:
    seen = judged(DRIFTS, FINE).seen
    assert {figure.name: figure.candidate for figure in seen.figures} == {"inputs: rows": 200, "prediction: rows": 200}
    assert {bound.name: (bound.value, bound.reached) for bound in seen.bounds} == {
        "inputs: part of the threshold": (1.5, 1.0),
        "prediction: part of the threshold": (0.5, 0.5),
    }
