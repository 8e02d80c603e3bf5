"""What the gate prediction-divergence says of counts of pairs, and where it can gather them."""

from dataclasses import replace

import pytest

from penstock_contracts.api.analysis import Analysis, ComparedPart, PredictionDivergenceGate
from penstock_contracts.api.strategy import SetReplay
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.divergence import DIFFERENCE_BINS, ReplayProblem, ReplayReport, difference_bin
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import error_budget, gates_of
from penstock_controller.gates.evidence import Evidence, PairedOutputs
from penstock_controller.gates.gate import GateMemory, Judgement, StepConditions
from penstock_controller.gates.prediction_divergence import PredictionDivergence

BEGUN = PairedOutputs(since="2026-11-29T12:00:00.000001+00:00")


def gate(**fields: object) -> PredictionDivergence:
    entry = PredictionDivergenceGate.model_validate({"name": "prediction-divergence", **fields})
    return PredictionDivergence.of(entry, 0.005)


def classes(flips: int, pairs: int, **fields: object) -> PairedOutputs:
    found = replace(BEGUN, pairs=pairs, classified=pairs, flips=flips, candidate_rows=pairs, stable_rows=2 * pairs)
    return replace(found, **fields)  # type: ignore[arg-type]


def scores(difference: float, pairs: int) -> PairedOutputs:
    bins = [0] * DIFFERENCE_BINS
    bins[difference_bin(difference)] = pairs
    return replace(BEGUN, pairs=pairs, scored=pairs, total_difference=difference * pairs, differences=tuple(bins))


def judged(of: PredictionDivergence, *looks: PairedOutputs) -> Judgement:
    """After a first look at which there was nothing."""
    found = of.judge(Evidence(parts=(BEGUN,)), GateMemory())
    for look in looks:
        found = of.judge(Evidence(parts=(look,)), found.seen)
    return found


@pytest.mark.parametrize(
    ("counts", "verdict", "reason", "message"),
    [
        (
            classes(12, 300),
            Verdict.FAIL,
            "PredictionsDiverge",
            "12 of 300 predictions differ (4 %): more than 1 %, error level 0.5 %",
        ),
        (
            classes(0, 600),
            Verdict.PASS,
            "PredictionsAgree",
            "0 of 600 predictions differ (0 %): less than 1 %, error level 5 %",
        ),
        (
            classes(2, 150),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            (
                "2 of 150 predictions differ (1.33 %): shown neither to be more than 1 % (odds 0.4 of 200 needed) "
                "nor less than 1 % (odds 0.22 of 20 needed)"
            ),
        ),
        (
            classes(4, 4),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            "4 of 4 predictions differ (100 %): it seems more than 1 %, but only 4 of 5 pairs that differ were seen",
        ),
        (
            scores(0.2, 60),
            Verdict.FAIL,
            "PredictionsDiverge",
            "60 predictions differ by 20 % of their range on average: more than 1 %, error level 0.5 %",
        ),
        (
            scores(0.0, 600),
            Verdict.PASS,
            "PredictionsAgree",
            "600 predictions differ by 0 % of their range on average: less than 1 %, error level 5 %",
        ),
        (
            BEGUN,
            Verdict.INCONCLUSIVE,
            "NoPairs",
            "no request was answered by both versions: 0 rows of the candidate were recorded and 0 of stable",
        ),
        (
            replace(BEGUN, pairs=40, unscaled=40),
            Verdict.INCONCLUSIVE,
            "NoPairs",
            (
                "40 pairs of numbers came, and it is not known which difference is large: write scale, or log a "
                "reference sample with a column prediction"
            ),
        ),
        (
            replace(BEGUN, candidate_rows=30, stable_rows=70, unpredicted=100),
            Verdict.INCONCLUSIVE,
            "NoPairs",
            "100 rows were recorded whose outputs have no column that is a class or a number",
        ),
    ],
    ids=[
        *("differ", "agree", "undecided", "few that differ", "numbers differ", "numbers agree"),
        *("none", "no scale", "no prediction"),
    ],
)
def test_verdicts(counts: PairedOutputs, verdict: Verdict, reason: str, message: str) -> None:
    found = judged(gate(), counts)
    assert (found.verdict, found.reason, found.message) == (verdict, reason, message)


def test_no_pass_before_min_samples() -> None:
    found = judged(gate(minSamples=1000), classes(0, 600))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.message.endswith("it seems less than 1 %, but only 600 of 1000 pairs were seen")


def test_figures_are_pairs_flips_and_the_mean_difference() -> None:
    counts = replace(scores(0.25, 40), classified=40, flips=3)
    figures = {figure.name: figure.candidate for figure in judged(gate(), counts).seen.figures}
    assert figures == {"pairs": 40, "flips": 3, "mean difference": 0.25, "recorded rows": 0}


def test_what_was_counted_before_the_first_look_is_of_another_stage() -> None:
    before = replace(scores(0.3, 5000), classified=5000, flips=400, candidate_rows=9000, stable_rows=8000)
    begun = gate().judge(Evidence(parts=(before,)), GateMemory())
    assert (begun.verdict, begun.seen.samples) == (Verdict.INCONCLUSIVE, 0)
    after = replace(before, pairs=5600, classified=5600, flips=400, scored=5600)
    found = gate().judge(Evidence(parts=(after,)), begun.seen)
    assert (found.verdict, found.seen.samples) == (Verdict.PASS, 600)


def test_counts_that_began_anew_begin_a_new_test() -> None:
    first = judged(gate(), classes(0, 600))
    lost = classes(7, 20, since="2026-11-29T13:00:00.000001+00:00")
    found = gate().judge(Evidence(parts=(lost,)), first.seen)
    assert (found.verdict, found.seen.samples) == (Verdict.INCONCLUSIVE, 0)


@pytest.mark.parametrize("count", [0, 63, 64, 999_999_999])
def test_what_stands_in_status_is_restored_exactly_and_bounded(count: int) -> None:
    total = PairedOutputs(
        since=BEGUN.since,
        candidate_rows=count,
        stable_rows=count,
        pairs=count,
        classified=count,
        flips=count,
        scored=count,
        differences=(count,) * DIFFERENCE_BINS,
        unscaled=count,
        unpredicted=count,
        recorded=count,
        recorded_pairs=count,
        failed=count,
    )
    seen = gate().judge(Evidence(parts=(total,)), GateMemory()).seen
    assert len(seen.state) <= 512
    again = gate().judge(Evidence(parts=(replace(total, classified=count + 3, pairs=count + 3),)), seen)
    assert (again.seen.samples, again.seen.state) == (3, seen.state)


def test_what_an_older_controller_left_is_gone_on_from() -> None:
    seen = gate().judge(Evidence(parts=(classes(1, 100),)), GateMemory()).seen
    older = seen.state.rsplit(",", 3)[0]
    found = gate().judge(Evidence(parts=(classes(1, 400),)), replace(seen, state=older))
    assert (found.seen.samples, found.seen.state) == (300, seen.state)


def test_a_status_that_was_edited_by_hand_begins_anew() -> None:
    for state in ("x", "2026 1,2", "a b c", "2026 !"):
        found = gate().judge(Evidence(parts=(classes(9, 90),)), GateMemory(samples=5, state=state))
        assert found.seen.samples == 0


def test_the_same_bytes_pass_and_say_why() -> None:
    found = gate().judge(Evidence(parts=(PairedOutputs(since="", same_model=True),)), GateMemory())
    assert (found.verdict, found.reason) == (Verdict.PASS, "SameModel")
    assert "byte for byte" in found.message


@pytest.mark.parametrize(
    ("compare", "verdict"), [(None, Verdict.PASS), ("Classes", Verdict.PASS), ("Scores", Verdict.FAIL)]
)
def test_the_user_chooses_what_is_compared(compare: str | None, verdict: Verdict) -> None:
    counts = replace(scores(0.2, 600), classified=600, flips=0)
    assert judged(gate(compare=compare), counts).verdict is verdict


def test_a_model_without_what_is_compared_says_so() -> None:
    found = judged(gate(compare=ComparedPart.CLASSES), scores(0.2, 600))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "neither version predicts a class" in found.message


def test_another_max_begins_a_new_test() -> None:
    assert gate(max="1%").config != gate(max="2%").config != gate(max="2%", compare="Scores").config


def test_how_many_pairs_a_good_version_needs_is_foretold() -> None:
    assert gate().samples_to_pass(GateMemory(), 0.5) == 368
    assert gate(max="10%").samples_to_pass(GateMemory(), 0.5) == 300


@pytest.mark.parametrize(
    ("weight", "mirror", "fields", "gathers"),
    [
        (0, 100, {}, True),
        (0, 10, {}, True),
        (50, 0, {}, False),
        (50, 0, {"strategy": {"canary": {"stickiness": {"header": "x-user"}}}}, True),
        (100, 0, {}, True),
        (0, 0, {}, False),
        (0, 100, {"predictor": {}}, False),
        (0, 100, {"predictor": {"logger": {"mode": "none"}}}, False),
    ],
)
def test_it_gathers_where_both_versions_answer_the_same_requests_and_are_recorded(
    weight: int, mirror: int, fields: dict[str, object], *, gathers: bool
) -> None:
    registry = {"model": "m", "alias": "champion"}
    given = {"registry": registry, "predictor": {"logger": {"mode": "all"}}, **fields}
    spec = ModelDeploymentSpec.model_validate(given)
    assert gate().gathers(StepConditions(spec=spec, weight=weight, mirror=mirror)) is gathers


def test_it_gathers_where_recorded_requests_are_replayed() -> None:
    given = {"registry": {"model": "m", "alias": "champion"}, "predictor": {"logger": {"mode": "all"}}}
    during = StepConditions(
        spec=ModelDeploymentSpec.model_validate(given), weight=0, mirror=0, replay=SetReplay(max_requests=7)
    )
    assert gate().gathers(during)
    assert gate().replayed(during) == SetReplay(max_requests=7)


def replayed(counts: PairedOutputs, requests: int, **fields: object) -> PairedOutputs:
    """Counts of which pairs, one a request, are of recorded requests."""
    replay = ReplayReport.model_validate({"chosen": requests, "answered": requests, "over": True, **fields})
    return replace(counts, recorded=requests, recorded_pairs=requests, failed=replay.failed, replay=replay)


COLUMNS = ReplayReport(problem=ReplayProblem.COLUMNS_NOT_RECORDED, message="the records lack columns")
UNREACHED = ReplayReport(chosen=9, problem=ReplayProblem.REPLAY_NOT_REACHED, message="the gateway reaches no pod of it")
LATER = ReplayReport(problem="OfANewerMonitor", message="something else")


@pytest.mark.parametrize(
    ("counts", "verdict", "reason", "message"),
    [
        (
            replayed(classes(12, 300), 300),
            Verdict.FAIL,
            "PredictionsDiverge",
            "12 of 300 predictions differ (4 %) on 300 recorded requests: more than 1 %, error level 0.5 %",
        ),
        (
            replayed(scores(0.0, 600), 600),
            Verdict.PASS,
            "PredictionsAgree",
            (
                "600 predictions differ by 0 % of their range on average on 600 recorded requests: "
                "less than 1 %, error level 5 %"
            ),
        ),
        (
            replayed(classes(0, 600), 200),
            Verdict.PASS,
            "PredictionsAgree",
            "0 of 600 predictions differ (0 %), 200 of them on 200 recorded requests: less than 1 %, error level 5 %",
        ),
        (
            replayed(classes(0, 88), 88, failed=12, failures={"500": 10, "no answer": 2}),
            Verdict.FAIL,
            "PredictionsDiverge",
            (
                "0 of 88 predictions differ (0 %) on 88 recorded requests; 12 recorded requests failed that stable had "
                "answered (10 x HTTP 500, 2 x no answer): more than 1 %, error level 0.5 %"
            ),
        ),
        (
            replace(replayed(BEGUN, 0, chosen=8, failed=8, failures={"400": 8}), recorded=0),
            Verdict.FAIL,
            "PredictionsDiverge",
            ("8 recorded requests failed that stable had answered (8 x HTTP 400): more than 1 %, error level 0.5 %"),
        ),
        (
            replayed(classes(0, 90), 90, chosen=400, over=False),
            Verdict.INCONCLUSIVE,
            "NotDecided",
            (
                "0 of 90 predictions differ (0 %) on 90 recorded requests: shown neither to be more than 1 % "
                "(odds 0.24 of 200 needed) nor less than 1 % (odds 2.1 of 20 needed); "
                "90 of 400 recorded requests are answered"
            ),
        ),
        (
            replayed(classes(0, 90), 90, chosen=91, gone=1),
            Verdict.INCONCLUSIVE,
            "ReplayOver",
            (
                "0 of 90 predictions differ (0 %) on 90 recorded requests: shown neither to be more than 1 % "
                "(odds 0.24 of 200 needed) nor less than 1 % (odds 2.1 of 20 needed); "
                "all 91 recorded requests were asked, 1 of them have left the records"
            ),
        ),
        (
            replayed(BEGUN, 0, chosen=400, over=False),
            Verdict.INCONCLUSIVE,
            "NoPairs",
            "0 of 400 recorded requests are answered",
        ),
        (
            replace(BEGUN, replay=COLUMNS),
            Verdict.INCONCLUSIVE,
            "ColumnsNotRecorded",
            (
                "no request was answered by both versions: 0 rows of the candidate were recorded and 0 of stable; "
                "nothing is replayed: the records lack columns"
            ),
        ),
        (
            replace(BEGUN, replay=UNREACHED),
            Verdict.INCONCLUSIVE,
            "NoPairs",
            (
                "no request was answered by both versions: 0 rows of the candidate were recorded and 0 of stable; "
                "nothing is replayed: the gateway reaches no pod of it"
            ),
        ),
        (
            replace(BEGUN, replay=LATER),
            Verdict.INCONCLUSIVE,
            "NoPairs",
            (
                "no request was answered by both versions: 0 rows of the candidate were recorded and 0 of stable; "
                "nothing is replayed: something else"
            ),
        ),
    ],
    ids=[
        *("differ", "agree", "beside copies", "some fail", "all fail", "under way", "over and undecided", "begun"),
        *("columns are not recorded", "not reached", "a newer monitor's problem"),
    ],
)
def test_verdicts_on_recorded_requests(counts: PairedOutputs, verdict: Verdict, reason: str, message: str) -> None:
    found = judged(gate(), counts)
    assert (found.verdict, found.reason, found.message) == (verdict, reason, message)


def test_fewer_than_five_recorded_requests_that_fail_are_no_failure() -> None:
    found = judged(gate(), replayed(classes(0, 20), 20, failed=4, failures={"500": 4}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "only 4 of 5 pairs that differ were seen" in found.message


def test_figures_name_recorded_requests() -> None:
    counts = replayed(classes(0, 94), 94, failed=6, failures={"500": 6})
    figures = {figure.name: figure.candidate for figure in judged(gate(), counts).seen.figures}
    assert (figures["pairs"], figures["recorded requests"], figures["failed recorded requests"]) == (100, 94, 6)


def test_it_has_its_share_of_the_error_budget() -> None:
    analysis = Analysis.model_validate({"gates": [{"name": "error-rate"}, {"name": "prediction-divergence"}]})
    _, found = gates_of(analysis)
    assert isinstance(found, PredictionDivergence)
    assert found.alpha == error_budget(2)
