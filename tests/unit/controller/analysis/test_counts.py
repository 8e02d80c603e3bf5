"""Counts of tries."""

import pytest

from penstock_controller.analysis.counts import Block, VersionTries


@pytest.mark.parametrize(("tries", "failures"), [(1, 2), (0, 1), (5, -1), (-1, -1)])
def test_more_failures_than_tries_or_fewer_than_none_are_refused(tries: int, failures: int) -> None:
    with pytest.raises(ValueError, match="0 <= failures <= tries"):
        VersionTries(tries=tries, failures=failures)


def test_blocks_add_up_arm_by_arm() -> None:
    total = Block(VersionTries(5, 1), VersionTries(95, 2)) + Block(VersionTries(50, 0), VersionTries(50, 3))
    assert total == Block(VersionTries(55, 1), VersionTries(145, 5))


def test_a_block_compares_only_when_both_arms_were_tried() -> None:
    assert Block(VersionTries(1, 0), VersionTries(1, 0)).compares
    assert not Block(VersionTries(1, 0), VersionTries()).compares
    assert not Block(VersionTries(), VersionTries(1, 0)).compares


def test_counts_read_as_a_person_says_them() -> None:
    assert str(VersionTries(52, 41)) == "41 of 52 tries (78.8 %)"
    assert str(VersionTries()) == "0 of 0 tries"
