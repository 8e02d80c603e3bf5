"""What the gate live-quality says of labelled pairs, and where it can gather them."""

from dataclasses import replace

import numpy as np
import pytest

from penstock_contracts.api.analysis import Analysis, LiveQualityGate
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.paired_quality import SHORTFALLS
from penstock_contracts.quality import QualityMetric
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import error_budget, gates_of
from penstock_controller.gates.evidence import Evidence, LabelledPairs
from penstock_controller.gates.gate import GateMemory, Judgement, StepConditions
from penstock_controller.gates.live_quality import LabelledQuality, tolerated_ratio

BEGUN = LabelledPairs(since="2026-11-29T12:00:00.000001+00:00", positive="1")
COVERED = replace(BEGUN, pairs=4000, labelled=2000, older_pairs=1000, older_labelled=900)


def gate(metric: str = "roc_auc", **fields: object) -> LabelledQuality:
    entry = LiveQualityGate.model_validate({"name": "live-quality", "metric": metric, **fields})
    return LabelledQuality.of(entry, 0.005)


def counted(mean: float, compared: int = 2000, *, of: LabelledPairs = COVERED, **fields: object) -> LabelledPairs:
    """Shortfalls of this mean, spread a little around it."""
    draw = np.random.default_rng(1)
    values = np.clip(mean + draw.normal(scale=0.1, size=compared), -1, 1)
    shares = np.histogram(values, bins=[-2, *np.array(SHORTFALLS) + 1 / 64])[0]
    found = replace(of, compared=compared, candidate_value=0.9 - mean, stable_value=0.9)
    return replace(found, shortfalls=tuple(map(float, shares)), **fields)  # type: ignore[arg-type]


def judged(of: LabelledQuality, *looks: LabelledPairs) -> Judgement:
    found = Judgement(verdict=Verdict.ERROR, reason="", message="", seen=GateMemory())
    for look in looks:
        found = of.judge(Evidence(parts=(look,)), found.seen)
    return found


@pytest.mark.parametrize(
    ("pairs", "verdict", "reason", "message"),
    [
        (
            counted(0.07),
            Verdict.FAIL,
            "MarginExceeded",
            (
                "roc_auc 0.83 beside stable's 0.9 (2000 labelled pairs, 2000 of class 1 compared): lower by more than "
                "0.02, error level 0.5 %"
            ),
        ),
        (
            counted(0.0),
            Verdict.PASS,
            "WithinMargin",
            (
                "roc_auc 0.9 beside stable's 0.9 (2000 labelled pairs, 2000 of class 1 compared): lower by less than "
                "0.02, error level 5 %"
            ),
        ),
        (counted(0.02), Verdict.INCONCLUSIVE, "NotDecided", "shown neither to be lower by more than 0.02 (odds"),
        (BEGUN, Verdict.INCONCLUSIVE, "NoPairs", "no request was answered by both versions and recorded"),
        (
            replace(BEGUN, pairs=40),
            Verdict.INCONCLUSIVE,
            "NoLabels",
            (
                "no label has come for any of the 40 requests that both versions answered: send labels to the drift "
                "monitor (POST /v1/labels)"
            ),
        ),
        (
            replace(BEGUN, pairs=40, labelled=30),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            "30 labels came, and all are of one class: roc_auc needs both",
        ),
        (
            replace(BEGUN, pairs=40, labelled=30, unusable=30),
            Verdict.INCONCLUSIVE,
            "LabelsUnusable",
            "30 labels came, and with none of them both versions' predictions can be judged by roc_auc",
        ),
        (
            replace(BEGUN, pairs=40, labelled=30, unscaled=30),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            "30 labels came; the first ones tell which error is large, and are not compared (scale)",
        ),
        (
            counted(0.07, older_labelled=100),
            Verdict.INCONCLUSIVE,
            "CoverageTooLow",
            "it seems lower by more than 0.02, but labels have come for 10 % of the older requests, and 50 % are",
        ),
        (
            counted(0.0, older_labelled=100),
            Verdict.INCONCLUSIVE,
            "CoverageTooLow",
            "it seems lower by less than 0.02, but labels have come for 10 %",
        ),
        (
            counted(0.0, labelled=400),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            "it seems lower by less than 0.02, but 400 of 500 labelled pairs were seen (minSamples)",
        ),
        (
            counted(1.0, 15),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            "it seems lower by more than 0.02, but only 15 of 20 values were compared",
        ),
    ],
    ids=[
        *("worse", "as good", "undecided", "no pairs", "no labels", "one class", "unusable", "no scale"),
        *("worse by special ones", "as good by special ones", "too few to pass", "too few to fail"),
    ],
)
def test_verdicts(pairs: LabelledPairs, verdict: Verdict, reason: str, message: str) -> None:
    found = judged(gate(), pairs)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert message in found.message


def test_a_loss_is_compared_as_a_part_of_stables() -> None:
    found = judged(gate("mae", scale=10.0), counted(-0.05))
    assert found.verdict is Verdict.PASS
    assert "less than 5 % above stable's" in found.message
    assert "of class" not in found.message
    worse = judged(gate("log_loss", margin={"relative": "12%"}), counted(0.05))
    assert worse.verdict is Verdict.FAIL
    assert "more than 12 % above stable's" in worse.message


def test_what_was_shown_to_be_within_the_margin_stays_shown_unless_the_contrary_is() -> None:
    of = gate()
    assert judged(of, counted(0.0), counted(0.02)).verdict is Verdict.PASS
    assert judged(of, counted(0.0), counted(0.07)).verdict is Verdict.FAIL
    elsewhere = replace(counted(0.02), since="another beginning")
    assert judged(of, counted(0.0), elsewhere).verdict is Verdict.INCONCLUSIVE


def test_where_the_monitor_lost_its_counts_the_test_begins_anew() -> None:
    lost = replace(BEGUN, since="another beginning", pairs=3)
    found = judged(gate(), counted(0.0), lost)
    assert (found.verdict, found.reason, found.seen.samples) == (Verdict.INCONCLUSIVE, "NoLabels", 0)


def test_a_look_that_is_lost_changes_nothing() -> None:
    half, whole = counted(0.0, 1000), counted(0.0)
    assert judged(gate(), half, whole) == judged(gate(), whole)


def test_figures() -> None:
    named = {figure.name: (figure.candidate, figure.stable) for figure in judged(gate(), counted(0.07)).seen.figures}
    assert named == {
        "pairs": (4000, None),
        "labelled pairs": (2000, None),
        "coverage": (0.9, None),
        "compared": (2000, None),
        "roc_auc": (0.83, 0.9),
    }


def test_bounds() -> None:
    bounds = {bound.name: bound for bound in judged(gate(), counted(0.07)).seen.bounds}
    assert list(bounds) == ["odds of harm", "odds of no harm", "roc_auc below stable's", "coverage, %"]
    assert (bounds["odds of harm"].reached, bounds["odds of harm"].limit) == (1.0, 200)
    assert bounds["odds of no harm"].reached == 0
    assert (bounds["roc_auc below stable's"].value, bounds["roc_auc below stable's"].limit) == (0.07, 0.02)
    assert (bounds["coverage, %"].value, bounds["coverage, %"].limit) == (90, 50)
    above = judged(gate("brier"), counted(-0.09)).seen.bounds[2]
    assert (above.name, above.value, above.limit) == ("brier above stable's, %", 10, 5)
    assert [bound.name for bound in judged(gate(), BEGUN).seen.bounds] == ["coverage, %"]


def test_the_same_bytes_are_one_model() -> None:
    found = judged(gate(), LabelledPairs(since="", same_model=True))
    assert (found.verdict, found.reason) == (Verdict.PASS, "SameModel")


@pytest.mark.parametrize(
    ("metric", "margin", "ratio"),
    [("roc_auc", {}, 1.0), ("accuracy", {"absolute": "3%"}, 1.0), ("brier", {}, 1.05), ("rmse", {}, 1.1025)],
)
def test_the_monitor_is_told_how_many_times_stables_loss_is_tolerated(
    metric: str, margin: dict[str, str], ratio: float
) -> None:
    entry = LiveQualityGate.model_validate({"name": "live-quality", "metric": metric, "margin": margin})
    assert tolerated_ratio(entry) == pytest.approx(ratio)


def test_another_margin_or_scale_is_another_test() -> None:
    texts = {
        gate().config,
        gate(margin={"absolute": "3%"}).config,
        gate("accuracy").config,
        gate(positive="fraud").config,
        gate("mae", scale=3.0).config,
    }
    assert len(texts) == 5


@pytest.mark.parametrize("metric", list(QualityMetric))
def test_it_takes_its_share_of_the_error_budget(metric: QualityMetric) -> None:
    gates = gates_of(
        Analysis.model_validate(
            {"gates": [{"name": "error-rate"}, {"name": "live-quality", "metric": metric.value}, {"name": "drift"}]}
        )
    )
    (found,) = (one for one in gates if isinstance(one, LabelledQuality))
    assert found.alpha == error_budget(2)


def conditions(weight: int = 0, mirror: int = 0, *, sticky: bool = False, logger: str = "all") -> StepConditions:
    canary = {"stickiness": {"header": "x-user"}} if sticky else {}
    spec = ModelDeploymentSpec.model_validate(
        {
            "registry": {"model": "m", "alias": "champion"},
            "predictor": {"logger": {"mode": logger}},
            "strategy": {"canary": canary},
        }
    )
    return StepConditions(spec=spec, weight=weight, mirror=mirror)


@pytest.mark.parametrize(
    ("step", "gathers"),
    [
        (conditions(mirror=100), True),
        (conditions(weight=20), False),
        (conditions(weight=20, sticky=True), True),
        (conditions(weight=100), True),
        (conditions(), False),
        (conditions(mirror=100, logger="none"), False),
    ],
    ids=["copies", "own requests", "sticky users", "all", "nothing", "not recorded"],
)
def test_it_gathers_where_both_versions_answer_the_same_requests(step: StepConditions, *, gathers: bool) -> None:
    assert gate().gathers(step) is gathers
