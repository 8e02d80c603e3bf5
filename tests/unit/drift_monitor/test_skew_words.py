import pytest

from penstock_contracts.skew import FeatureSkew, SkewComparison
from penstock_drift_monitor.skew_words import skew_message, why


def compared(**features: FeatureSkew) -> SkewComparison:
    return SkewComparison(rows=200, features=features)


def test_features_that_agree_are_told_in_one_sentence() -> None:
    told = skew_message(compared(age=FeatureSkew(compared=200, differing=2), city=FeatureSkew(compared=0, differing=0)))
    assert told == "the 2 looked-up features of 200 served rows are what training would see"


def test_those_that_differ_are_named_the_worst_first_and_the_rest_counted() -> None:
    features = {
        f"f{number}": FeatureSkew(compared=100, differing=10 + number, reasons={"Differs": 10 + number})
        for number in range(7)
    }
    comparison = compared(**features)
    assert comparison.skewed == ("f6", "f5", "f4", "f3", "f2", "f1", "f0")
    told = skew_message(comparison)
    assert told.startswith("of 200 served rows, features differ from what training would see: f6 in 16.0% (the values")
    assert "f2 in 12.0%" in told
    assert "f1" not in told
    assert ", and 2 more. A model that is trained now" in told


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        (
            FeatureSkew(compared=9, differing=9, reasons={"Shifted": 8, "Differs": 1}, hours=-5),
            "off by -5 h: a time zone",
        ),
        (FeatureSkew(compared=9, differing=9, reasons={"Behind": 9}, behind_seconds=86400), "values 24.0 h old"),
        (FeatureSkew(compared=9, differing=9, reasons={"OtherDefault": 9}), "another default than in training"),
        (FeatureSkew(compared=9, differing=9, reasons={"Shifted": 9}), "Shifted"),
        (FeatureSkew(compared=9, differing=9), "are they computed alike?"),
        (FeatureSkew(compared=9, differing=9, reasons={"SomethingNewer": 9}), "SomethingNewer"),
    ],
)
def test_the_most_frequent_reason_is_told_with_its_figure(feature: FeatureSkew, told: str) -> None:
    assert told in why(feature)


def test_a_feature_that_was_never_looked_up_is_not_skewed() -> None:
    assert FeatureSkew(compared=0, differing=0).share == 0
    assert compared(age=FeatureSkew(compared=0, differing=0)).skewed == ()
