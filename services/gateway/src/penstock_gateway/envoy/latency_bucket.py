"""The bucket of a try's latency as a format of Envoy's, so that a counter can be tagged by it."""

from penstock_contracts.latency_buckets import EDGES, edge_ms
from penstock_gateway.envoy.resource_file import METADATA

TIMED, TIMED_YES = "timed", "yes"
"""Metadata of a route, and of a server that answers copies, whose tries are to be counted by how long they took."""
_TOOK = "request.duration"
"""In the log of tries: since a server was chosen for this try."""


def _bucket(lowest: int, highest: int) -> str:
    """An expression in CEL that halves the buckets until one is left: nine comparisons for 294 buckets."""
    if lowest == highest:
        return f"'{lowest}'"
    middle = (lowest + highest + 1) // 2
    edge = f"duration('{edge_ms(middle - 1) / 1000:.9f}s')"
    return f"({_TOOK}<{edge}?{_bucket(lowest, middle - 1)}:{_bucket(middle, highest)})"


def _is_timed(whose: str) -> str:
    """An error where there is no such metadata, which `||` takes for false if the other side is true."""
    return f"xds.{whose}_metadata.filter_metadata['{METADATA}'].{TIMED}=='{TIMED_YES}'"


# A copy has no route: what is wanted of it stands on the server.
_WANTED = f"{_is_timed('route')}||{_is_timed('upstream_host')}"
LATENCY_BUCKET = f"%CEL({_WANTED}?{_bucket(0, EDGES)}:'')%"
"""The bucket's number; empty where nobody wants it: each bucket that is reached is a counter more.

Envoy's own histograms have edges up to 10 % apart: docs/decisions/0045-latency-gates.md has what was tried.
"""
