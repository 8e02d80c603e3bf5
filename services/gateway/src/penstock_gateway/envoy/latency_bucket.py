"""The bucket of a try's latency as a format of Envoy's, so that a counter can be tagged by it."""

from penstock_contracts.latency_buckets import EDGES, edge_ms
from penstock_gateway.envoy.asked_tag import TIMED, asked_tag

_TOOK = "request.duration"
"""In the log of tries: since a server was chosen for this try."""


def _bucket(lowest: int, highest: int) -> str:
    """An expression in CEL that halves the buckets until one is left: nine comparisons for 294 buckets."""
    if lowest == highest:
        return f"'{lowest}'"
    middle = (lowest + highest + 1) // 2
    edge = f"duration('{edge_ms(middle - 1) / 1000:.9f}s')"
    return f"({_TOOK}<{edge}?{_bucket(lowest, middle - 1)}:{_bucket(middle, highest)})"


LATENCY_BUCKET = asked_tag(TIMED, _bucket(0, EDGES))
"""The bucket's number.

Envoy's own histograms have edges up to 10 % apart: docs/decisions/0045-latency-gates.md has what was tried.
"""
