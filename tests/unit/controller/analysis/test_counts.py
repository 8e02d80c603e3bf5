"""Counts of tries."""

import pytest

from penstock_controller.analysis.counts import Block, CountedTries


@pytest.mark.parametrize(("tries", "failures"), [(1, 2), (0, 1), (5, -1), (-1, -1)])
def test_more_failures_than_tries_or_fewer_than_none_are_refused(tries: int, failures: int) -> None:
    with pytest.raises(ValueError, match="0 <= failures <= tries"):
        CountedTries(tries=tries, failures=failures)


def test_blocks_add_up_arm_by_arm() -> None:
    total = Block(CountedTries(5, 1), CountedTries(95, 2)) + Block(CountedTries(50, 0), CountedTries(50, 3))
    assert total == Block(CountedTries(55, 1), CountedTries(145, 5))


def test_a_block_compares_only_when_both_arms_were_tried() -> None:
    assert Block(CountedTries(1, 0), CountedTries(1, 0)).compares
    assert not Block(CountedTries(1, 0), CountedTries()).compares
    assert not Block(CountedTries(), CountedTries(1, 0)).compares


def test_counts_read_as_a_person_says_them() -> None:
    assert str(CountedTries(52, 41)) == "41 of 52 (78.8 %)"
    assert str(CountedTries(10, 6)) == "6 of 10 (60 %)"
    assert str(CountedTries(120, 0)) == "0 of 120"
    assert str(CountedTries()) == "0 of 0"
