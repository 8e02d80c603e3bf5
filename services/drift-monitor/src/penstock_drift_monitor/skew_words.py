"""A comparison of served features with those of training, in words."""

from typing import Final

from penstock_contracts.skew import FeatureSkew, SkewComparison

_SHOWN: Final = 5
"""Features that a message names; the others are counted."""
_HOUR: Final = 3600


def skew_message(comparison: SkewComparison) -> str:
    """Which features differ, in how many of the values, and why."""
    skewed = comparison.skewed
    rows = f"{comparison.rows} served rows"
    if not skewed:
        return f"the {len(comparison.features)} looked-up features of {rows} are what training would see"
    told = [f"{name} in {comparison.features[name].share:.1%} ({why(comparison.features[name])})" for name in skewed]
    more = f", and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return (
        f"of {rows}, features differ from what training would see: {', '.join(told[:_SHOWN])}{more}. A model that is "
        "trained now would not be served what it learned from"
    )


def why(feature: FeatureSkew) -> str:
    """The most frequent reason, with what is known of it."""
    reason = max(feature.reasons, key=lambda word: feature.reasons[word], default="Differs")
    if reason == "Shifted" and feature.hours is not None:
        return f"event times are off by {feature.hours:+d} h: a time zone"
    if reason == "Behind" and feature.behind_seconds is not None:
        return f"the online store lags: values {feature.behind_seconds / _HOUR:.1f} h old"
    return _WORDS.get(reason, reason)


_WORDS: Final = {
    "NotOnline": "the online store has no value, offline has",
    "TooOld": "values were older than maxAge, offline has newer ones",
    "Unavailable": "the feature store gave nothing",
    "OtherDefault": "another default than in training",
    "NotOffline": "offline has no value",
    "Differs": "the values differ: are they computed alike?",
}
