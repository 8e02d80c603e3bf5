"""The buckets that latencies of tries are counted in: the same on every gateway pod and in the controller.

Edges are 4.66 % apart, so that four buckets are exactly 20 %, the usual margin of a latency gate. An edge is named by
its index, and the bucket below an edge has the same number: bucket 0 lies below the lowest edge, bucket `EDGES` above
the highest.
"""

from bisect import bisect_right

RATIO = 1.2**0.25
"""Of an edge to the one below."""
_LOWEST_MS = 0.1
EDGES = 293
"""The highest is above a minute, and no try takes longer."""
_ALL = tuple(_LOWEST_MS * RATIO**index for index in range(EDGES))


def edge_ms(index: int) -> float:
    """An edge, in milliseconds."""
    return _ALL[index]


def bucket_of(milliseconds: float) -> int:
    """The bucket of a latency: it is at least as long as the edge below, and shorter than the one above."""
    return bisect_right(_ALL, milliseconds)


def highest_edge_up_to(milliseconds: float) -> int | None:
    """The highest edge that is not above this latency; None: all are."""
    return bucket_of(milliseconds) - 1 if milliseconds >= _LOWEST_MS else None
