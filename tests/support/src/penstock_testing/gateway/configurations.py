"""Configurations of the gateway, each with golden files."""

from typing import Any

from penstock_contracts.traffic import Backend, HeaderMatch, Mirror, Stickiness, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.splits.configuration import Configuration, configure
from penstock_gateway.splits.splits import LiveSplit

KEY = ModelKey("payments", "fraud-detector")
R1, R2 = RevisionRef(KEY, "r1"), RevisionRef(KEY, "r2")
LIMIT = 8 * 1024 * 1024
"""Bytes of the largest body."""


def live(weights: dict[str, int] | None, *, number: int = 4, **fields: Any) -> LiveSplit:
    """What users get: these weights; None: nothing serves yet."""
    if weights is None:
        return LiveSplit(uid="u1", split=None)
    backends = tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items())
    return LiveSplit(uid="u1", split=TrafficSplit(number=number, backends=backends, timeout_seconds=9.0, **fields))


ENDPOINTS = {
    R1: (Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080)),
    R2: (Endpoint("10.0.0.3", 8080, ready=False),),
}
CASES = {
    "one-version": configure({KEY: live({"r1": 100, "r2": 0})}, ENDPOINTS),
    "two-versions": configure({KEY: live({"r1": 95, "r2": 5})}, ENDPOINTS),
    "rollout": configure(
        {
            KEY: live(
                {"r1": 95, "r2": 5, "r3": 0},
                attempt=2,
                timed=True,
                by_pod=True,
                rescue="r1",
                mirror=Mirror(revision="r3", percentage=10),
                match=(HeaderMatch(headers={"x-canary": "always"}, revision="r2"),),
                stickiness=Stickiness(header="x-user-id"),
            )
        },
        ENDPOINTS,
    ),
    "nothing-to-serve": configure({KEY: live(None), ModelKey("payments", "other"): live({})}, {}),
    "empty": Configuration(),
}
