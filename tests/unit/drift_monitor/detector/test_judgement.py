from penstock_contracts.drift import DriftReason, DriftVerdict, DriftWish, ServedVersion
from penstock_drift_monitor.detector.finding import ColumnFinding
from penstock_drift_monitor.detector.judgement import DataSetJudgement, judged

STABLE = ServedVersion(version="6", digest="sha256:6", revision="r6")
WISH = DriftWish(stable=STABLE, key_columns=("amount",))


def finding(
    column: str, test: str = "shape", *, drifted: bool = False, judged: bool = True, unusual: bool = False
) -> ColumnFinding:
    return ColumnFinding(
        column=column,
        test=test,
        drifted=drifted,
        quality=test in ("missing", "non-finite", "unseen"),
        score=20.0 if drifted else 1.0,
        threshold=13.6,
        rows=500,
        since=0.0 if drifted else None,
        judged=judged,
        unusual=unusual,
    )


def of(*inputs: ColumnFinding, wish: DriftWish = WISH, **versions: ColumnFinding) -> DataSetJudgement:
    return judged(inputs, {name.removeprefix("v"): (found,) for name, found in versions.items()}, wish)


def summary(judgement: DataSetJudgement) -> tuple[DriftVerdict, DriftReason, bool | None]:
    return judgement.verdict, judgement.reason, judgement.dataset_drift


CALM = tuple(finding(name) for name in ("a", "b", "c"))
NO_DRIFT = (DriftVerdict.NO_DRIFT, DriftReason.NO_DRIFT, False)
UNKNOWN = (DriftVerdict.INCONCLUSIVE, DriftReason.INSUFFICIENT_DATA, None)
DATASET = (DriftVerdict.DRIFT, DriftReason.DATASET_DRIFT, True)
COLUMN = (DriftVerdict.DRIFT, DriftReason.COLUMN_DRIFT, False)


def test_nothing_drifts() -> None:
    assert summary(of(*CALM, v6=finding("prediction"))) == NO_DRIFT


def test_no_data_is_neither_drift_nor_its_absence() -> None:
    assert summary(of()) == UNKNOWN
    assert summary(of(*(finding(name, judged=False) for name in "abc"))) == UNKNOWN
    assert summary(of(*CALM, v6=finding("prediction", judged=False))) == UNKNOWN


def test_a_candidate_with_few_rows_does_not_hold_up_the_verdict() -> None:
    assert summary(of(*CALM, v7=finding("prediction", judged=False))) == NO_DRIFT


def test_one_column_of_many_is_no_drift_of_the_data_set() -> None:
    found = of(*CALM, finding("d", drifted=True))
    assert summary(found) == COLUMN
    assert found.columns[-1].since == "1970-01-01T00:00:00.000Z"
    assert "d: drift since 1970-01-01T00:00:00.000Z" in found.message


def test_half_of_the_columns_are() -> None:
    assert summary(of(*CALM[:2], finding("c", drifted=True), finding("d", drifted=True))) == DATASET


def test_so_is_one_key_column() -> None:
    found = of(*CALM, finding("amount", drifted=True))
    assert summary(found) == DATASET
    assert "key column amount" in found.message


def test_so_is_the_prediction_of_stable_but_not_of_another_version() -> None:
    assert summary(of(*CALM, v6=finding("prediction", drifted=True))) == DATASET
    other = of(*CALM, v7=finding("prediction", drifted=True))
    assert summary(other) == COLUMN
    assert other.columns[-1].name == "prediction (version 7)"


def test_broken_values_come_before_drift_that_they_may_have_caused() -> None:
    found = of(*CALM, finding("amount", "missing", drifted=True), v6=finding("prediction", drifted=True))
    assert summary(found) == (DriftVerdict.DRIFT, DriftReason.DATA_QUALITY, None)
    assert "mend where they come from" in found.message


def test_broken_values_alone_are_no_drift_of_the_data_set_even_in_a_key_column() -> None:
    found = of(*CALM, finding("amount", "missing", drifted=True))
    assert summary(found) == (DriftVerdict.DRIFT, DriftReason.DATA_QUALITY, False)


def test_broken_values_are_told_before_a_period_is_whole() -> None:
    found = of(finding("a", judged=False), finding("b", "unseen", drifted=True))
    assert summary(found) == (DriftVerdict.DRIFT, DriftReason.DATA_QUALITY, None)


def test_a_key_column_that_the_sample_lacks_is_named() -> None:
    assert "no key column amount" in of(*CALM).message


def test_what_is_unusual_so_far_is_told_of_its_column_and_decides_nothing() -> None:
    found = of(*CALM, finding("d", unusual=True))
    assert summary(found) == NO_DRIFT
    assert found.columns[-1].message == "unusual for the period so far"


def test_a_message_names_five_columns_and_counts_the_rest() -> None:
    found = of(*(finding("x" * 200 + str(number), drifted=True) for number in range(9)))
    assert "and 4 more" in found.message
    assert len(found.message) < 1000
