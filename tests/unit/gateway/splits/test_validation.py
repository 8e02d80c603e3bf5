"""A split that cannot be followed is refused with the field's path."""

from typing import Any

import pytest

from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, TrafficSplit
from penstock_gateway.splits.validation import problem_of_split


def split(**fields: Any) -> TrafficSplit:
    backends = (Backend(revision="r1", weight=100), Backend(revision="r2", weight=0))
    return TrafficSplit(number=1, **{"backends": backends, **fields})


def match(headers: dict[str, str], revision: str = "r2") -> dict[str, Any]:
    good = HeaderMatch(headers={"x-canary": "always"}, revision="r2")
    return {"match": (good, HeaderMatch(headers=headers, revision=revision))}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rescue": "r1", "mirror": Mirror(revision="r2", percentage=100), "stickiness": Stickiness(header="X-User-Id")},
        {"rescue": "r2", "mirror": Mirror(revision="r2", percentage=100)},
        {"mirror": Mirror(revision="r1", percentage=100, source="r2")},
        match({"x-canary": 'a b, c;d="e"', "accept-language": "de"}),
        {"backends": (), "attempt": 3},
    ],
)
def test_what_can_be_followed(fields: dict[str, Any]) -> None:
    assert problem_of_split(split(**fields)) == ""


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"rescue": "r3"}, "rescue: 'r3' is not among the backends"),
        ({"backends": (), "rescue": "r1"}, "rescue: 'r1' is not among the backends"),
        ({"mirror": Mirror(revision="r3", percentage=1)}, "mirror.revision: 'r3' is not among the backends"),
        ({"mirror": Mirror(revision="r1", percentage=1)}, "mirror.revision: 'r1' answers users too; copies go to"),
        ({"mirror": Mirror(revision="r1", percentage=1, source="r3")}, "mirror.source: 'r3' is not among the backends"),
        (
            {"mirror": Mirror(revision="r1", percentage=1, source="r1")},
            "mirror.source: 'r1' would answer copies of its",
        ),
        (match({"x-a": "b"}, "r3"), "match[1].revision: 'r3' is not among the backends"),
        (match({":path": "/x"}), "match[1].headers: ':path' is not a header's name"),
        (match({"": "x"}), "match[1].headers: '' is not a header's name"),
        (match({"x a": "x"}), "match[1].headers: 'x a' is not a header's name"),
        (match({"X-Penstock-Revision": "x"}), "match[1].headers: the gateway removes or replaces X-Penstock-Revision"),
        (match({"x-envoy-retry-on": "x"}), "match[1].headers: the gateway removes or replaces x-envoy-retry-on"),
        (match({"x-request-id": "x"}), "match[1].headers: the gateway removes or replaces x-request-id"),
        (match({"Host": "x"}), "match[1].headers: the gateway removes or replaces Host"),
        (match({"x-a": ""}), "match[1].headers: no request can have the value '' of x-a"),
        (match({"x-a": "b\n"}), r"match[1].headers: no request can have the value 'b\n' of x-a"),
        (match({"x-a": " b"}), "match[1].headers: no request can have the value ' b' of x-a"),
        ({"stickiness": Stickiness(header="a b")}, "stickiness.header: 'a b' is not a header's name"),
        ({"stickiness": Stickiness(header="x-request-id")}, "stickiness.header: the gateway removes or replaces"),
    ],
)
def test_what_cannot_be_followed(fields: dict[str, Any], problem: str) -> None:
    assert problem_of_split(split(**fields)).startswith(problem)
