"""The buckets that latencies are counted in."""

from itertools import pairwise

import pytest

from penstock_contracts.latency_buckets import EDGES, RATIO, bucket_of, edge_ms, highest_edge_up_to


def test_edges_are_at_most_five_per_cent_apart_from_a_tenth_of_a_millisecond_to_above_a_minute() -> None:
    edges = [edge_ms(index) for index in range(EDGES)]
    assert edges[0] == pytest.approx(0.1)
    assert edges[-1] > 60_000
    assert all(1.04 < above / below <= 1.05 for below, above in pairwise(edges))


def test_four_edges_are_a_fifth() -> None:
    assert pytest.approx(1.2) == RATIO**4
    assert edge_ms(104) == pytest.approx(1.2 * edge_ms(100))


def test_a_bucket_has_its_lower_edge_and_not_its_upper_one() -> None:
    assert (bucket_of(0.05), bucket_of(edge_ms(0)), bucket_of(1e9)) == (0, 1, EDGES)
    assert (bucket_of(edge_ms(40)), bucket_of(edge_ms(40) * 0.999)) == (41, 40)


def test_the_highest_edge_below_a_limit() -> None:
    assert highest_edge_up_to(0.05) is None
    assert (highest_edge_up_to(edge_ms(7)), highest_edge_up_to(edge_ms(7) * 1.01)) == (7, 7)
    assert highest_edge_up_to(1e9) == EDGES - 1
