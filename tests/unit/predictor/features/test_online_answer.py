"""Feast's form, by answers that its server gave (0.67.0)."""

import json
from typing import Any

import pytest

from penstock_predictor.features.online_answer import FoundValue, found_values, question
from penstock_predictor.features.unavailable import Cause, FeaturesUnavailable

SEEN: dict[str, Any] = {
    "results": [
        {"values": ["u1", "u9"], "statuses": ["PRESENT"] * 2, "event_timestamps": ["1970-01-01T00:00:00Z"] * 2},
        {
            "values": [9007199254740993, None],
            "statuses": ["PRESENT", "NOT_FOUND"],
            "event_timestamps": ["2026-11-29T14:55:27Z", "1970-01-01T00:00:00Z"],
        },
        {
            "values": [None, "Fé"],
            "statuses": ["PRESENT", "OUTSIDE_MAX_AGE"],
            "event_timestamps": ["2026-11-29T14:55:27Z", "2026-11-27T14:55:27.250Z"],
        },
    ],
    "metadata": {"feature_names": ["user_id", "users__age", "users__city"]},
}
AT = 1795964127.0


def test_values_are_found_by_name_whatever_their_order() -> None:
    assert found_values(json.dumps(SEEN).encode(), ["users:city", "users:age"], 2) == {
        "users:city": [None, FoundValue("Fé", AT - 2 * 86400 + 0.25, too_old=True)],
        "users:age": [FoundValue(9007199254740993, AT, too_old=False), None],
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{}", "is not Feast's"),
        (b'"\\"Feature nope not found\\""', "is not Feast's"),
        (b"\xff", "is not Feast's"),
        (json.dumps(SEEN).replace("users__age", "users__years").encode(), "has no users:age: is it in the feature"),
        (json.dumps(SEEN).replace("9007199254740993, null", "1").encode(), "has 1 of users:age, not 2"),
        (json.dumps(SEEN).replace("2026-11-29T14:55:27Z", "yesterday").encode(), "has the event time 'yesterday'"),
    ],
)
def test_what_is_no_such_answer_gives_nothing(body: bytes, told: str) -> None:
    with pytest.raises(FeaturesUnavailable, match=told) as nothing:
        found_values(body, ["users:age"], 2)
    assert nothing.value.cause is Cause.ANSWER


def test_it_is_asked_for_a_feature_service_or_for_references() -> None:
    keys = [("u1", 7), ("u2", 8)]
    entities = {"user_id": ["u1", "u2"], "card": [7, 8]}
    names = {"full_feature_names": True}
    by_service = json.loads(question("fraud", ["users:age"], ["user_id", "card"], keys))
    by_references = json.loads(question(None, ["users:age"], ["user_id", "card"], keys))
    assert by_service == {"feature_service": "fraud", "entities": entities} | names
    assert by_references == {"features": ["users:age"], "entities": entities} | names
