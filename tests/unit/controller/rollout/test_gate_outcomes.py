"""What gates said at the end, in short."""

from penstock_contracts.api.status import AttemptStage, Bound, Figure, GateResult
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout.gate_outcomes import document, outcomes

PASSED = GateResult(name="query", stage=AttemptStage.TRIAL, verdict=Verdict.PASS, message="", samples=3)
FAILED = GateResult(
    name="error-rate",
    stage=AttemptStage.TRIAL,
    verdict=Verdict.FAIL,
    message="failed 6 of 10 (60 %)",
    samples=10,
    figures=(
        Figure(name="tries", candidate=10, stable=120),
        Figure(name="failures", candidate=6, stable=0),
        Figure(name="failures: 500", candidate=6, stable=0),
    ),
    bounds=(
        Bound(name="odds of harm", decides=Verdict.FAIL, value=312.0, limit=200.0, reached=1.0, error_level=0.005),
        Bound(name="not known", decides=Verdict.FAIL, limit=1.0),
    ),
)


def test_those_that_failed_come_first() -> None:
    assert [one.gate for one in outcomes((PASSED, FAILED))] == ["error-rate", "query"]


def test_numbers_stand_by_their_names_without_the_parts_of_others_and_what_is_not_known() -> None:
    (found,) = outcomes((FAILED,))
    assert document(found) == {
        "gate": "error-rate",
        "stage": "trial",
        "verdict": "fail",
        "samples": 10,
        "figures": {"tries": (10, 120), "failures": (6, 0)},
        "bounds": {"odds of harm": (312.0, 200.0)},
    }


def test_of_many_figures_the_first_ones_are_told() -> None:
    many = tuple(Figure(name=f"number {number}", candidate=number) for number in range(64))
    (found,) = outcomes(
        (GateResult(name="webhook", stage=AttemptStage.BAKE, verdict=Verdict.PASS, message="", figures=many),)
    )
    assert len(found.figures) == 8
